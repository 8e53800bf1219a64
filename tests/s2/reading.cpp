#include "reading.hpp"

#include <fmt/format.h>

#include <utility>

namespace keyfold::s2::test {

std::shared_ptr<const stream_schema> test_schema(bool with_time) {
  auto out = std::make_shared<stream_schema>();
  out->name = "events";
  out->time.idle_after = std::chrono::milliseconds{1000};
  out->fields = {testing::number_field(), testing::time_field()};
  if (with_time)
    out->time.field = 1;
  return out;
}

plain_record test_record(int64_t n) {
  plain_record out;
  out.body = fmt::format(R"({{"n":{},"at":{}}})", n, 1'700'000'000 + n);
  return out;
}

std::vector<plain_record> test_records(int64_t from, int64_t count) {
  std::vector<plain_record> out;
  for (auto n = from; n < from + count; ++n)
    out.push_back(test_record(n));
  return out;
}

source_settings test_settings(const std::string& prefix, const std::string& url) {
  source_settings out;
  out.basin = test_basin(url);
  out.prefix = prefix;
  out.discover_every = std::chrono::milliseconds{200};
  return out;
}

reading::reading(source_settings settings, const source_positions& from,
                 std::shared_ptr<const stream_schema> schema)
    : reading(std::move(settings), from, std::move(schema), std::make_shared<metrics_registry>()) {}

reading::reading(source_settings settings, const source_positions& from,
                 std::shared_ptr<const stream_schema> schema,
                 std::shared_ptr<metrics_registry> metrics)
    : source_reading(make_s2_source(std::move(settings), std::move(schema), metrics), from, metrics,
                     0, std::chrono::milliseconds{20}) {}

} // namespace keyfold::s2::test
