#include "connectors/formats/json_text.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace keyfold {

namespace {

constexpr size_t longest_escape = 6;

/// How many of the first bytes of `text` are one UTF-8 character of several bytes; 0 if none.
size_t multibyte_length(std::string_view text) noexcept {
  auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  auto first = byte(0);
  size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first >= 0xf5)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)
      || (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

char* put_escape(char c, char* to) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  *to++ = '\\';
  switch (c) {
  case '"':
  case '\\':
    *to++ = c;
    return to;
  case '\n':
    *to++ = 'n';
    return to;
  case '\r':
    *to++ = 'r';
    return to;
  case '\t':
    *to++ = 't';
    return to;
  default:
    to = put_text("u00", to);
    *to++ = digits[static_cast<uint8_t>(c) >> 4];
    *to++ = digits[static_cast<uint8_t>(c) & 15];
    return to;
  }
}

bool is_plain(char c) noexcept {
  auto byte = static_cast<uint8_t>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

/// Whether all eight bytes are plain: none is below 0x20, above 0x7f, a quote or a backslash.
bool are_plain(uint64_t bytes) noexcept {
  constexpr uint64_t ones = 0x0101010101010101;
  constexpr uint64_t tops = 0x80 * ones;
  auto below = [](uint64_t x, uint64_t bound) { return (x - bound * ones) & ~x; };
  auto equal = [&](uint64_t x, uint64_t c) { return below(x ^ (c * ones), 1); };
  return ((bytes | below(bytes, 0x20) | equal(bytes, '"') | equal(bytes, '\\')) & tops) == 0;
}

/// The next character of `text`, which is not plain.
char* put_special(std::string_view& text, char* to) noexcept {
  size_t length = 1;
  if (static_cast<uint8_t>(text.front()) < 0x80)
    to = put_escape(text.front(), to);
  else if (auto multibyte = multibyte_length(text))
    to = put_text(text.substr(0, length = multibyte), to);
  else
    to = put_text("\xef\xbf\xbd", to);
  text.remove_prefix(length);
  return to;
}

/// As much of `text`, from its beginning, as has room before `end`; it is taken away from `text`.
/// @pre room for 8 bytes
char* put_escaped(std::string_view& text, char* to, const char* end) noexcept {
  while (!text.empty() && end - to >= 8) {
    uint64_t eight;
    if (text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if (are_plain(eight)) {
        std::memcpy(to, &eight, sizeof eight);
        to += sizeof eight;
        text.remove_prefix(sizeof eight);
        continue;
      }
    }
    for (auto left = std::min(text.size(), sizeof eight); left > 0 && is_plain(text.front());
         --left) {
      *to++ = text.front();
      text.remove_prefix(1);
    }
    if (!text.empty() && !is_plain(text.front()) && end - to >= 8)
      to = put_special(text, to);
  }
  return to;
}

/// Copies `text` as long as it is plain; whether all of it was.
bool copy_plain(std::string_view text, char* to) noexcept {
  uint64_t eight;
  if (text.size() < sizeof eight) {
    for (auto c : text) {
      if (!is_plain(c))
        return false;
      *to++ = c;
    }
    return true;
  }
  auto last = text.size() - sizeof eight; // overlaps those before
  for (size_t i = 0;; i = std::min(i + sizeof eight, last)) {
    std::memcpy(&eight, text.data() + i, sizeof eight);
    if (!are_plain(eight))
      return false;
    std::memcpy(to + i, &eight, sizeof eight);
    if (i == last)
      return true;
  }
}

char* put_json_string(std::string_view text, char* to) noexcept {
  *to++ = '"';
  if (copy_plain(text, to))
    to += text.size();
  else // eight bytes more than the escapes may need are never used, but looked for
    to = put_escaped(text, to, to + longest_escape * text.size() + 8);
  *to++ = '"';
  return to;
}

/// Counts, and what has three decimals at most, as prices: most reals that are written. Up to 15
/// digits no two decimals are the same double, so there is no shorter text. Null: `x` is none such.
char* put_short_real(double x, bool single, char* to) noexcept {
  constexpr double whole_float = 1 << 24;
  constexpr double short_double = 1e11;
  auto size = std::fabs(x);
  if (!(size < (single ? whole_float : short_double)))
    return nullptr;
  auto thousandths = static_cast<int64_t>(size * 1000 + 0.5);
  auto rest = thousandths % 1000;
  if (static_cast<double>(thousandths) / 1000 != size || (single && rest != 0))
    return nullptr;
  if (std::signbit(x))
    *to++ = '-';
  to = put_json_integer(thousandths / 1000, to);
  *to++ = '.';
  do {
    *to++ = static_cast<char>('0' + rest / 100);
    rest = rest % 100 * 10;
  } while (rest != 0);
  return to;
}

} // namespace

bool is_number(double x, type_kind kind) noexcept {
  return std::fabs(x) <= (kind == type_kind::float32 ? double{std::numeric_limits<float>::max()}
                                                     : std::numeric_limits<double>::max());
}

char* put_json_integer(int64_t x, char* to) noexcept {
  return std::to_chars(to, to + longest_json_number, x).ptr;
}

char* put_json_real(double x, type_kind kind, char* to) {
  auto single = kind == type_kind::float32;
  if (!is_number(x, kind))
    return put_text("null", to);
  if (auto* end = put_short_real(x, single, to))
    return end;
  auto* end = single ? fmt::format_to(to, FMT_COMPILE("{}"), static_cast<float>(x))
                     : fmt::format_to(to, FMT_COMPILE("{}"), x);
  if (std::none_of(to, end, [](char c) { return c == '.' || c == 'e'; }))
    end = put_text(".0", end);
  return end;
}

char* put_json_scalar(const cell& x, type_kind kind, char* to) {
  switch (x.kind()) {
  case cell_kind::boolean:
    return put_text(x.as_boolean() ? "true" : "false", to);
  case cell_kind::integer:
    return put_json_integer(x.as_integer(), to);
  case cell_kind::real:
    return put_json_real(x.as_real(), kind, to);
  case cell_kind::string:
    return put_json_string(x.as_text(), to);
  default:
    return put_text("null", to);
  }
}

void append_json_string(std::string_view text, std::string& out) {
  char some[512];
  some[0] = '"';
  auto* to = some + 1;
  while (!text.empty()) {
    to = put_escaped(text, to, std::end(some));
    out.append(some, to);
    to = some;
  }
  *to++ = '"';
  out.append(some, to);
}

} // namespace keyfold
