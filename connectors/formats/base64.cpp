#include "connectors/formats/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace keyfold {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t no_digit = 0xff;

constexpr std::array<uint8_t, 256> digits = [] {
  std::array<uint8_t, 256> table{};
  table.fill(no_digit);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<uint8_t>(i);
  return table;
}();

std::string_view without_padding(std::string_view text) noexcept {
  if (text.size() % 4 == 0)
    for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i)
      text.remove_suffix(1);
  return text;
}

} // namespace

void append_base64(std::string_view bytes, std::string& out) {
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      out.push_back(j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=');
  }
}

std::optional<size_t> base64_size(std::string_view text) noexcept {
  text = without_padding(text);
  if (text.size() % 4 == 1)
    return std::nullopt;
  return text.size() * 3 / 4;
}

bool decode_base64(std::string_view text, char* out) noexcept {
  text = without_padding(text);
  uint32_t group = 0;
  unsigned bits = 0;
  for (auto c : text) {
    auto digit = digits[static_cast<uint8_t>(c)];
    if (digit == no_digit)
      return false;
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *out++ = static_cast<char>(group >> bits & 0xff);
    }
  }
  // Bits left over that are not zero would make two texts of the same bytes.
  return (group & ((1u << bits) - 1)) == 0;
}

} // namespace keyfold
