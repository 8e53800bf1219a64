#pragma once

#include "connectors/formats/json_value_reader.hpp"
#include "connectors/formats/line_decoder.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace keyfold {

/// Decodes `key=value;key=value`. Each part is split on its first `=`; separators at the end are
/// ignored; a key that comes twice is an error, also one that the schema does not have. Nothing can
/// be quoted.
class text_decoder final : public line_decoder {
public:
  /// Most parts of a record.
  static constexpr size_t max_parts = 1024;

  text_decoder(std::shared_ptr<const stream_schema> schema, const record_format_settings& settings);

private:
  struct wanted {
    std::string_view key; ///< in the schema
    uint32_t field;
  };

  std::optional<error> read_record(std::string_view record, std::span<cell> row,
                                   arena& memory) override;
  std::optional<error> read_part(std::string_view key, std::string_view value, std::span<cell> row,
                                 arena& memory);

  std::shared_ptr<const stream_schema> schema_;
  char part_separator_;
  char value_separator_;
  std::vector<wanted> wanted_;
  std::vector<std::string_view> keys_; ///< of the record being read
  json_text_reader json_;
};

} // namespace keyfold
