#include <catch2/catch.hpp>

#include "broker.hpp"
#include "publishing.hpp"

#include "features/murmur2.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;
using Catch::Matchers::Contains;

TEST_CASE(
    "kafka output: changes of an epoch become records and tombstones, as an outsider reads them") {
  auto settings = test_output();
  publishing out{settings};
  CHECK(out.open() == 0);
  out.upsert("u1", 1, 1.5);
  out.upsert("u2", 2, 0.25);
  out.erase("u1");
  REQUIRE(out.publish(1) == "");
  auto read =
      output_of(fmt::format("kcat -C -b {} -t {} -e -q -Z -X isolation.level=read_committed "
                            "-f '%k %s\n' | sort",
                            settings.brokers, settings.topic));
  CHECK(read
        == "{\"user\":\"u1\"} NULL\n"
           "{\"user\":\"u1\"} {\"count\":1,\"sum\":1.5}\n"
           "{\"user\":\"u2\"} {\"count\":2,\"sum\":0.25}\n");
  CHECK(out.target().status().ready);
  CHECK(out.open() == 1);
}

TEST_CASE("kafka output: keys and values as CSV") {
  auto settings = test_output();
  settings.key_format = row_format::csv;
  settings.value_format = row_format::csv;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert("a,b", 7, 2);
  REQUIRE(out.publish(1) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 1);
  CHECK(all[0].key == "\"a,b\"");
  CHECK(all[0].value->starts_with("7,2"));
}

TEST_CASE("kafka output: keys are where Java's producers put them") {
  auto settings = test_output();
  settings.key_format = row_format::csv;
  settings.partitions = 7;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  // The second number is murmur2 as Kafka's own tests have it.
  std::map<std::string, uint32_t> vectors{
      {"kafka", 0xd067cf64}, {"giberish123456789", 0x8f552b0c}, {"21", 0xc5f3bd30}};
  for (auto& [key, hash] : vectors)
    out.upsert(key, 1, 1);
  for (int i = 0; i < 200; ++i)
    out.upsert(fmt::format("user-{}", i), 1, 1);
  REQUIRE(out.publish(1) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 203);
  for (auto& x : all) {
    INFO(*x.key);
    CHECK(x.partition == static_cast<int32_t>(partition_of(*x.key, 7)));
    if (auto found = vectors.find(*x.key); found != vectors.end() && *x.key != "21")
      CHECK(x.partition == static_cast<int32_t>((found->second & 0x7fffffff) % 7));
  }
}

