#include "connectors/formats/json_cursor.hpp"

#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace keyfold {

namespace {

constexpr size_t first_capacity = 4096;

void append_utf8(uint32_t point, std::string& out) {
  auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

/// The four digits after `\u` at `at`.
bool read_code_unit(std::string_view text, size_t at, uint32_t& out) noexcept {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u')
    return false;
  auto* first = text.data() + at + 2;
  auto read = std::from_chars(first, first + 4, out, 16);
  return read.ec == std::errc{} && read.ptr == first + 4;
}

/// Reads `\uXXXX`, or two of them that are a surrogate pair, and moves `at` behind it.
bool read_code_point(std::string_view text, size_t& at, std::string& out) {
  uint32_t point = 0;
  if (!read_code_unit(text, at, point))
    return false;
  at += 6;
  if (point >= 0xdc00 && point < 0xe000)
    return false;
  if (point >= 0xd800 && point < 0xdc00) {
    uint32_t low = 0;
    if (!read_code_unit(text, at, low) || low < 0xdc00 || low >= 0xe000)
      return false;
    at += 6;
    point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
  }
  append_utf8(point, out);
  return true;
}

} // namespace

bool json_tokens::open(std::string_view record, std::string& problem) {
  if (record.size() > capacity_ && !reserve(record.size())) {
    problem = "the record does not fit in memory";
    return false;
  }
  auto why = parser_->stage1(reinterpret_cast<const uint8_t*>(record.data()), record.size(),
                             simdjson::stage1_mode::regular);
  if (why != simdjson::SUCCESS) {
    problem = why == simdjson::EMPTY
                  ? std::string{"the record is empty"}
                  : fmt::format("the record is not valid JSON: {}", simdjson::error_message(why));
    return false;
  }
  auto* first = parser_->structural_indexes.get();
  auto* end = first + parser_->n_structural_indexes;
  if (record[*first] != '{') {
    problem = fmt::format("expected a JSON object, found {}", sample(record));
    return false;
  }
  if (record[end[-1]] != '}') {
    problem = "the record is not valid JSON: the object is not closed";
    return false;
  }
  begin_ = {record.data(), first, end};
  return true;
}

bool json_tokens::reserve(size_t size) {
  // Powers of two, so that a stream of slowly longer records does not allocate for each.
  capacity_ = std::bit_ceil(std::max(size, first_capacity));
  auto why = simdjson::get_active_implementation()->create_dom_parser_implementation(
      capacity_, json_cursor::max_depth, parser_);
  if (why != simdjson::SUCCESS)
    capacity_ = 0;
  return why == simdjson::SUCCESS;
}

bool json_cursor::skip() noexcept {
  switch (peek()) {
  case '{':
  case '[':
    return skip_nested();
  case '}':
  case ']':
  case ':':
  case ',':
    return false;
  default:
    advance();
    return true;
  }
}

bool json_cursor::skip_nested() noexcept {
  uint64_t objects = 0; // a bit for each open bracket, the innermost lowest: whether it is a {
  for (int depth = 0; !at_end(); advance()) {
    auto c = peek();
    if (c == '{' || c == '[') {
      if (++depth > max_depth)
        return false;
      objects = objects << 1 | (c == '{' ? 1u : 0u);
    } else if (c == '}' || c == ']') {
      if ((objects & 1) != (c == '}' ? 1u : 0u))
        return false;
      objects >>= 1;
      if (--depth == 0) {
        advance();
        return true;
      }
    }
  }
  return false;
}

bool unescape_json(std::string_view text, std::string& out) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  out.clear();
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      auto next = std::min(text.find('\\', i), text.size());
      out.append(text.substr(i, next - i));
      i = next;
      continue;
    }
    if (i + 1 == text.size())
      return false;
    if (text[i + 1] == 'u') {
      if (!read_code_point(text, i, out))
        return false;
      continue;
    }
    auto letter = letters.find(text[i + 1]);
    if (letter == std::string_view::npos)
      return false;
    out.push_back(meanings[letter]);
    i += 2;
  }
  return true;
}

bool is_json_number(std::string_view text) noexcept {
  size_t i = 0;
  auto digits = [&] {
    auto from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9')
      ++i;
    return i > from;
  };
  auto is = [&](char c) { return i < text.size() && text[i] == c; };
  if (is('-'))
    ++i;
  if (is('0'))
    ++i;
  else if (!digits())
    return false;
  if (is('.')) {
    ++i;
    if (!digits())
      return false;
  }
  if (is('e') || is('E')) {
    ++i;
    if (is('+') || is('-'))
      ++i;
    if (!digits())
      return false;
  }
  return i == text.size();
}

} // namespace keyfold
