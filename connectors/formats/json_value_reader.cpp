#include "connectors/formats/json_value_reader.hpp"

#include "connectors/formats/map_cell.hpp"
#include "connectors/formats/record_decoder.hpp"
#include "connectors/formats/text_value.hpp"
#include "features/timestamp_format.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace keyfold {

namespace {

constexpr std::string_view malformed_list = "a malformed list";
constexpr std::string_view malformed_object = "a malformed object";

/// Whether the bytes of `word` are digits: 0x30 to 0x39.
bool is_eight_digits(uint64_t word) noexcept {
  constexpr uint64_t high = 0xf0f0f0f0f0f0f0f0;
  return ((word & high) | (((word + 0x0606060606060606) & high) >> 4)) == 0x3333333333333333;
}

/// The number that eight digits are, the first in the lowest byte: pairs, then fours, then all are
/// put together, each by one multiplication. @pre `is_eight_digits`
uint32_t eight_digits(uint64_t word) noexcept {
  static_assert(std::endian::native == std::endian::little);
  word = (word & 0x0f0f0f0f0f0f0f0f) * (10 << 8 | 1) >> 8;
  word = (word & 0x00ff00ff00ff00ff) * (100u << 16 | 1) >> 16;
  return static_cast<uint32_t>((word & 0x0000ffff0000ffff) * (uint64_t{10'000} << 32 | 1) >> 32);
}

/// Reads a whole number written by JSON's grammar. False for any other text.
bool read_json_integer(std::string_view token, int64_t& out) noexcept {
  constexpr size_t digits_that_fit = 18;
  auto negative = token.front() == '-';
  auto digits = token.substr(negative ? 1 : 0);
  if (digits.empty() || (digits.front() == '0' && digits.size() > 1))
    return false;
  if (digits.size() > digits_that_fit) {
    auto read = std::from_chars(token.data(), token.data() + token.size(), out);
    return read.ec == std::errc{} && read.ptr == token.data() + token.size();
  }
  int64_t x = 0;
  for (; digits.size() >= 8; digits.remove_prefix(8)) {
    uint64_t word = 0;
    std::memcpy(&word, digits.data(), sizeof word);
    if (!is_eight_digits(word))
      return false;
    x = x * 100'000'000 + eight_digits(word);
  }
  for (auto c : digits) {
    auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9)
      return false;
    x = x * 10 + digit;
  }
  out = negative ? -x : x;
  return true;
}

bool is_unit(timestamp_unit unit) noexcept {
  return unit != timestamp_unit::rfc3339 && unit != timestamp_unit::pattern;
}

} // namespace

bool json_value_reader::read(json_cursor& in, const data_type& type, const stream_field& field,
                             arena& memory, cell& out) {
  switch (in.peek()) {
  case '"':
    return read_string(in.take_scalar(), type, field, memory, out);
  case '[':
    return type.kind == type_kind::list ? read_list(in, type, field, memory, out) : wrong("a list");
  case '{':
    return type.kind == type_kind::map ? read_map(in, type, field, memory, out)
                                       : wrong("an object");
  case '}':
  case ']':
  case ',':
  case ':':
    return wrong("nothing");
  default:
    return read_number_or_word(in.take_scalar(), type, field, memory, out);
  }
}

bool json_value_reader::read_string(std::string_view token, const data_type& type,
                                    const stream_field& field, arena& memory, cell& out) {
  if (token.size() < 2 || token.back() != '"')
    return wrong(token);
  auto content = token.substr(1, token.size() - 2);
  auto escaped = std::memchr(content.data(), '\\', content.size()) != nullptr;
  if (type.kind == type_kind::string && !escaped) {
    out = cell::string(memory.copy(content));
    return true;
  }
  if (escaped) {
    if (!unescape_json(content, unescaped_))
      return wrong(token);
    content = unescaped_;
  }
  return read_text_value(content, type, field, memory, out) || wrong(token);
}

bool json_value_reader::read_number_or_word(std::string_view token, const data_type& type,
                                            const stream_field& field, arena& memory, cell& out) {
  int64_t whole = 0;
  if (type.kind == type_kind::timestamp && is_unit(field.unit) && read_json_integer(token, whole)) {
    auto at = timestamp_from_number(whole, field.unit);
    if (!at)
      return wrong(token);
    out = cell::timestamp(*at);
    return true;
  }
  if (is_integer(type.kind) && read_json_integer(token, whole)) {
    out = cell::integer(whole);
    return in_range(whole, type.kind) || wrong(token);
  }
  if (token == "null") {
    out = cell{};
    return true;
  }
  if (token != "true" && token != "false" && !is_json_number(token))
    return wrong(token);
  if (type.kind == type_kind::bytes)
    return wrong(token);
  return read_text_value(token, type, field, memory, out) || wrong(token);
}

bool json_value_reader::read_list(json_cursor& in, const data_type& type, const stream_field& field,
                                  arena& memory, cell& out) {
  auto first = items_.size();
  auto good = read_items(in, *type.element, field, memory);
  if (good) {
    auto cells = memory.allocate_cells(items_.size() - first);
    std::copy(items_.begin() + static_cast<ptrdiff_t>(first), items_.end(), cells.begin());
    out = cell::list(cells);
  }
  items_.resize(first);
  return good;
}

bool json_value_reader::read_items(json_cursor& in, const data_type& element,
                                   const stream_field& field, arena& memory) {
  in.advance();
  if (in.peek() == ']') {
    in.advance();
    return true;
  }
  while (true) {
    cell item;
    if (!read(in, element, field, memory, item))
      return false;
    items_.push_back(item);
    if (in.at_end())
      return wrong(malformed_list);
    auto after = in.peek();
    in.advance();
    if (after == ']')
      return true;
    // A bracket may be the last token, so nothing may be looked at behind it.
    if (after != ',')
      return wrong(malformed_list);
  }
}

bool json_value_reader::read_map(json_cursor& in, const data_type& type, const stream_field& field,
                                 arena& memory, cell& out) {
  auto first = items_.size();
  auto good = read_entries(in, *type.element, field, memory);
  if (good)
    out = make_map_cell({items_.data() + first, items_.size() - first}, memory);
  items_.resize(first);
  return good;
}

bool json_value_reader::read_entries(json_cursor& in, const data_type& element,
                                     const stream_field& field, arena& memory) {
  in.advance();
  if (in.peek() == '}') {
    in.advance();
    return true;
  }
  while (true) {
    cell value;
    if (!read_key(in, memory))
      return wrong(malformed_object);
    if (!read(in, element, field, memory, value))
      return false;
    items_.push_back(value);
    if (in.at_end())
      return wrong(malformed_object);
    auto after = in.peek();
    in.advance();
    if (after == '}')
      return true;
    if (after != ',')
      return wrong(malformed_object);
  }
}

bool json_value_reader::read_key(json_cursor& in, arena& memory) {
  if (in.peek() != '"')
    return false;
  auto token = in.take_scalar();
  if (token.size() < 2 || token.back() != '"' || in.peek() != ':')
    return false;
  in.advance();
  if (!unescape_json(token.substr(1, token.size() - 2), unescaped_))
    return false;
  items_.push_back(cell::string(memory.copy(unescaped_)));
  return true;
}

bool json_text_reader::read(std::string_view text, const stream_field& field, arena& memory,
                            cell& out) {
  // An object around it makes every text a value inside a record, whatever it is.
  buffer_.clear();
  buffer_.reserve(text.size() + 6 + record_padding);
  buffer_.append("{\"x\":").append(text).append("}");
  auto size = buffer_.size();
  buffer_.resize(size + record_padding);
  if (!tokens_.open({buffer_.data(), size}, problem_))
    return false;
  auto in = tokens_.begin();
  for (int i = 0; i < 3; ++i)
    in.advance();
  if (!values_.read(in, field.type, field, memory, out) || in.at_end())
    return false;
  auto closed = in.peek() == '}';
  in.advance();
  return closed && in.at_end();
}

} // namespace keyfold
