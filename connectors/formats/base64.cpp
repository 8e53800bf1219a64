#include "connectors/formats/base64.hpp"

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
  auto begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  auto* to = out.data() + begin;
  auto byte = [&](size_t i) -> uint32_t { return static_cast<uint8_t>(bytes[i]); };
  auto digit = [](uint32_t group, unsigned shift) { return alphabet[group >> shift & 63]; };
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    auto group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *to++ = digit(group, 18);
    *to++ = digit(group, 12);
    *to++ = digit(group, 6);
    *to++ = digit(group, 0);
  }
  if (i == bytes.size())
    return;
  auto two = i + 2 == bytes.size();
  auto group = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0u);
  *to++ = digit(group, 18);
  *to++ = digit(group, 12);
  if (two)
    *to = digit(group, 6);
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
