#include "connectors/formats/json_value_reader.hpp"

#include "connectors/formats/record_decoder.hpp"
#include "connectors/formats/text_value.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace keyfold {

namespace {

std::string_view without_trailing_space(std::string_view token) noexcept {
  while (!token.empty()
         && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r'
             || token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

/// A number by JSON's grammar: what may be taken over as a text as it stands.
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

bool json_value_reader::read(json_value value, const data_type& type, const stream_field& field,
                             arena& memory, cell& out) {
  auto token = value.raw_json_token();
  switch (token.front()) {
  case '"': {
    simdjson::ondemand::raw_json_string ignored;
    if (value.get_raw_json_string().get(ignored) != simdjson::SUCCESS)
      return wrong(token);
    token = without_trailing_space(token);
    if (token.size() < 2 || token.back() != '"')
      return wrong(token);
    return read_string(value, token.substr(1, token.size() - 2), type, field, memory, out);
  }
  case '[':
    return type.kind == type_kind::list ? read_list(value, type, field, memory, out)
                                        : wrong("a list");
  case '{':
    return type.kind == type_kind::map ? read_map(value, type, field, memory, out)
                                       : wrong("an object");
  default:
    return read_number_or_literal(value, token, type, field, memory, out);
  }
}

bool json_value_reader::read_string(json_value value, std::string_view content,
                                    const data_type& type, const stream_field& field, arena& memory,
                                    cell& out) {
  auto escaped = std::memchr(content.data(), '\\', content.size()) != nullptr;
  if (type.kind == type_kind::string && !escaped) {
    out = cell::string(memory.copy(content));
    return true;
  }
  if (escaped) {
    if (!unescape_json(content, unescaped_))
      return wrong(without_trailing_space(value.raw_json_token()));
    content = unescaped_;
  }
  if (read_text_value(content, type, field, memory, out))
    return true;
  return wrong(without_trailing_space(value.raw_json_token()));
}

bool json_value_reader::read_number_or_literal(json_value value, std::string_view token,
                                               const data_type& type, const stream_field& field,
                                               arena& memory, cell& out) {
  int64_t integer = 0;
  double real = 0;
  if (is_integer(type.kind) || type.kind == type_kind::timestamp) {
    if (value.get_int64().get(integer) == simdjson::SUCCESS) {
      if (type.kind != type_kind::timestamp) {
        if (!in_range(integer, type.kind))
          return wrong(without_trailing_space(token));
        out = cell::integer(integer);
        return true;
      }
      if (field.unit != timestamp_unit::rfc3339 && field.unit != timestamp_unit::pattern) {
        auto at = timestamp_from_number(integer, field.unit);
        if (!at)
          return wrong(without_trailing_space(token));
        out = cell::timestamp(*at);
        return true;
      }
    }
  } else if (is_real(type.kind)) {
    if (value.get_double().get(real) == simdjson::SUCCESS && make_real(real, type.kind, out))
      return true;
  }
  token = without_trailing_space(token);
  if (token == "null") {
    out = cell{};
    return true;
  }
  auto is_word = token == "true" || token == "false";
  if (!is_word && !is_json_number(token))
    return wrong(token);
  if (type.kind == type_kind::bytes || is_real(type.kind))
    return wrong(token);
  return read_text_value(token, type, field, memory, out) || wrong(token);
}

bool json_value_reader::read_list(json_value value, const data_type& type,
                                  const stream_field& field, arena& memory, cell& out) {
  auto first = items_.size();
  simdjson::ondemand::array list;
  auto good = value.get_array().get(list) == simdjson::SUCCESS || wrong("a malformed list");
  for (auto element : list) {
    json_value item;
    cell decoded;
    good = element.get(item) == simdjson::SUCCESS || wrong("a malformed list");
    good = good && read(item, *type.element, field, memory, decoded);
    if (!good)
      break;
    items_.push_back(decoded);
  }
  if (good) {
    auto cells = memory.allocate_cells(items_.size() - first);
    std::copy(items_.begin() + static_cast<ptrdiff_t>(first), items_.end(), cells.begin());
    out = cell::list(cells);
  }
  items_.resize(first);
  return good;
}

bool json_value_reader::read_map(json_value value, const data_type& type, const stream_field& field,
                                 arena& memory, cell& out) {
  auto first = items_.size();
  simdjson::ondemand::object object;
  auto good = value.get_object().get(object) == simdjson::SUCCESS || wrong("a malformed object");
  for (auto member : object) {
    simdjson::ondemand::field entry;
    std::string_view key;
    cell decoded;
    good = std::move(member).get(entry) == simdjson::SUCCESS
           && entry.unescaped_key().get(key) == simdjson::SUCCESS;
    if (!good) {
      wrong("a malformed object");
      break;
    }
    auto kept = cell::string(memory.copy(key));
    good = read(entry.value(), *type.element, field, memory, decoded);
    if (!good)
      break;
    items_.push_back(kept);
    items_.push_back(decoded);
  }
  if (good)
    out = finish_map(first, memory);
  items_.resize(first);
  return good;
}

cell json_value_reader::finish_map(size_t first, arena& memory) {
  struct entry {
    cell key, value;
  };
  std::vector<entry> entries;
  for (auto i = first; i < items_.size(); i += 2)
    entries.push_back({items_[i], items_[i + 1]});
  // In the order of the keys, so that equal maps are identical; of equal keys the last one counts.
  std::stable_sort(entries.begin(), entries.end(), [](const entry& a, const entry& b) {
    return a.key.as_text() < b.key.as_text();
  });
  size_t count = 0;
  for (size_t i = 0; i < entries.size(); ++i)
    if (i + 1 == entries.size() || entries[i].key.as_text() != entries[i + 1].key.as_text())
      entries[count++] = entries[i];
  auto cells = memory.allocate_cells(2 * count);
  for (size_t i = 0; i < count; ++i) {
    cells[2 * i] = entries[i].key;
    cells[2 * i + 1] = entries[i].value;
  }
  return cell::map(cells);
}

bool json_text_reader::read(std::string_view text, const stream_field& field, arena& memory,
                            cell& out) {
  // A list around it makes every text a value inside a document, whatever it is.
  buffer_.clear();
  buffer_.reserve(text.size() + 2 + record_padding);
  buffer_.append("[").append(text).append("]");
  auto size = buffer_.size();
  buffer_.resize(size + record_padding);
  simdjson::ondemand::document document;
  simdjson::ondemand::array list;
  if (parser_.iterate(buffer_.data(), size, buffer_.size()).get(document) != simdjson::SUCCESS
      || document.get_array().get(list) != simdjson::SUCCESS)
    return false;
  size_t count = 0;
  for (auto element : list) {
    simdjson::ondemand::value value;
    if (count++ > 0 || element.get(value) != simdjson::SUCCESS
        || !values_.read(value, field.type, field, memory, out))
      return false;
  }
  return count == 1;
}

} // namespace keyfold
