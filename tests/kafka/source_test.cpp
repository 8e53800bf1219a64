#include <catch2/catch.hpp>

#include "reading.hpp"

#include <algorithm>
#include <numeric>
#include <set>

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;
using Catch::Matchers::Contains;

namespace {

std::vector<int64_t> sorted(std::vector<int64_t> x) {
  std::sort(x.begin(), x.end());
  return x;
}

std::vector<int64_t> range(int64_t from, int64_t count) {
  std::vector<int64_t> out(static_cast<size_t>(count));
  std::iota(out.begin(), out.end(), from);
  return out;
}

source_settings of_topic(const std::string& topic) {
  auto out = test_settings();
  out.topics = {topic};
  return out;
}

} // namespace

TEST_CASE(
    "kafka source: a list of topics is read from the earliest record, each partition in order") {
  auto a = unique("a");
  auto b = unique("b");
  create_topic(a, 3);
  create_topic(b, 1);
  produce(a, test_records(0, 300, 3));
  produce(b, test_records(300, 100, 1));
  auto settings = test_settings();
  settings.topics = {a, b};
  reading read{settings};
  REQUIRE(read.rows(400));
  CHECK(sorted(read.numbers) == range(0, 400));
  CHECK(sorted(read.numbers) != read.numbers); // several partitions took part in a poll
  for (int p = 0; p < 3; ++p) {
    std::vector<int64_t> of_partition;
    for (auto n : read.numbers)
      if (n < 300 && n % 3 == p)
        of_partition.push_back(n);
    CHECK(std::is_sorted(of_partition.begin(), of_partition.end()));
  }
  CHECK(read.positions.at(a + "-2").next == 100);
  CHECK(read.positions.at(b + "-0").next == 100);
  CHECK(read.positions.at(b + "-0").max_time
        == event_time{std::chrono::seconds{1'700'000'000 + 399}});
  CHECK(read.source().partitions().size() == 4);
  CHECK(read.source().status().ready);
  CHECK(read.records == 400);
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_records_total") == 400);
  CHECK(read.until(
      [&] { return metric_value(*read.registry, "keyfold_kafka_source_lag_records") == 0; }));
}

TEST_CASE("kafka source: topics that match the pattern are read, also those that come later") {
  auto stem = unique("stem");
  create_topic(stem + "-a", 1);
  create_topic("x-" + stem + "-a", 1);
  produce(stem + "-a", test_records(0, 10, 1));
  produce("x-" + stem + "-a", test_records(100, 10, 1));
  auto settings = test_settings();
  settings.topic_pattern = stem + "-[a-z]+";
  reading read{settings};
  REQUIRE(read.rows(10));
  CHECK(read.numbers == range(0, 10));
  create_topic(stem + "-b", 2);
  create_topic(stem + "-7", 1);
  produce(stem + "-b", test_records(10, 10, 2));
  produce(stem + "-7", test_records(100, 10, 1));
  REQUIRE(read.rows(20));
  CHECK(sorted(read.numbers) == range(0, 20));
  CHECK(read.source().partitions().size() == 3);
}

TEST_CASE("kafka source: a pattern that no topic matches is not ready, until there is one") {
  auto stem = unique("later");
  auto settings = test_settings();
  settings.topic_pattern = "^" + stem + "-.*$";
  reading read{settings};
  REQUIRE(read.until([&] { return read.reason().find("matches") != std::string::npos; }));
  CHECK_THAT(read.reason(), Contains("no topic at") && Contains(stem));
  create_topic(stem + "-1", 1);
  produce(stem + "-1", test_records(0, 5, 1));
  REQUIRE(read.rows(5));
  CHECK(read.until([&] { return read.source().status().ready; }));
}

TEST_CASE("kafka source: latest begins after what is there, and remembers where that was") {
  auto topic = unique("latest");
  create_topic(topic, 1);
  produce(topic, test_records(0, 10, 1));
  auto settings = of_topic(topic);
  settings.start_at = source_settings::start::latest;
  source_positions kept;
  {
    reading read{settings};
    REQUIRE(read.until([&] { return read.positions.count(topic + "-0") == 1; }));
    CHECK(read.positions.at(topic + "-0").next == 10);
    CHECK(read.numbers.empty());
    kept = read.positions;
  }
  produce(topic, test_records(10, 5, 1)); // while nobody reads
  reading again{settings, kept};
  REQUIRE(again.rows(5));
  CHECK(again.numbers == range(10, 5));
}

TEST_CASE("kafka source: a partition far ahead in event time waits for the one behind") {
  using namespace std::chrono_literals;
  auto topic = unique("uneven");
  create_topic(topic, 2);
  constexpr int count = 20'000;
  std::vector<plain_record> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(test_record(i, 0, 1'700'000'000'000 + i * 10));     // 200 s
    records.push_back(test_record(i, 1, 1'700'000'000'000 + i * 1000LL)); // 20 000 s
  }
  produce(topic, records);
  reading read{of_topic(topic), {}, test_schema(false)};
  REQUIRE(read.rows(2 * count));

  // A poll takes up to 1024 records of a partition before it looks at the other again.
  const event_time far_ahead{1'700'000'000s + 260s + 1024s};
  auto first = std::find_if(read.times.begin(), read.times.end(),
                            [&](event_time x) { return x > far_ahead; });
  auto behind = [](event_time x) { return x <= event_time{1'700'000'200s}; };
  CHECK(std::count_if(read.times.begin(), first, behind) >= count);
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_held_back_total") > 0);
}

TEST_CASE("kafka source: a start time begins with the first record of that time") {
  auto topic = unique("timed");
  create_topic(topic, 1);
  std::vector<plain_record> records;
  for (int i = 0; i < 10; ++i)
    records.push_back(test_record(i, 0, 1'700'000'000'000 + i * 1000));
  produce(topic, records);
  auto settings = of_topic(topic);
  settings.start_at = source_settings::start::timestamp;
  settings.start_time = event_time{std::chrono::milliseconds{1'700'000'000'000 + 3500}};
  reading read{settings};
  REQUIRE(read.rows(6));
  CHECK(read.numbers == range(4, 6));
}

TEST_CASE("kafka source: the record's timestamp is the event time where no field is") {
  auto topic = unique("stamped");
  create_topic(topic, 1);
  produce(topic, {test_record(1, 0, 1'234'567'890'123)});
  reading read{of_topic(topic), {}, test_schema(false)};
  REQUIRE(read.rows(1));
  CHECK(read.times.front() == event_time{std::chrono::milliseconds{1'234'567'890'123}});
}

TEST_CASE("kafka source: reading goes on at the ledger's positions, whatever the group says") {
  auto topic = unique("resumed");
  create_topic(topic, 2);
  produce(topic, test_records(0, 100, 2));
  auto settings = of_topic(topic);
  source_positions half;
  auto newest = event_time{std::chrono::hours{24 * 365 * 60}};
  half[topic + "-0"] = {topic + "-0", 30, newest, false};
  {
    reading all{settings};
    REQUIRE(all.rows(100));
    all.source().committed(7, all.positions);
    REQUIRE(all.until([&] { return group_offsets(settings.application, topic, 2).size() == 2; }));
  }
  auto mirrored = group_offsets(settings.application, topic, 2);
  CHECK(mirrored.at(topic + "-1") == std::pair<int64_t, std::string>{50, "epoch=7"});
  reading read{settings, half};
  REQUIRE(read.rows(70));
  std::multiset<int64_t> got{read.numbers.begin(), read.numbers.end()};
  CHECK(got.count(58) == 0);
  CHECK(got.count(60) == 1);
  CHECK(got.count(1) == 1);
  CHECK(read.positions.at(topic + "-0").max_time == newest); // of all runs together
}

TEST_CASE("kafka source: new partitions of a topic are read from their first record") {
  auto topic = unique("growing");
  create_topic(topic, 1);
  produce(topic, test_records(0, 10, 1));
  auto settings = of_topic(topic);
  reading read{settings};
  REQUIRE(read.rows(10));
  add_partitions(topic, 3);
  produce(topic, {test_record(10, 1), test_record(11, 2)});
  REQUIRE(read.rows(12));
  CHECK(sorted(read.numbers) == range(0, 12));
  CHECK(read.source().partitions().size() == 3);
}

TEST_CASE(
    "kafka source: a second member takes a share and gives it back, nothing is lost or doubled") {
  auto topic = unique("shared");
  create_topic(topic, 4);
  produce(topic, test_records(0, 40, 4));
  auto settings = of_topic(topic);
  settings.group = settings.application;
  settings.instance_id = "first";
  settings.passed_through["session.timeout.ms"] = "6000";
  reading first{settings};
  REQUIRE(first.rows(40));
  source_positions at_start = first.positions; // as if both shared a ledger
  settings.instance_id = "second";
  reading second{settings, at_start};
  REQUIRE(first.until([&] {
    second.until([] { return true; });
    auto polled = second.rows(0, 1);
    return polled && first.source().partitions().size() == 2
           && second.source().partitions().size() == 2;
  }));
  CHECK(first.revoked.size() >= 2);
  produce(topic, test_records(40, 40, 4));
  REQUIRE(second.rows(20));
  REQUIRE(first.rows(60));
  std::vector<int64_t> both = first.numbers;
  both.insert(both.end(), second.numbers.begin(), second.numbers.end());
  CHECK(sorted(both) == range(0, 80));
  auto ours = first.source().partitions();
  for (auto& x : second.source().partitions())
    CHECK(std::find(ours.begin(), ours.end(), x) == ours.end());
  second.source().stop();
  // A static member that leaves is missed only after the session's timeout.
  REQUIRE(first.until([&] { return first.source().partitions().size() == 4; }, 30));
}

TEST_CASE("kafka source: tombstones count as filtered, what cannot be decoded is a dead letter") {
  auto topic = unique("odd");
  create_topic(topic, 1);
  auto tombstone = test_record(1);
  tombstone.value.reset();
  auto broken = test_record(2);
  broken.value = "{\"user\":\"u\",\"n\":";
  auto huge = test_record(2);
  huge.value = std::string(100'000, 'x');
  auto empty = test_record(2);
  empty.value = "";
  produce(topic, {test_record(0), tombstone, broken, huge, empty, test_record(3)});
  reading read{of_topic(topic)};
  REQUIRE(read.rows(2));
  CHECK(read.numbers == std::vector<int64_t>{0, 3});
  CHECK(read.filtered == 1);
  REQUIRE(read.dead_letters.size() == 3);
  CHECK(read.dead_letters[0].stream == "events");
  CHECK(read.dead_letters[0].place == topic + "-0@2");
  CHECK(read.dead_letters[0].payload == *broken.value);
  CHECK_FALSE(read.dead_letters[0].reason.empty());
  CHECK(read.dead_letters[1].payload.size() == 65'536);
  CHECK(read.dead_letters[2].payload.empty());
  CHECK(read.records == 6);
  CHECK(read.positions.at(topic + "-0").next == 6);
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_unparsable_total") == 3);
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_tombstones_total") == 1);
}

TEST_CASE("kafka source: aborted transactions are not read, and control records leave no lag") {
  auto topic = unique("transactions");
  create_topic(topic, 1);
  produce(topic, test_records(0, 10, 1), ending::committed);
  produce(topic, test_records(10, 10, 1), ending::aborted);
  produce(topic, test_records(20, 10, 1), ending::committed);
  reading read{of_topic(topic)};
  REQUIRE(read.rows(20));
  CHECK(sorted(read.numbers) == sorted([] {
          auto out = range(0, 10);
          auto more = range(20, 10);
          out.insert(out.end(), more.begin(), more.end());
          return out;
        }()));
  REQUIRE(read.until([&] { return read.positions.at(topic + "-0").next == 33; }));
  CHECK(metric_value(*read.registry, "keyfold_kafka_source_lag_records") == 0);
}

TEST_CASE("kafka source: a bounded source ends where the log ended, in every partition") {
  auto topic = unique("bounded");
  create_topic(topic, 3);
  for (int i = 0; i < 2; ++i) // partition 2 stays empty
    produce(topic, test_records(0, 10, 1), ending::committed);
  produce(topic, {test_record(50, 1)}, ending::aborted);
  auto settings = of_topic(topic);
  settings.until_end = true;
  auto all_ended = [&](reading& read) {
    return read.positions.size() == 3
           && std::all_of(read.positions.begin(), read.positions.end(),
                          [](auto& x) { return x.second.ended; });
  };
  source_positions reached;
  {
    reading read{settings};
    REQUIRE(read.until([&] { return all_ended(read); }));
    CHECK(read.numbers.size() == 20);
    produce(topic, test_records(0, 10, 1)); // after the end that was fixed at the start
    CHECK(read.rows(20));
    reached = read.positions;
  }
  reading again{settings, reached};
  REQUIRE(again.until([&] { return all_ended(again) && again.numbers.size() == 10; }));
}

TEST_CASE("kafka source: partitions that may hold more are told, those read to their end are not") {
  auto topic = unique("unread");
  create_topic(topic, 2);
  produce(topic, test_records(0, 3000, 1)); // all in partition 0
  reading read{of_topic(topic)};
  REQUIRE(read.until([&] { return read.numbers.size() >= 1000; }));
  CHECK(read.unread.count(topic + "-0") == 1); // a poll takes 1000 records
  CHECK(read.until([&] { return read.numbers.size() == 3000 && read.unread.empty(); }));
  produce(topic, {test_record(1, 1)});
  REQUIRE(read.until([&] { return read.numbers.size() == 3001; }));
  CHECK(read.until([&] { return read.unread.empty(); }));
}

TEST_CASE("kafka source: what cannot be a setting is refused with its name") {
  auto settings = of_topic("t");
  auto refusal = [&](const std::string& name, const std::string& value) {
    auto changed = settings;
    changed.passed_through[name] = value;
    auto made = make_kafka_source(changed, test_schema(), std::make_shared<prometheus::Registry>());
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  CHECK_THAT(refusal("fetch.max.byte", "1"), Contains("stream \"events\"")
                                                 && Contains("\"fetch.max.byte\"")
                                                 && Contains("No such configuration property"));
  CHECK_THAT(refusal("fetch.max.bytes", "many"), Contains("\"fetch.max.bytes\""));
  CHECK_THAT(refusal("enable.auto.commit", "true"), Contains("positions come from the ledger"));
  CHECK_THAT(refusal("partition.assignment.strategy", "cooperative-sticky"), Contains("range"));
}

TEST_CASE("kafka source: the newer of two processes with one instance id takes over at once") {
  auto topic = unique("fenced");
  create_topic(topic, 1);
  produce(topic, test_records(0, 10, 1));
  auto settings = of_topic(topic);
  settings.instance_id = "only";
  reading first{settings};
  REQUIRE(first.rows(10));
  reading second{settings, first.positions};
  produce(topic, test_records(10, 10, 1));
  REQUIRE(second.rows(10, 10));
  CHECK(second.numbers == range(10, 10));
  CHECK_FALSE(first.until([] { return false; }, 20));
  CHECK_THAT(first.error, Contains("another process") && Contains(settings.instance_id));
}

TEST_CASE("kafka source: a process that comes back with other topics reads those") {
  auto instance = GENERATE(as<std::string>{}, "", "only");
  auto before = unique("before");
  auto after = unique("after");
  for (const auto& topic : {before, after})
    create_topic(topic, 1);
  produce(before, test_records(0, 10, 1));
  produce(after, test_records(10, 10, 1));
  auto settings = of_topic(before);
  settings.instance_id = instance;
  settings.passed_through["session.timeout.ms"] = "6000";
  {
    reading first{settings};
    REQUIRE(first.rows(10));
  }
  settings.topics = {after};
  reading second{settings};
  REQUIRE(second.rows(10, 10));
  CHECK(second.numbers == range(10, 10));
}
