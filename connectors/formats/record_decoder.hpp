#pragma once

#include "features/event_batch.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

namespace avro {
struct format;
}

/// How a record's bytes are laid out.
enum class record_format : uint8_t { json, csv, text, avro };

/// What a decoder must know beside the schema. See docs/connectors/formats.md.
struct record_format_settings {
  record_format format = record_format::json;
  char part_separator = ';';  ///< of text: between `key=value` parts
  char value_separator = '='; ///< of text: the first one of a part ends its key
  char delimiter = ',';       ///< of CSV
  bool header = false; ///< of CSV: the columns' names are in the first line, see `read_header`
  std::vector<std::string> columns;         ///< of CSV without a header: the columns' names
  std::string what = "stream";              ///< the schema is of a stream or a table, for messages
  std::shared_ptr<const avro::format> avro; ///< of Avro
};

/// Memory that must be readable after a record given to `decode_padded`, in bytes.
inline constexpr size_t record_padding = 64;

/// Longest record a decoder takes, in bytes; a longer one is an error.
inline constexpr size_t max_record_bytes = 16u << 20;

/// Turns records into rows of one schema: only the columns of the schema are looked at. One
/// instance per thread.
class record_decoder {
public:
  using outcome = event_batch_builder::outcome;
  virtual ~record_decoder() = default;

  /// Decodes one record into a row of `into`, whose schema is the decoder's. An error is a sentence
  /// that names the field and what was found; then the row is left out. An empty record is an
  /// error.
  /// @param source_time what the source says of the record's time, used where the schema names no
  /// field
  virtual result<outcome> decode(std::string_view record, std::optional<event_time> source_time,
                                 event_batch_builder& into) = 0;
  /// As `decode`, without a copy of the record. @pre `record_padding` bytes after the record can be
  /// read; what they hold does not matter
  virtual result<outcome> decode_padded(std::string_view record,
                                        std::optional<event_time> source_time,
                                        event_batch_builder& into) {
    return decode(record, source_time, into);
  }

  /// Whether the last error of `decode` only says that what it takes to read the record is not
  /// there yet: the record must be kept, and given again a little later. The sentence is empty
  /// unless something is amiss.
  virtual bool must_wait() const noexcept { return false; }

  /// Whether the first line of every file is for `read_header` and not a record.
  virtual bool wants_header() const noexcept { return false; }
  /// Takes the columns' names. An error names a column of the schema that is missing.
  virtual result<void> read_header(std::string_view line);
};

/// Makes the decoder for `settings`. An error says which setting does not fit the schema.
result<std::unique_ptr<record_decoder>>
make_record_decoder(std::shared_ptr<const stream_schema> schema,
                    const record_format_settings& settings);

} // namespace keyfold
