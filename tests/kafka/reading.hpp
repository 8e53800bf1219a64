#pragma once

#include "broker.hpp"

#include "../support/source_reading.hpp"
#include "connectors/kafka/kafka_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace keyfold::kafka::test {

/// `{"user":"u","n":5,"at":1700000000}`
std::shared_ptr<const stream_schema> test_schema(bool with_time = true);
plain_record test_record(int64_t n, int32_t partition = 0, int64_t timestamp_ms = 0);
std::vector<plain_record> test_records(int64_t from, int64_t count, int partitions);

/// Settings with an application, and so a group and an instance, of their own.
source_settings test_settings();

/// A source and all that it has brought so far.
class reading : public testing::source_reading {
public:
  explicit reading(source_settings settings, const source_positions& from = {},
                   std::shared_ptr<const stream_schema> schema = test_schema());

private:
  reading(source_settings settings, const source_positions& from,
          std::shared_ptr<const stream_schema> schema, std::shared_ptr<metrics_registry> metrics);
};

using testing::metric_value;

} // namespace keyfold::kafka::test
