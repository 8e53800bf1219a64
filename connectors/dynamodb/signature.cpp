#include "connectors/dynamodb/signature.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace keyfold::dynamodb {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (auto c : bytes) {
    out.push_back(digits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(digits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

/// Without blanks around it, and one for each run of them.
std::string trimmed(std::string_view value) {
  std::string out;
  for (auto c : value)
    if (c != ' ' || (!out.empty() && out.back() != ' '))
      out.push_back(c);
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

} // namespace

std::string signing_date(std::chrono::sys_seconds at) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(at.time_since_epoch().count()));
}

std::string request_signer::authorization(const credentials& by, std::string_view date,
                                          const signable_request& what) {
  auto headers = what.headers;
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string names;
  auto canonical = fmt::format("{}\n/\n\n", what.method);
  for (const auto& [name, value] : headers) {
    canonical += fmt::format("{}:{}\n", name, trimmed(value));
    names += names.empty() ? name : ";" + name;
  }
  canonical += fmt::format("\n{}\n{}", names, hexadecimal(sha256(what.body)));
  auto day = date.substr(0, 8);
  auto scope = fmt::format("{}/{}/{}/aws4_request", day, region_, service_);
  auto text = fmt::format("{}\n{}\n{}\n{}", algorithm, date, scope, hexadecimal(sha256(canonical)));
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", algorithm,
                     by.access_key, scope, names, hexadecimal(hmac(key_of(by, day), text)));
}

const std::string& request_signer::key_of(const credentials& by, std::string_view day) {
  if (day_ == day && secret_ == by.secret_key)
    return key_;
  day_ = day;
  secret_ = by.secret_key;
  key_ = hmac(hmac(hmac(hmac("AWS4" + secret_, day_), region_), service_), "aws4_request");
  return key_;
}

} // namespace keyfold::dynamodb
