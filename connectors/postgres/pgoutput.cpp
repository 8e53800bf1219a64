#include "connectors/postgres/pgoutput.hpp"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace keyfold::postgres::pgoutput {

namespace {

/// Reads big-endian numbers and texts; past the end it turns bad, and gives zeros.
class reader {
public:
  explicit reader(std::string_view bytes) : left_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  std::string_view bytes(size_t size) {
    if (size > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    auto out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }
  /// Up to a zero byte.
  std::string_view text() {
    auto end = left_.find('\0');
    if (end == left_.npos) {
      bytes(left_.size() + 1);
      return {};
    }
    auto out = bytes(end);
    bytes(1);
    return out;
  }
  std::string_view rest() { return bytes(left_.size()); }
  bool good() const noexcept { return good_; }
  bool at_end() const noexcept { return left_.empty(); }
  size_t size() const noexcept { return left_.size(); }

private:
  uint64_t number(size_t size) {
    uint64_t out = 0;
    for (auto byte : bytes(size))
      out = out << 8 | static_cast<uint8_t>(byte);
    return out;
  }

  std::string_view left_;
  bool good_ = true;
};

bool read_row(reader& in, row& out) {
  auto count = in.u16();
  out.clear();
  for (uint16_t i = 0; i < count && in.good(); ++i) {
    switch (in.u8()) {
    case 'n':
      out.push_back({value::kind::null, {}});
      break;
    case 'u':
      out.push_back({value::kind::unchanged, {}});
      break;
    case 't':
      out.push_back({value::kind::text, in.bytes(in.u32())});
      break;
    default: // binary values were not asked for
      return false;
    }
  }
  return in.good();
}

std::optional<message> read_relation(reader& in) {
  relation out;
  out.id = in.u32();
  out.schema = in.text();
  out.name = in.text();
  in.u8(); // the kind of identity
  auto count = in.u16();
  for (uint16_t i = 0; i < count && in.good(); ++i) {
    auto flags = in.u8();
    auto name = in.text();
    in.bytes(8); // type and modifier
    out.columns.push_back({name, (flags & 1) != 0});
  }
  return in.good() ? std::optional<message>{std::move(out)} : std::nullopt;
}

std::optional<message> read_insert(reader& in) {
  insert out;
  out.relation = in.u32();
  if (in.u8() != 'N' || !read_row(in, out.now))
    return std::nullopt;
  return out;
}

std::optional<message> read_update(reader& in) {
  update out;
  out.relation = in.u32();
  auto part = in.u8();
  if (part == 'K' || part == 'O') {
    if (!read_row(in, out.before.emplace()))
      return std::nullopt;
    part = in.u8();
  }
  if (part != 'N' || !read_row(in, out.now))
    return std::nullopt;
  return out;
}

std::optional<message> read_erase(reader& in) {
  erase out;
  out.relation = in.u32();
  auto part = in.u8();
  if ((part != 'K' && part != 'O') || !read_row(in, out.before))
    return std::nullopt;
  return out;
}

std::optional<message> read_truncate(reader& in) {
  truncate out;
  auto count = in.u32();
  in.u8(); // options
  if (count > in.size() / 4)
    return std::nullopt;
  for (uint32_t i = 0; i < count; ++i)
    out.relations.push_back(in.u32());
  return out;
}

void append64(uint64_t x, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(x >> shift));
}

} // namespace

std::optional<lsn> read_lsn(std::string_view text) {
  auto slash = text.find('/');
  if (slash == text.npos)
    return std::nullopt;
  uint32_t high = 0;
  uint32_t low = 0;
  auto read = [](std::string_view part, uint32_t& out) {
    auto end = part.data() + part.size();
    auto done = std::from_chars(part.data(), end, out, 16);
    return done.ec == std::errc{} && done.ptr == end;
  };
  if (!read(text.substr(0, slash), high) || !read(text.substr(slash + 1), low))
    return std::nullopt;
  return uint64_t{high} << 32 | low;
}

std::string lsn_text(lsn x) {
  return fmt::format("{:X}/{:X}", x >> 32, x & 0xffffffff);
}

std::optional<stream_message> parse_stream(std::string_view bytes) {
  reader in{bytes};
  switch (in.u8()) {
  case 'w': {
    log_data out;
    out.start = in.u64();
    out.end = in.u64();
    in.u64(); // the server's clock
    out.message = in.rest();
    return in.good() ? std::optional<stream_message>{out} : std::nullopt;
  }
  case 'k': {
    keepalive out;
    out.end = in.u64();
    in.u64();
    out.wants_answer = in.u8() != 0;
    return in.good() ? std::optional<stream_message>{out} : std::nullopt;
  }
  default:
    return std::nullopt;
  }
}

std::optional<message> parse_message(std::string_view bytes) {
  reader in{bytes};
  switch (in.u8()) {
  case 'B': {
    begin out{in.u64()};
    return in.good() ? std::optional<message>{out} : std::nullopt;
  }
  case 'C': {
    commit out;
    in.u8();  // flags
    in.u64(); // of the commit itself
    out.end = in.u64();
    return in.good() ? std::optional<message>{out} : std::nullopt;
  }
  case 'R':
    return read_relation(in);
  case 'I':
    return read_insert(in);
  case 'U':
    return read_update(in);
  case 'D':
    return read_erase(in);
  case 'T':
    return read_truncate(in);
  case 'Y':
  case 'O':
  case 'M':
    return other{};
  default:
    return std::nullopt;
  }
}

void append_status(lsn received, lsn flushed, int64_t now, std::string& out) {
  out.push_back('r');
  append64(received, out);
  append64(flushed, out);
  append64(flushed, out); // applied
  append64(static_cast<uint64_t>(now), out);
  out.push_back(0); // no answer is wanted
}

} // namespace keyfold::postgres::pgoutput
