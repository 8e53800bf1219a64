#pragma once

#include "features/cell.hpp"
#include "features/stream_schema.hpp"

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Reads JSON values as cells of a declared type. The rules of docs/connectors/formats.md. Keeps
/// its buffers between values; not thread-safe.
class json_value_reader {
public:
  using json_value = simdjson::ondemand::value;

  /// Reads `value` as `type`, which is `field`'s or inside it. On failure false, and `found` tells
  /// what stood there.
  /// @pre `value` has not been consumed
  bool read(json_value value, const data_type& type, const stream_field& field, arena& memory,
            cell& out);
  /// The JSON text that did not fit, as it was written.
  std::string_view found() const noexcept { return found_; }

private:
  bool read_string(json_value value, std::string_view content, const data_type& type,
                   const stream_field& field, arena& memory, cell& out);
  bool read_number_or_literal(json_value value, std::string_view token, const data_type& type,
                              const stream_field& field, arena& memory, cell& out);
  bool read_list(json_value value, const data_type& type, const stream_field& field, arena& memory,
                 cell& out);
  bool read_map(json_value value, const data_type& type, const stream_field& field, arena& memory,
                cell& out);
  /// Makes a map of the keys and values from `first` on in `items_`.
  cell finish_map(size_t first, arena& memory);
  bool wrong(std::string_view token) {
    found_ = token;
    return false;
  }

  std::vector<cell> items_; // a stack: of the lists and maps being read
  std::string unescaped_;
  std::string_view found_;
};

/// Replaces the escapes of a JSON string. False where one is malformed.
/// @param text what stands between the quotes
bool unescape_json(std::string_view text, std::string& out);

/// Lists and maps that are written as JSON inside another format. Not thread-safe.
class json_text_reader {
public:
  /// Reads `text` as `field`'s type.
  bool read(std::string_view text, const stream_field& field, arena& memory, cell& out);

private:
  simdjson::ondemand::parser parser_;
  std::string buffer_;
  json_value_reader values_;
};

} // namespace keyfold
