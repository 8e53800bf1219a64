#pragma once

#include "connectors/formats/json_value_reader.hpp"
#include "connectors/formats/line_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Splits a CSV record (RFC 4180) into its fields, one after the other. A record is one line: a
/// line break inside quotes is kept when the source hands the record over whole.
class csv_splitter {
public:
  csv_splitter(std::string_view record, char delimiter)
      : next_(record.data()), end_(record.data() + record.size()), delimiter_(delimiter) {}

  /// The next field; it lives until the next call. False at the end and where the quoting is wrong:
  /// see `problem`.
  bool next();
  std::string_view text() const noexcept { return text_; }
  bool quoted() const noexcept { return quoted_; }
  /// A sentence when the quoting is wrong, else empty.
  std::string_view problem() const noexcept { return problem_; }

private:
  bool next_quoted();
  bool end_field();

  const char* next_;
  const char* end_;
  char delimiter_;
  bool at_end_ = false;
  bool quoted_ = false;
  std::string_view text_;
  std::string unquoted_;
  std::string_view problem_;
};

/// Decodes CSV records. An empty field is null, `""` is the empty string; lists and maps are JSON
/// in a quoted field.
class csv_decoder final : public line_decoder {
public:
  csv_decoder(std::shared_ptr<const stream_schema> schema, const record_format_settings& settings);

  bool wants_header() const noexcept override { return header_; }
  result<void> read_header(std::string_view line) override;
  /// Says which place in a record each column of the schema has.
  result<void> set_columns(const std::vector<std::string>& names);

private:
  std::optional<error> read_record(std::string_view record, std::span<cell> row,
                                   arena& memory) override;
  std::optional<error> read_column(const csv_splitter& from, uint32_t field, cell& out,
                                   arena& memory);

  std::shared_ptr<const stream_schema> schema_;
  char delimiter_;
  bool header_;
  std::string what_;
  /// Of each place in a record: the schema's fields there, mostly one or none.
  std::vector<std::vector<uint32_t>> fields_at_;
  json_text_reader json_;
};

} // namespace keyfold
