#pragma once

#include "connectors/formats/json_cursor.hpp"
#include "features/cell.hpp"
#include "features/stream_schema.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Reads JSON values as cells of a declared type. The rules of docs/connectors/formats.md. Keeps
/// its buffers between values; not thread-safe.
class json_value_reader {
public:
  /// Reads the value at `in` as `type`, which is `field`'s or inside it, and goes behind it. On
  /// failure false, and `found` tells what stood there.
  bool read(json_cursor& in, const data_type& type, const stream_field& field, arena& memory,
            cell& out);
  /// The JSON text that did not fit, as it was written.
  std::string_view found() const noexcept { return found_; }

  /// Takes the string at `in` if it has at most 16 bytes without escapes; else false, and nothing
  /// has happened. Most strings of events are such ones, and going by words is faster than calling
  /// for each.
  static bool read_short_string(json_cursor& in, arena& memory, cell& out);

private:
  bool read_string(std::string_view token, const data_type& type, const stream_field& field,
                   arena& memory, cell& out);
  bool read_number_or_word(std::string_view token, const data_type& type, const stream_field& field,
                           arena& memory, cell& out);
  bool read_list(json_cursor& in, const data_type& type, const stream_field& field, arena& memory,
                 cell& out);
  bool read_items(json_cursor& in, const data_type& element, const stream_field& field,
                  arena& memory);
  bool read_map(json_cursor& in, const data_type& type, const stream_field& field, arena& memory,
                cell& out);
  bool read_entries(json_cursor& in, const data_type& element, const stream_field& field,
                    arena& memory);
  bool read_key(json_cursor& in, arena& memory);
  bool wrong(std::string_view token) {
    found_ = token;
    return false;
  }

  std::vector<cell> items_; // a stack: of the lists and maps being read
  std::string unescaped_;
  std::string_view found_;
};

inline bool json_value_reader::read_short_string(json_cursor& in, arena& memory, cell& out) {
  constexpr uint64_t ones = 0x0101010101010101;
  auto has_escape = [](uint64_t word) {
    word ^= ones * '\\';
    return ((word - ones) & ~word & (ones << 7)) != 0;
  };
  auto token = in.scalar();
  auto size = token.size() - 2;
  if (size > 16 || token.back() != '"') // a token of one byte has a huge size here
    return false;
  auto* from = token.data() + 1;
  uint64_t first = 0;
  std::memcpy(&first, from, sizeof first); // may read into the padding
  if (size < 8) {
    if (has_escape(first & ((uint64_t{1} << (8 * size)) - 1)))
      return false;
    auto* to = memory.allocate_text(size);
    out = cell::string({to, size});
    if (size >= 4) {
      std::memcpy(to, from, 4);
      std::memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
      to[0] = from[0];
      to[size / 2] = from[size / 2];
      to[size - 1] = from[size - 1];
    }
  } else {
    uint64_t last = 0;
    std::memcpy(&last, from + size - 8, sizeof last);
    if (has_escape(first) || has_escape(last))
      return false;
    auto* to = memory.allocate_text(size);
    out = cell::string({to, size});
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + size - 8, &last, sizeof last);
  }
  in.advance();
  return true;
}

/// Lists and maps that are written as JSON inside another format. Not thread-safe.
class json_text_reader {
public:
  /// Reads `text` as `field`'s type.
  bool read(std::string_view text, const stream_field& field, arena& memory, cell& out);

private:
  std::string buffer_;
  std::string problem_;
  json_tokens tokens_;
  json_value_reader values_;
};

} // namespace keyfold