TEST_CASE("kafka output: the marker is committed with the records, and only with them") {
  auto settings = test_output();
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert("u1", 1, 1);
  REQUIRE(out.publish(41) == "");
  CHECK(group_offsets(settings.transactional_id, settings.topic, 1).at(settings.topic + "-0")
        == std::pair<int64_t, std::string>{41, "epoch=41"});
  SECTION("an epoch without changes moves it too") {
    REQUIRE(out.publish(42) == "");
    CHECK(out.open() == 42);
    CHECK(read_all(settings.topic).size() == 1);
  }
  SECTION("an interrupted epoch leaves nothing") {
    for (int i = 0; i < 200'000; ++i)
      out.upsert(fmt::format("u{}", i), 2, 2);
    std::jthread interrupter{[&] {
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
      out.target().interrupt();
    }};
    auto said = out.publish(42);
    CHECK_THAT(said, Contains("interrupted"));
    CHECK_FALSE(out.target().fatal());
    CHECK_FALSE(out.target().status().ready);
    CHECK(read_all(settings.topic).size() == 1);
    CHECK(out.open() == 41);
    out.upsert("u9", 9, 9);
    REQUIRE(out.publish(42) == "");
    CHECK(read_all(settings.topic).size() == 2);
    CHECK(out.open() == 42);
  }
}

TEST_CASE("kafka output: a zombie cannot publish once its successor is open") {
  auto settings = test_output();
  publishing zombie{settings};
  REQUIRE(zombie.open() == 0);
  zombie.upsert("u1", 1, 1);
  REQUIRE(zombie.publish(1) == "");
  publishing successor{settings};
  CHECK(successor.open() == 1);
  zombie.upsert("u1", 2, 2);
  CHECK_THAT(zombie.publish(2),
             Contains("another process has taken over") && Contains(settings.transactional_id));
  CHECK(zombie.target().fatal());
  CHECK_FALSE(zombie.target().status().ready);
  successor.upsert("u1", 3, 3);
  REQUIRE(successor.publish(2) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 2);
  CHECK(all[1].value == "{\"count\":3,\"sum\":3.0}");
}

TEST_CASE(
    "kafka output: the open transaction of a killed predecessor is aborted by the next open") {
  auto settings = test_output();
  settings.key_format = row_format::csv;
  {
    publishing first{settings};
    REQUIRE(first.open() == 0);
    REQUIRE(first.publish(1) == "");
  }
  produce(settings.topic, {{0, -1, "k", "v", 0}}, ending::left_open, settings.transactional_id);
  CHECK(read_all(settings.topic, "read_uncommitted").size() == 1);
  publishing next{settings};
  CHECK(next.open() == 1);
  next.upsert("u1", 1, 1);
  REQUIRE(next.publish(2) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 1);
  CHECK(all[0].key == "u1");
}

TEST_CASE(
    "kafka output: a missing topic is created, compacted or not, and an existing one is left") {
  auto settings = test_output();
  settings.partitions = 3;
  settings.compacted = GENERATE(true, false);
  publishing out{settings};
  REQUIRE(out.open() == 0);
  auto described = output_of(fmt::format("kcat -L -b {} -t {}", settings.brokers, settings.topic));
  CHECK_THAT(described, Contains("with 3 partitions"));
  settings.partitions = 9;
  publishing again{settings};
  REQUIRE(again.open() == 0);
  CHECK_THAT(output_of(fmt::format("kcat -L -b {} -t {}", settings.brokers, settings.topic)),
             Contains("with 3 partitions"));
}

TEST_CASE("kafka output: dead letters are records of their own columns, without compaction") {
  auto settings = test_output();
  auto text = *parse_data_type("string");
  settings.columns = {{"dead_letters",
                       {},
                       {{"stream", text}, {"place", text}, {"reason", text}, {"payload", text}}}};
  settings.compacted = false;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  std::vector<cell> row{cell::string("events"), cell::string("t-0@5"), cell::string("no number"),
                        cell::string("{\"n\":\"\xff\"}")};
  out.append({0, false, beginning_of_time, {}, row});
  REQUIRE(out.publish(1) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 1);
  CHECK_FALSE(all[0].key);
  CHECK_THAT(*all[0].value, Contains("\"place\":\"t-0@5\"") && Contains("\"stream\":\"events\""));
}

namespace {

/// An output of the stream `conversions`; `key`: the columns that records are keyed by.
output_settings events_output(const std::vector<std::string>& key = {}) {
  auto settings = test_output();
  change_columns columns;
  columns.view = "conversions";
  columns.events = true;
  columns.values = {{"user", *parse_data_type("int32")}, {"query", *parse_data_type("string")}};
  for (auto& name : key)
    columns.key.push_back({name, *parse_data_type(name == "user" ? "int32" : "string")});
  settings.columns = {columns};
  settings.compacted = false;
  return settings;
}

change event_of(const std::vector<cell>& key, const std::vector<cell>& values) {
  return {0, false, beginning_of_time, key, values};
}

} // namespace

TEST_CASE("kafka output: events of a stream are records without a key, and equal ones all stay") {
  auto settings = events_output();
  settings.partitions = 1;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  const std::vector<cell> linen{cell::integer(16), cell::string("linen")};
  const std::vector<cell> null{cell::integer(5), cell{}};
  for (const auto& row : {linen, null, linen})
    out.append(event_of({}, row));
  REQUIRE(out.publish(1) == "");
  out.append(event_of({}, linen));
  REQUIRE(out.publish(2) == "");
  auto all = read_all(settings.topic);
  REQUIRE(all.size() == 4);
  for (auto& x : all)
    CHECK_FALSE(x.key);
  CHECK(all[0].value == R"({"user":16,"query":"linen"})");
  CHECK(all[1].value == R"({"user":5,"query":null})");
  CHECK(all[2].value == all[0].value);
  CHECK(all[3].value == all[0].value);
  CHECK(output_of(fmt::format("kcat -C -b {} -t {} -e -q -Z -X isolation.level=read_committed -c 1 "
                              "-f '%k %s'",
                              settings.brokers, settings.topic))
        == R"(NULL {"user":16,"query":"linen"})");
  CHECK(out.open() == 2);
}

TEST_CASE("kafka output: events can have a key, by which they find their partition") {
  auto settings = events_output({"query"});
  settings.partitions = 5;
  publishing out{settings};
  REQUIRE(out.open() == 0);
  for (int i = 0; i < 50; ++i) {
    auto query = cell::string(i % 2 == 0 ? "linen" : "rugs");
    out.append(event_of({query}, {cell::integer(i), query}));
  }
  REQUIRE(out.publish(1) == "");
  std::map<std::string, std::vector<std::string>> values;
  for (auto& x : read_all(settings.topic)) {
    REQUIRE(x.key);
    CHECK(x.partition == static_cast<int32_t>(partition_of(*x.key, 5)));
    values[*x.key].push_back(*x.value);
  }
  REQUIRE(values.size() == 2);
  const auto& linen = values.at(R"({"query":"linen"})");
  REQUIRE(linen.size() == 25);
  for (size_t i = 0; i < linen.size(); ++i)
    CHECK(linen[i] == fmt::format(R"({{"user":{},"query":"linen"}})", 2 * i));
}

TEST_CASE("kafka output: a record that is too large is told with the remedy and stops the output") {
  auto settings = test_output();
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert(std::string(2'000'000, 'k'), 1, 1);
  CHECK_THAT(out.publish(1), Contains("message.max.bytes"));
  CHECK(out.target().fatal());
  CHECK(read_all(settings.topic).empty());
}

TEST_CASE("kafka output: a topic's own limit on the size of records is told too") {
  auto settings = test_output();
  create_topic(settings.topic, 1, {{"max.message.bytes", "1000"}});
  settings.passed_through["compression.type"] = "none";
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert(std::string(5'000, 'k'), 1, 1);
  CHECK_THAT(out.publish(1), Contains("max.message.bytes"));
  CHECK(out.target().fatal());
  CHECK(read_all(settings.topic).empty());
}

TEST_CASE("kafka output: a malformed outbox and an unknown view are refused") {
  auto settings = test_output();
  publishing out{settings};
  REQUIRE(out.open() == 0);
  auto said = out.target().publish(1, std::string_view{"\xff\xff\xff\xff", 4});
  REQUIRE_FALSE(said);
  CHECK(out.target().fatal());
  publishing other{settings};
  REQUIRE(other.open() == 0);
  std::vector<cell> key{cell::string("k")};
  other.append({5, true, beginning_of_time, key, {}});
  CHECK_THAT(other.publish(1), Contains("view number 5"));
  CHECK(read_all(settings.topic).empty());
}

TEST_CASE("kafka output: a group that somebody else uses is refused") {
  auto settings = test_output();
  create_topic(settings.topic, 1);
  produce(settings.topic, {{0, -1, "k", "v", 0}});
  output_of(fmt::format("timeout 20 kcat -b {} -G {} -X auto.offset.reset=earliest -c 1 {} "
                        "2>/dev/null",
                        settings.brokers, settings.transactional_id, settings.topic));
  REQUIRE(group_offsets(settings.transactional_id, settings.topic, 1).size() == 1);
  publishing out{settings};
  auto opened = out.target().open();
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message, Contains("no marker") && Contains("transactional id"));
  CHECK(out.target().fatal());
}

TEST_CASE("kafka output: an epoch is published once though the broker is killed again and again") {
  auto settings = test_output();
  publishing out{settings};
  REQUIRE(out.open() == 0);
  auto& broker = test_broker::instance();
  uint64_t published = 0;
  for (uint64_t epoch = 1; epoch <= 6; ++epoch) {
    for (uint64_t i = 0; i < 20'000; ++i)
      out.upsert(fmt::format("{}-{}", epoch, i), static_cast<int64_t>(epoch), 1);
    std::jthread killer;
    if (epoch % 2 == 0)
      killer = std::jthread{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{7 * epoch});
        broker.down(true);
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
        broker.up();
      }};
    auto log = out.take();
    for (int attempt = 0; published < epoch && attempt < 10; ++attempt) {
      if (auto done = out.target().publish(epoch, log)) {
        published = epoch;
        break;
      }
      CHECK_FALSE(out.target().fatal());
      if (auto marker = out.target().open())
        published = *marker;
    }
    REQUIRE(published == epoch);
  }
  std::map<std::string, int> counts;
  for (auto& x : read_all(settings.topic))
    ++counts[*x.key];
  CHECK(counts.size() == 120'000);
  CHECK(std::all_of(counts.begin(), counts.end(), [](auto& x) { return x.second == 1; }));
}

TEST_CASE(
    "kafka output: a broker that is away at the start is told, and open works once it is back") {
  auto settings = test_output();
  auto& broker = test_broker::instance();
  broker.down();
  publishing out{settings};
  std::jthread interrupter{[&] {
    std::this_thread::sleep_for(std::chrono::seconds{3});
    out.target().interrupt();
  }};
  auto opened = out.target().open();
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message, Contains("no broker reachable") && Contains(broker.address()));
  CHECK_FALSE(out.target().fatal());
  CHECK_FALSE(out.target().status().ready);
  broker.up();
  REQUIRE(out.open() == 0);
  CHECK(out.target().status().ready);
}
