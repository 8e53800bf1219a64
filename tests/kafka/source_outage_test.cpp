#include <catch2/catch.hpp>

#include "reading.hpp"

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;
using Catch::Matchers::Contains;

namespace {

source_settings of_topic(const std::string& topic) {
  auto out = test_settings();
  out.topics = {topic};
  return out;
}

source_positions at(const std::string& topic, int64_t next) {
  return {{topic + "-0", {topic + "-0", next, beginning_of_time, false}}};
}

} // namespace

TEST_CASE("kafka source: a topic that does not exist is told, and read once it does") {
  auto topic = unique("missing");
  reading read{of_topic(topic)};
  REQUIRE(read.until([&] { return read.reason().find("does not exist") != std::string::npos; }));
  CHECK_THAT(read.reason(), Contains("\"" + topic + "\""));
  create_topic(topic, 2);
  produce(topic, test_records(0, 10, 2));
  REQUIRE(read.rows(10));
  CHECK(read.until([&] { return read.source().status().ready; }));
}

TEST_CASE("kafka source: a broker that is away at the start is waited for") {
  auto topic = unique("away");
  create_topic(topic, 1);
  produce(topic, test_records(0, 10, 1));
  auto& broker = test_broker::instance();
  broker.down();
  reading read{of_topic(topic)};
  CHECK_FALSE(read.source().status().ready);
  CHECK(read.until([&] { return read.reason().find("no broker reachable") != std::string::npos; }));
  CHECK_THAT(read.reason(), Contains(broker.address()) && Contains("Connection refused"));
  CHECK(read.error.empty());
  broker.up();
  REQUIRE(read.rows(10, 30));
  CHECK(read.until([&] { return read.source().status().ready; }));
}

TEST_CASE("kafka source: a broker that is killed midway costs time and no record") {
  auto topic = unique("killed");
  create_topic(topic, 2);
  produce(topic, test_records(0, 1000, 2));
  reading read{of_topic(topic)};
  REQUIRE(read.rows(1000));
  auto& broker = test_broker::instance();
  broker.down(true);
  REQUIRE(read.until([&] { return !read.source().status().ready; }));
  CHECK_THAT(read.reason(), Contains("no broker reachable"));
  broker.up();
  produce(topic, test_records(1000, 1000, 2));
  REQUIRE(read.rows(2000, 40));
  std::vector<bool> seen(2000);
  for (auto n : read.numbers)
    seen[static_cast<size_t>(n)] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == 2000);
  CHECK(read.until([&] { return read.source().status().ready; }));
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_disconnects_total") > 0);
}

TEST_CASE("kafka source: a position whose records were deleted is refused, or passed as told") {
  auto topic = unique("truncated");
  create_topic(topic, 1);
  produce(topic, test_records(0, 100, 1));
  delete_records(topic, 0, 60);
  auto settings = of_topic(topic);
  {
    reading read{settings, at(topic, 10)};
    CHECK_FALSE(read.until([] { return false; }, 10));
    CHECK_THAT(read.error, Contains(topic + "-0") && Contains("position 10 ")
                               && Contains("60 to 100") && Contains("on_missing"));
  }
  settings.on_missing = source_settings::missing::earliest;
  reading read{settings, at(topic, 10)};
  REQUIRE(read.rows(40));
  CHECK(read.numbers.front() == 60);
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_lost_positions_total") == 1);
}

TEST_CASE(
    "kafka source: a position beyond the end of the log is refused, also of a bounded source") {
  auto topic = unique("recreated");
  create_topic(topic, 1);
  produce(topic, test_records(0, 100, 1));
  auto settings = of_topic(topic);
  settings.until_end = GENERATE(false, true);
  CAPTURE(settings.until_end);
  reading read{settings, at(topic, 101)};
  CHECK_FALSE(
      read.until([&] { return !read.positions.at(topic + "-0").ended ? false : true; }, 10));
  CHECK_THAT(read.error, Contains("position 101 ") && Contains("created anew"));
}

TEST_CASE("kafka source: while the broker is away no partition counts as read to its end") {
  auto topic = unique("away");
  create_topic(topic, 2);
  produce(topic, test_records(0, 10, 2));
  reading read{of_topic(topic)};
  REQUIRE(read.until([&] { return read.numbers.size() == 10 && read.unread.empty(); }));
  auto& broker = test_broker::instance();
  broker.down();
  CHECK(read.until([&] { return read.unread.size() == 2; }));
  broker.up();
  CHECK(read.until([&] { return read.unread.empty(); }));
}

TEST_CASE("kafka source: an interrupt ends a long poll") {
  auto topic = unique("quiet");
  create_topic(topic, 1);
  reading read{of_topic(topic)};
  REQUIRE(read.until([&] { return read.source().status().ready; }));
  REQUIRE(read.until([&] { return read.positions.size() == 1; })); // the end has been seen
  auto begun = std::chrono::steady_clock::now();
  read.source().interrupt();
  REQUIRE(read.source().poll(10, std::chrono::seconds{20}));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{2});
}
