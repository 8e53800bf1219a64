#include <catch2/catch.hpp>

#include "publishing.hpp"
#include "reading.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <sys/resource.h>

#include <ctime>

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;

namespace {

double thread_seconds() {
  timespec x{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &x);
  return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_nsec) * 1e-9;
}

double process_seconds() {
  rusage x{};
  getrusage(RUSAGE_SELF, &x);
  return static_cast<double>(x.ru_utime.tv_sec + x.ru_stime.tv_sec)
         + static_cast<double>(x.ru_utime.tv_usec + x.ru_stime.tv_usec) * 1e-6;
}

std::shared_ptr<const stream_schema> counters_schema() {
  auto out = std::make_shared<stream_schema>();
  out->name = "events";
  for (auto* name : {"eventName", "userId", "creatorId", "eventTs"}) {
    stream_field field;
    field.name = name;
    field.path = {name};
    field.type = *parse_data_type(field.name == "eventTs" ? "timestamp" : "string");
    field.unit = timestamp_unit::seconds;
    out->fields.push_back(field);
  }
  out->time.field = 3;
  return out;
}

} // namespace

// Against a topic of bench/peers/native/gen: KEYFOLD_BENCH_BROKER, KEYFOLD_BENCH_TOPIC.
TEST_CASE("kafka source: speed", "[.][speed]") {
  auto* broker = std::getenv("KEYFOLD_BENCH_BROKER");
  auto* topic = std::getenv("KEYFOLD_BENCH_TOPIC");
  REQUIRE(broker);
  REQUIRE(topic);
  source_settings settings;
  settings.application = unique("bench");
  settings.brokers = broker;
  settings.topics = {topic};
  settings.until_end = true;
  if (auto* more = std::getenv("KEYFOLD_BENCH_SET")) {
    std::string all = more;
    for (size_t at = 0; at < all.size();) {
      auto end = std::min(all.find(' ', at), all.size());
      auto one = all.substr(at, end - at);
      settings.passed_through[one.substr(0, one.find('='))] = one.substr(one.find('=') + 1);
      at = end + 1;
    }
  }
  auto source =
      *make_kafka_source(settings, counters_schema(), std::make_shared<prometheus::Registry>());
  REQUIRE(source->start({}));
  size_t rows = 0;
  size_t polls = 0;
  source_positions positions;
  auto begun = std::chrono::steady_clock::now();
  double cpu = 0;
  auto process = process_seconds();
  for (bool going = true; going;) {
    auto got = source->poll(16'384, std::chrono::seconds{1});
    REQUIRE(got);
    if (got->events) {
      if (rows == 0) {
        begun = std::chrono::steady_clock::now();
        cpu = thread_seconds();
      }
      ++polls;
      rows += got->events->size();
    }
    for (auto& x : got->progress)
      positions[x.partition] = x;
    going =
        positions.empty() || positions.size() < source->partitions().size()
        || std::any_of(positions.begin(), positions.end(), [](auto& x) { return !x.second.ended; });
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print("{{\"rows\":{},\"polls\":{},\"seconds\":{:.3f},\"cpu_us_per_row\":{:.3f},"
             "\"process_us_per_row\":{:.3f},\"per_s\":{:."
             "0f}}}\n",
             rows, polls, seconds, (thread_seconds() - cpu) * 1e6 / static_cast<double>(rows),
             (process_seconds() - process) * 1e6 / static_cast<double>(rows),
             static_cast<double>(rows) / seconds);
  auto stop = std::chrono::steady_clock::now();
  source->stop();
  fmt::print("stop {:.3f}\n",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - stop).count());
}

TEST_CASE("kafka output: speed", "[.][speed]") {
  auto settings = test_output();
  settings.key_format = row_format::csv;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  for (int i = 0; i < 5; ++i) {
    auto begun = std::chrono::steady_clock::now();
    out.upsert("u", 1, 1);
    REQUIRE(out.publish(static_cast<uint64_t>(i + 1)) == "");
    fmt::print("small epoch {:.3f} s\n",
               std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  for (int round = 0; round < 3; ++round) {
    constexpr int64_t count = 1'000'000;
    for (int64_t i = 0; i < count; ++i)
      out.upsert(fmt::format("{}", i * 7919 % 1'000'000), i, static_cast<double>(i) * 0.37);
    auto log = out.take();
    auto begun = std::chrono::steady_clock::now();
    auto cpu = thread_seconds();
    auto done = out.target().publish(static_cast<uint64_t>(10 + round), log);
    INFO((done ? "" : done.error().message));
    REQUIRE(done);
    auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    fmt::print("{{\"records\":{},\"seconds\":{:.3f},\"cpu_us_per_record\":{:.3f}}}\n", count,
               seconds, (thread_seconds() - cpu) * 1e6 / static_cast<double>(count));
  }
}
