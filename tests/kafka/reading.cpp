#include "reading.hpp"

#include <fmt/format.h>

#include <utility>

namespace keyfold::kafka::test {

std::shared_ptr<const stream_schema> test_schema(bool with_time) {
  auto out = std::make_shared<stream_schema>();
  out->name = "events";
  stream_field user;
  user.name = "user";
  user.type = *parse_data_type("string");
  user.path = {"user"};
  out->fields = {user, testing::number_field(), testing::time_field()};
  if (with_time)
    out->time.field = 2;
  return out;
}

plain_record test_record(int64_t n, int32_t partition, int64_t timestamp_ms) {
  plain_record out;
  out.partition = partition;
  out.key = fmt::format("u{}", n);
  out.value = fmt::format(R"({{"user":"u{}","n":{},"at":{}}})", n, n, 1'700'000'000 + n);
  out.timestamp_ms = timestamp_ms;
  return out;
}

std::vector<plain_record> test_records(int64_t from, int64_t count, int partitions) {
  std::vector<plain_record> out;
  for (auto n = from; n < from + count; ++n)
    out.push_back(test_record(n, static_cast<int32_t>(n % partitions)));
  return out;
}

source_settings test_settings() {
  source_settings out;
  out.application = unique("app");
  out.brokers = test_broker::instance().address();
  out.passed_through = {{"topic.metadata.refresh.interval.ms", "500"}};
  return out;
}

reading::reading(source_settings settings, const source_positions& from,
                 std::shared_ptr<const stream_schema> schema)
    : reading(std::move(settings), from, std::move(schema), std::make_shared<metrics_registry>()) {}

reading::reading(source_settings settings, const source_positions& from,
                 std::shared_ptr<const stream_schema> schema,
                 std::shared_ptr<metrics_registry> metrics)
    : source_reading(make_kafka_source(std::move(settings), std::move(schema), metrics), from,
                     metrics, 1, std::chrono::milliseconds{50}) {}

} // namespace keyfold::kafka::test
