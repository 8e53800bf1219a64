#pragma once

#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/record_decoder.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold::testing {

/// Writes Avro's binary encoding by hand, as the specification says.
class avro_bytes {
public:
  avro_bytes& number(int64_t x) {
    auto bits = static_cast<uint64_t>(x) << 1 ^ static_cast<uint64_t>(x >> 63);
    for (; bits >= 0x80; bits >>= 7)
      bytes_.push_back(static_cast<char>(bits | 0x80));
    bytes_.push_back(static_cast<char>(bits));
    return *this;
  }
  avro_bytes& text(std::string_view x) {
    number(static_cast<int64_t>(x.size()));
    return raw(x);
  }
  avro_bytes& raw(std::string_view x) {
    bytes_ += x;
    return *this;
  }
  avro_bytes& flag(bool x) {
    bytes_.push_back(x ? '\1' : '\0');
    return *this;
  }
  template <class T>
  avro_bytes& real(T x) {
    char bytes[sizeof x];
    std::memcpy(bytes, &x, sizeof x);
    return raw({bytes, sizeof x});
  }
  operator std::string() const { return bytes_; }

private:
  std::string bytes_;
};

inline stream_field avro_field(std::string name, std::string_view type,
                               std::vector<std::string> path = {}) {
  stream_field x;
  x.name = std::move(name);
  x.type = *parse_data_type(type);
  x.path = path.empty() ? std::vector<std::string>{x.name} : std::move(path);
  return x;
}

inline std::shared_ptr<stream_schema> columns(std::vector<stream_field> fields) {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "s";
  schema->fields = std::move(fields);
  return schema;
}

inline std::shared_ptr<const avro::schema> parsed(const std::string& json) {
  auto made = avro::parse_schema(json);
  INFO((made ? "" : made.error().message));
  REQUIRE(made);
  return std::make_shared<avro::schema>(std::move(*made));
}

/// A record schema of the fields `{"name":…,"type":…}`.
inline std::string record_of(const std::string& fields) {
  return R"({"type":"record","name":"r","fields":[)" + fields + "]}";
}

/// A decoder of one writer's schema with what it decoded. Records have the time 1970-01-01.
class avro_reading {
public:
  avro_reading(const std::string& writer, std::vector<stream_field> fields,
               avro::options_by_column options = {})
      : schema_(columns(std::move(fields))), rows_(schema_, 16) {
    auto settings = std::make_shared<avro::format>();
    settings->fixed = parsed(writer);
    settings->columns = std::move(options);
    auto made = avro::avro_decoder::make(schema_, settings);
    if (made)
      decoder_ = std::move(*made);
    else
      problem_ = made.error().message;
  }

  /// Why there is no decoder; empty if there is one.
  const std::string& problem() const { return problem_; }
  /// Decodes; the message of the error, or empty.
  std::string operator()(const std::string& record) {
    REQUIRE(problem_ == "");
    // In memory of its own, so that a sanitizer sees what is read beyond its end.
    std::vector<char> exact(record.begin(), record.end());
    auto read = decoder_->decode({exact.data(), exact.size()}, event_time{}, rows_);
    return read ? std::string{} : read.error().message;
  }
  /// The row of the only record decoded since the last call.
  std::vector<cell> row(const std::string& record) {
    REQUIRE((*this)(record) == "");
    batch_ = rows_.build();
    REQUIRE(batch_->size() == 1);
    auto cells = batch_->row(0);
    return {cells.begin(), cells.end()};
  }
  cell first(const std::string& record) { return row(record).front(); }

private:
  std::shared_ptr<stream_schema> schema_;
  event_batch_builder rows_;
  std::unique_ptr<record_decoder> decoder_;
  event_batch_ptr batch_;
  std::string problem_;
};

/// A registry in memory.
class fake_schemas final : public avro::schema_source {
public:
  answer find(int32_t id) override {
    ++asked;
    auto found = known.find(id);
    return found == known.end() ? answer{state::awaited, nullptr, "the registry is away"}
                                : found->second;
  }
  std::map<int32_t, answer> known;
  int asked = 0;
};

} // namespace keyfold::testing
