#include "http/tokens.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <fstream>
#include <iterator>
#include <optional>

namespace keyfold::http {

namespace {

constexpr size_t max_tokens = 1000;
constexpr size_t max_file_bytes = 1u << 20;

using digest_type = std::array<uint8_t, 32>;

digest_type sha256(std::string_view text) {
  digest_type result{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), result.data(), &size, EVP_sha256(), nullptr);
  return result;
}

std::optional<digest_type> read_digest(std::string_view hex) {
  digest_type result{};
  if (hex.size() != 2 * result.size())
    return std::nullopt;
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (size_t i = 0; i < result.size(); ++i) {
    auto high = digit(hex[2 * i]);
    auto low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    result[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return result;
}

std::optional<uint8_t> read_scopes(std::string_view text) {
  uint8_t result = 0;
  while (!text.empty()) {
    auto end = text.find(',');
    auto name = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    auto one = name == "read"    ? permission::read
               : name == "push"  ? permission::push
               : name == "admin" ? permission::admin
                                 : permission::none;
    if (one == permission::none)
      return std::nullopt;
    result = static_cast<uint8_t>(result | static_cast<uint8_t>(one));
  }
  return result == 0 ? std::nullopt : std::optional{result};
}

std::string_view next_line(std::string_view& text) {
  auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
    line.remove_suffix(1);
  return line;
}

} // namespace

result<token_table> token_table::parse(std::string_view text) {
  token_table table;
  for (size_t number = 1; !text.empty(); ++number) {
    auto line = next_line(text);
    if (line.empty() || line.front() == '#')
      continue;
    auto gap = line.find_first_of(" \t");
    auto digest = read_digest(line.substr(0, gap));
    auto start = line.find_first_not_of(" \t", gap);
    auto scopes = gap == std::string_view::npos || start == std::string_view::npos
                      ? std::nullopt
                      : read_scopes(line.substr(start));
    // The line itself is a secret's digest: it does not go into the message.
    if (!digest || !scopes)
      return fail(fmt::format("line {}: write the token's SHA-256 as 64 hex digits, a space, and "
                              "some of read,push,admin joined by commas",
                              number));
    if (table.entries_.size() == max_tokens)
      return fail(fmt::format("line {}: there are more than {} tokens", number, max_tokens));
    table.entries_.push_back({*digest, *scopes});
  }
  return table;
}

token_table::verdict token_table::check(std::string_view token, permission wanted) const {
  auto digest = sha256(token);
  unsigned known = 0;
  unsigned allowed = 0;
  for (const auto& x : entries_) {
    auto same =
        static_cast<unsigned>(CRYPTO_memcmp(x.digest.data(), digest.data(), digest.size()) == 0);
    known |= same;
    allowed |= same * (x.scopes & static_cast<unsigned>(wanted));
  }
  if (known == 0)
    return verdict::unknown;
  return allowed != 0 || wanted == permission::none ? verdict::granted : verdict::insufficient;
}

result<void> token_store::load() {
  std::error_code problem;
  auto written = std::filesystem::last_write_time(path_, problem);
  std::ifstream in{path_, std::ios::binary};
  if (problem || !in)
    return fail(fmt::format("{}: cannot be read: correct serving.tokens_file", path_));
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (text.size() > max_file_bytes)
    return fail(fmt::format("{}: is longer than {} bytes", path_, max_file_bytes));
  auto table = token_table::parse(text);
  std::lock_guard guard{mutex_};
  read_at_ = written;
  if (!table)
    return fail(fmt::format("{}: {}", path_, table.error().message));
  table_ = std::make_shared<const token_table>(std::move(*table));
  return {};
}

result<void> token_store::reload_if_changed() {
  std::error_code problem;
  auto written = std::filesystem::last_write_time(path_, problem);
  {
    std::lock_guard guard{mutex_};
    // A file that is away for a moment is being replaced.
    if (problem || written == read_at_)
      return {};
  }
  return load();
}

token_table::verdict token_store::check(std::string_view authorization, permission wanted) const {
  if (!enabled() || wanted == permission::none)
    return token_table::verdict::granted;
  std::shared_ptr<const token_table> table;
  {
    std::lock_guard guard{mutex_};
    table = table_;
  }
  constexpr std::string_view scheme = "bearer ";
  if (table == nullptr || authorization.size() <= scheme.size())
    return token_table::verdict::unknown;
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != scheme[i])
      return token_table::verdict::unknown;
  return table->check(authorization.substr(scheme.size()), wanted);
}

} // namespace keyfold::http
