#include "http/json_writer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace keyfold::http {

namespace {

constexpr auto hex_digits = std::string_view{"0123456789abcdef"};

// Bytes that a JSON string cannot hold as they are.
constexpr auto must_escape = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0; i < 0x20; ++i)
    table[i] = true;
  table['"'] = table['\\'] = table[0x7f] = true;
  return table;
}();

// The length of the well-formed UTF-8 sequence at the start of `x`, 0 if there is none.
size_t sequence_length(std::string_view x) noexcept {
  for (size_t length = 1; length <= 4 && length <= x.size(); ++length)
    if (simdjson::validate_utf8(x.data(), length))
      return length;
  return 0;
}

void put_digits(char* to, uint32_t value, int digits) noexcept {
  for (auto i = digits - 1; i >= 0; --i, value /= 10)
    to[i] = static_cast<char>('0' + value % 10);
}

size_t write_rfc3339(event_time x, char* to) noexcept {
  auto day = std::chrono::floor<std::chrono::days>(x);
  auto date = std::chrono::year_month_day{day};
  auto rest = (x - day).count();
  auto micros = static_cast<uint32_t>(rest % 1'000'000);
  auto seconds = static_cast<uint32_t>(rest / 1'000'000);
  auto year = std::clamp(static_cast<int>(date.year()), 0, 9999);
  put_digits(to, static_cast<uint32_t>(year), 4);
  to[4] = '-';
  put_digits(to + 5, static_cast<unsigned>(date.month()), 2);
  to[7] = '-';
  put_digits(to + 8, static_cast<unsigned>(date.day()), 2);
  to[10] = 'T';
  put_digits(to + 11, seconds / 3600, 2);
  to[13] = ':';
  put_digits(to + 14, seconds / 60 % 60, 2);
  to[16] = ':';
  put_digits(to + 17, seconds % 60, 2);
  size_t size = 19;
  if (micros != 0) {
    to[size] = '.';
    put_digits(to + size + 1, micros, 6);
    size += 7;
  }
  to[size++] = 'Z';
  return size;
}

} // namespace

void json_writer::grow(size_t more) {
  auto used = static_cast<size_t>(next_ - buffer_.get());
  auto capacity =
      std::max<size_t>({4096, static_cast<size_t>(end_ - buffer_.get()) * 2, used + more});
  auto larger = std::make_unique<char[]>(capacity);
  if (used != 0)
    std::memcpy(larger.get(), buffer_.get(), used);
  buffer_ = std::move(larger);
  next_ = buffer_.get() + used;
  end_ = buffer_.get() + capacity;
}

void json_writer::string(std::string_view x) {
  ensure(x.size() + 2);
  bool plain = true;
  bool ascii = true;
  for (auto c : x) {
    auto byte = static_cast<unsigned char>(c);
    plain &= !must_escape[byte];
    ascii &= byte < 0x80;
  }
  *next_++ = '"';
  if (plain && (ascii || simdjson::validate_utf8(x.data(), x.size())))
    raw(x);
  else
    escaped(x);
  raw('"');
}

void json_writer::escaped(std::string_view x) {
  auto valid = simdjson::validate_utf8(x.data(), x.size());
  while (!x.empty()) {
    auto byte = static_cast<unsigned char>(x.front());
    if (byte >= 0x80 && !valid) {
      auto length = sequence_length(x);
      raw(length == 0 ? std::string_view{"\xEF\xBF\xBD"} : x.substr(0, length));
      x.remove_prefix(std::max<size_t>(length, 1));
      continue;
    }
    if (byte == '"' || byte == '\\') {
      raw('\\');
      raw(static_cast<char>(byte));
    } else if (byte == '\n') {
      raw(std::string_view{"\\n"});
    } else if (must_escape[byte]) {
      raw(std::string_view{"\\u00"});
      raw(hex_digits[byte >> 4]);
      raw(hex_digits[byte & 15]);
    } else {
      raw(static_cast<char>(byte));
    }
    x.remove_prefix(1);
  }
}

void json_writer::integer(int64_t x) {
  ensure(24);
  next_ = std::to_chars(next_, next_ + 24, x).ptr;
}

void json_writer::real(double x) {
  if (!std::isfinite(x)) {
    raw(std::isnan(x) ? std::string_view{"null"}
        : x > 0       ? std::string_view{"\"Infinity\""}
                      : std::string_view{"\"-Infinity\""});
    return;
  }
  ensure(40);
  // Whole numbers are common (counts), and quicker as integers; -0.0 keeps its sign below.
  if (std::fabs(x) < 1e15 && x == std::trunc(x) && !(x == 0 && std::signbit(x))) {
    next_ = std::to_chars(next_, next_ + 24, static_cast<int64_t>(x)).ptr;
    *next_++ = '.';
    *next_++ = '0';
    return;
  }
  auto* begin = next_;
  next_ = std::to_chars(begin, begin + 32, x).ptr;
  if (std::string_view{begin, static_cast<size_t>(next_ - begin)}.find_first_of(".e")
      == std::string_view::npos) {
    *next_++ = '.';
    *next_++ = '0';
  }
}

void json_writer::decimal(int64_t unscaled, uint8_t scale) {
  char digits[24];
  auto magnitude =
      unscaled < 0 ? ~static_cast<uint64_t>(unscaled) + 1 : static_cast<uint64_t>(unscaled);
  auto* end = std::to_chars(digits, digits + sizeof(digits), magnitude).ptr;
  auto size = static_cast<size_t>(end - digits);
  ensure(size + scale + 4u);
  if (unscaled < 0)
    raw('-');
  if (size <= scale) {
    raw(std::string_view{"0."});
    for (auto i = size; i < scale; ++i)
      raw('0');
    raw(std::string_view{digits, size});
    return;
  }
  raw(std::string_view{digits, size - scale});
  if (scale != 0) {
    raw('.');
    raw(std::string_view{end - scale, scale});
  }
}

void json_writer::timestamp(event_time x) {
  if (x == beginning_of_time || x == end_of_time) {
    null();
    return;
  }
  if (x != last_time_) {
    last_text_[0] = '"';
    last_size_ = write_rfc3339(x, last_text_ + 1) + 1;
    last_text_[last_size_++] = '"';
    last_time_ = x;
  }
  raw(std::string_view{last_text_, last_size_});
}

void json_writer::base64(std::string_view bytes) {
  constexpr auto alphabet =
      std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
  ensure(bytes.size() / 3 * 4 + 6);
  *next_++ = '"';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto left = std::min<size_t>(bytes.size() - i, 3);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      *next_++ = j <= left ? alphabet[group >> (18 - 6 * j) & 63] : '=';
  }
  *next_++ = '"';
}

} // namespace keyfold::http
