#include "reading.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace keyfold::kafka::test {

std::shared_ptr<const stream_schema> test_schema(bool with_time) {
  auto out = std::make_shared<stream_schema>();
  out->name = "events";
  stream_field user;
  user.name = "user";
  user.type = *parse_data_type("string");
  user.path = {"user"};
  stream_field number;
  number.name = "n";
  number.type = *parse_data_type("int64");
  number.path = {"n"};
  number.nullable = false;
  stream_field at;
  at.name = "at";
  at.type = *parse_data_type("timestamp");
  at.path = {"at"};
  at.unit = timestamp_unit::seconds;
  out->fields = {user, number, at};
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
    : positions(from) {
  auto made = make_kafka_source(std::move(settings), std::move(schema), registry);
  if (!made)
    throw std::runtime_error{made.error().message};
  source_ = std::move(*made);
  if (auto begun = source_->start(from); !begun)
    throw std::runtime_error{begun.error().message};
}

reading::~reading() {
  source_->stop();
}

void reading::poll() {
  auto got = source_->poll(1000, std::chrono::milliseconds{50});
  if (!got) {
    error = got.error().message;
    return;
  }
  if (got->events)
    for (size_t i = 0; i < got->events->size(); ++i) {
      numbers.push_back(got->events->row(i)[1].as_integer());
      times.push_back(got->events->time(i));
    }
  for (auto& x : got->progress)
    positions[x.partition] = x;
  revoked.insert(revoked.end(), got->revoked.begin(), got->revoked.end());
  unread = {got->unread.begin(), got->unread.end()};
  for (auto& x : got->dead_letters)
    dead_letters.push_back(std::move(x));
  records += got->records;
  filtered += got->filtered;
}

bool reading::until(const std::function<bool()>& done, int seconds) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline || !error.empty())
      return false;
    poll();
  }
  return true;
}

bool reading::rows(size_t count, int seconds) {
  if (!until([&] { return numbers.size() >= count; }, seconds))
    return false;
  for (int i = 0; i < 4; ++i)
    poll();
  return numbers.size() == count;
}

double metric(const prometheus::Registry& registry, const std::string& name,
              const std::string& label) {
  auto out = std::numeric_limits<double>::quiet_NaN();
  for (auto& family : registry.Collect()) {
    if (family.name != name)
      continue;
    for (auto& one : family.metric) {
      bool wanted = label.empty();
      for (auto& x : one.label)
        wanted |= x.value.find(label) != x.value.npos;
      if (wanted)
        out = (std::isnan(out) ? 0 : out) + one.counter.value + one.gauge.value;
    }
  }
  return out;
}

} // namespace keyfold::kafka::test
