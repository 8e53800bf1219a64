#pragma once

#include "connectors/formats/record_decoder.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold::testing {

/// A field read from where its name says, or from `path`.
inline stream_field field(std::string name, std::string type, std::vector<std::string> path = {}) {
  stream_field x;
  x.name = std::move(name);
  x.type = *parse_data_type(type);
  x.path = path.empty() ? std::vector<std::string>{x.name} : std::move(path);
  return x;
}

inline stream_field timestamp_field(std::string name, timestamp_unit unit,
                                    std::string pattern = {}) {
  auto x = field(std::move(name), "timestamp");
  x.unit = unit;
  x.pattern = std::move(pattern);
  return x;
}

inline std::shared_ptr<stream_schema> schema_of(std::vector<stream_field> fields) {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "s";
  schema->fields = std::move(fields);
  return schema;
}

/// A decoder with what it decoded. The records get the time 1970-01-01 unless the schema has a
/// time field.
class decoding {
public:
  explicit decoding(std::shared_ptr<const stream_schema> schema,
                    record_format_settings settings = {})
      : decoder_(*make_record_decoder(schema, settings)), rows_(schema, 16) {}

  /// Decodes; the message of the error, or empty.
  std::string operator()(std::string_view record) {
    auto read = decoder_->decode(record, event_time{}, rows_);
    return read ? std::string{} : read.error().message;
  }
  /// The row of the only record decoded since the last call.
  std::vector<cell> row() {
    batch_ = rows_.build();
    REQUIRE(batch_->size() == 1);
    auto cells = batch_->row(0);
    return {cells.begin(), cells.end()};
  }
  /// The first column of `record`.
  cell first(std::string_view record) {
    INFO(record);
    REQUIRE((*this)(record) == "");
    return row().front();
  }
  record_decoder& decoder() { return *decoder_; }
  event_batch_builder& rows() { return rows_; }

private:
  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder rows_;
  event_batch_ptr batch_;
};

} // namespace keyfold::testing
