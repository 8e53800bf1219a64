#include <catch2/catch.hpp>

#include "broker.hpp"
#include "publishing.hpp"
#include "reading.hpp"
#include "registry.hpp"

#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/avro/frame.hpp"
#include "connectors/http_client/http_client.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

// With a real registry; the program leaves these out where there is none, and counts that.
namespace {

const std::string clicks = R"({"namespace":"com.github.streamshub.kafka.data.generator.schema",
  "type":"record","name":"ClickStream","fields":[
    {"name":"user_id","type":"string"},{"name":"product_id","type":"string"}]})";
const std::string sales = R"({"namespace":"com.github.streamshub.kafka.data.generator.schema",
  "type":"record","name":"Sales","fields":[{"name":"user_id","type":"string"},
    {"name":"product_id","type":"string"},{"name":"invoice_id","type":"string"},
    {"name":"quantity","type":"string"},{"name":"unit_cost","type":"string"}]})";

registry_settings settings_of_registry() {
  registry_settings out;
  out.url = test_registry::instance().url();
  out.http.timeout = 500ms;
  out.retry_from = 50ms;
  out.retry_to = 200ms;
  out.forget_missing = 500ms;
  return out;
}

std::shared_ptr<schema_registry> new_registry(
    std::shared_ptr<prometheus::Registry> metrics = std::make_shared<prometheus::Registry>()) {
  return std::make_shared<schema_registry>(settings_of_registry(), std::move(metrics));
}

int32_t registered(const std::string& subject, const std::string& schema) {
  auto settings = settings_of_registry();
  settings.http.timeout = 10s;
  auto number = schema_registry{settings, std::make_shared<prometheus::Registry>()}.number_of(
      subject, schema, true);
  INFO((number ? "" : number.error().message));
  REQUIRE(number);
  return *number;
}

/// A framed record of strings.
std::string framed(int32_t id, const std::vector<std::string>& texts) {
  std::string out;
  avro::append_frame(id, out);
  for (const auto& x : texts) {
    out.push_back(static_cast<char>(2 * x.size()));
    out += x;
  }
  return out;
}

plain_record click(int32_t id, int product, int32_t partition = 0) {
  plain_record out;
  out.partition = partition;
  out.value = framed(id, {fmt::format("user-{}", product), std::to_string(product)});
  out.timestamp_ms = 1'700'000'000'000 + product;
  return out;
}

/// (user_id, product_id as a number), and the time is Kafka's.
std::shared_ptr<const stream_schema> click_columns() {
  auto out = std::make_shared<stream_schema>();
  out->name = "clicks";
  for (auto [name, type] : {std::pair{"user_id", "string"}, {"product_id", "int64"}}) {
    stream_field x;
    x.name = name;
    x.type = *parse_data_type(type);
    x.path = {name};
    out->fields.push_back(std::move(x));
  }
  return out;
}

source_settings avro_settings(const std::string& topic,
                              std::shared_ptr<schema_registry> registry = new_registry(),
                              avro::options_by_column columns = {}) {
  auto out = test_settings();
  out.topics = {topic};
  auto format = std::make_shared<avro::format>();
  format->registry = std::move(registry);
  format->columns = std::move(columns);
  out.format.format = record_format::avro;
  out.format.avro = format;
  return out;
}

} // namespace

TEST_CASE("kafka and registry: records of seed-004's schemas are read, all of several schemas",
          "[registry]") {
  auto topic = unique("clicks");
  create_topic(topic, 2);
  auto of_click = registered(topic + "-value", clicks);
  auto of_sale = registered(unique("sales") + "-value", sales);
  std::vector<plain_record> records;
  for (int i = 0; i < 100; ++i)
    records.push_back(click(of_click, i, i % 2));
  plain_record sale;
  sale.partition = 1;
  sale.value = framed(of_sale, {"user-7", "100", "invoice", "2", "3.50"});
  sale.timestamp_ms = 1'700'000'000'100;
  records.push_back(sale);
  produce(topic, records);
  reading all{avro_settings(topic), {}, click_columns()};
  REQUIRE(all.rows(101));
  std::sort(all.numbers.begin(), all.numbers.end());
  for (int i = 0; i <= 100; ++i)
    CHECK(all.numbers[static_cast<size_t>(i)] == i);
  CHECK(*std::max_element(all.times.begin(), all.times.end()) == event_time{1'700'000'000'100ms});
  CHECK(all.dead_letters.empty());
  CHECK(all.reason() == "");
}

TEST_CASE("kafka and registry: what cannot be read is a dead letter with its reason",
          "[registry]") {
  auto topic = unique("bad");
  create_topic(topic, 1);
  auto good = registered(topic + "-value", clicks);
  auto other = registered(
      unique("other") + "-value",
      R"({"type":"record","name":"o","fields":[{"name":"product_id","type":"boolean"}]})");
  http_client client{http_client_settings{}};
  auto protobuf = client.exchange(
      {"POST",
       test_registry::instance().url() + "/subjects/" + unique("p") + "/versions",
       {"Content-Type: application/vnd.schemaregistry.v1+json"},
       R"({"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; message M { int32 a = 1; }"})"});
  REQUIRE(protobuf);
  REQUIRE(protobuf->status == 200);
  auto of_protobuf = nlohmann::json::parse(protobuf->body)["id"].get<int32_t>();
  std::vector<plain_record> records(5);
  records[0].value = "{\"user_id\":\"u\"}";
  records[1].value = framed(999'999, {});
  records[2].value = framed(of_protobuf, {});
  records[3].value = framed(other, {""});
  records[4].value = framed(good, {"u", "12"}) + "x";
  for (auto& x : records)
    x.partition = 0;
  records.push_back(click(good, 1));
  produce(topic, records);
  reading all{avro_settings(topic), {}, click_columns()};
  REQUIRE(all.rows(1));
  REQUIRE(all.dead_letters.size() == 5);
  const char* reasons[] = {"is it JSON?", "does not know it", "its records are Protobuf",
                           "the writer's type is boolean, which cannot become int64",
                           "1 bytes follow the record"};
  for (size_t i = 0; i < 5; ++i) {
    CHECK_THAT(all.dead_letters[i].reason, Contains(reasons[i]));
    CHECK(all.dead_letters[i].place == fmt::format("{}-0@{}", topic, i));
  }
}

TEST_CASE("kafka and registry: a schema that evolves keeps its columns", "[registry]") {
  auto topic = unique("evolving");
  create_topic(topic, 1);
  auto first =
      registered(topic + "-value",
                 R"({"type":"record","name":"e","fields":[{"name":"user_id","type":"string"}]})");
  auto second =
      registered(topic + "-value",
                 R"({"type":"record","name":"e","fields":[{"name":"user_id","type":"string"},
          {"name":"product_no","type":["null","int"],"default":null}]})");
  std::string with;
  avro::append_frame(second, with);
  with += "\2u\2\16"; // "u", 7
  std::vector<plain_record> records(2);
  records[0].value = framed(first, {"u"});
  records[1].value = with;
  for (auto& x : records)
    x.partition = 0;
  produce(topic, records);
  reading all{avro_settings(topic, new_registry(), {{"product_id", {{"product_no"}, "-1", {}}}}),
              {},
              click_columns()};
  REQUIRE(all.rows(2));
  CHECK(all.numbers == std::vector<int64_t>{-1, 7});
}

TEST_CASE("kafka and registry: while the registry is away a partition waits, and others go on",
          "[registry]") {
  auto topic = unique("waiting");
  create_topic(topic, 2);
  auto known = registered(topic + "-value", clicks);
  auto metrics = std::make_shared<prometheus::Registry>();
  reading all{avro_settings(topic, new_registry(metrics)), {}, click_columns()};
  produce(topic, {click(known, 1, 0), click(known, 2, 1)});
  REQUIRE(all.rows(2));
  auto later = registered(unique("later") + "-value", sales);
  test_registry::instance().pause();
  auto unread = [&](int product) {
    plain_record x;
    x.partition = 0;
    x.value = framed(later, {"u", std::to_string(product), "i", "1", "2"});
    return x;
  };
  produce(topic, {unread(10), click(known, 11, 0), unread(12), click(known, 20, 1)});
  CHECK(all.until([&] { return !all.reason().empty(); }, 30));
  CHECK_THAT(all.reason(), Contains(topic + "-0 waits at offset 1: the schema registry at"));
  produce(topic, {click(known, 21, 1)});
  CHECK(all.until([&] { return all.numbers.size() == 4; }));
  CHECK(std::vector<int64_t>(all.numbers.begin() + 2, all.numbers.end())
        == std::vector<int64_t>{20, 21});
  CHECK(metric_value(*all.registry, "keyfold_kafka_source_stalled_partitions") == 1);
  CHECK(metric_value(*metrics, "keyfold_schema_registry_waiting") == 1);
  CHECK(metric_value(*metrics, "keyfold_schema_registry_requests_total", "failed") >= 1);
  // The watermark waits for it, however long it takes.
  CHECK(all.unread.contains(topic + "-0"));
  CHECK(all.positions[topic + "-0"].next == 1);
  // A restart begins with the record that waits.
  reading again{
      avro_settings(topic), {{topic + "-0", {topic + "-0", 1, {}, false}}}, click_columns()};
  test_registry::instance().resume();
  REQUIRE(all.rows(7, 30));
  CHECK(std::vector<int64_t>(all.numbers.begin() + 4, all.numbers.end())
        == std::vector<int64_t>{10, 11, 12});
  CHECK(all.until([&] { return all.reason().empty(); }));
  CHECK(all.dead_letters.empty());
  CHECK(metric_value(*all.registry, "keyfold_kafka_source_stalled_partitions") == 0);
  CHECK(again.until([&] { return again.numbers.size() >= 3; }, 30));
}

TEST_CASE(
    "kafka and registry: rows and tombstones in Avro, as the reference implementation reads them",
    "[registry]") {
  auto settings = test_output();
  settings.key_format = row_format::avro;
  settings.value_format = row_format::avro;
  settings.registry = new_registry();
  settings.name_space = "com.x";
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert("zoë", -5, 0.25);
  out.upsert("b", 1ll << 40, 1e300);
  out.erase("b");
  REQUIRE(out.publish(1) == "");
  REQUIRE(out.open() == 1);
  std::string hex;
  auto add = [&](const std::optional<std::string>& x) {
    for (auto c : x.value_or(""))
      hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
    hex += x ? "\n" : "-\n";
  };
  auto records = read_all(settings.topic);
  REQUIRE(records.size() == 3);
  for (auto& x : records) {
    add(x.key);
    add(x.value);
  }
  auto file = fmt::format("{}/avro-records.hex", KEYFOLD_BINARY_DIR);
  std::ofstream{file} << hex;
  auto read =
      output_of(fmt::format("/usr/bin/python3 '{}/tests/kafka/read_avro.py' '{}' <'{}' | "
                            "paste -d' ' - - | LC_ALL=C sort; rm '{}'",
                            KEYFOLD_SOURCE_DIR, test_registry::instance().url(), file, file));
  CHECK(read
        == "{\"user\": \"b\"} -\n"
           "{\"user\": \"b\"} {\"count\": 1099511627776, \"sum\": 1e+300}\n"
           "{\"user\": \"zo\\u00eb\"} {\"count\": -5, \"sum\": 0.25}\n");
}

TEST_CASE(
    "kafka and registry: an output's schema that the registry refuses stops it with a sentence",
    "[registry]") {
  auto settings = test_output();
  settings.value_format = row_format::avro;
  settings.registry = new_registry();
  settings.name_space = "com.x";
  auto subject = settings.topic + "-value";
  SECTION("not registered, and not to be") {
    settings.register_schemas = false;
    publishing out{settings};
    CHECK_THROWS_WITH(out.open(), Contains("has no such schema under the subject"));
    CHECK(out.target().fatal());
  }
  SECTION("incompatible with what is there") {
    registered(subject, R"({"type":"record","name":"counters","namespace":"com.x","fields":[
                            {"name":"count","type":"string"}]})");
    http_client client{http_client_settings{}};
    auto set = client.exchange({"PUT",
                                settings.registry->url() + "/config/" + subject,
                                {"Content-Type: application/vnd.schemaregistry.v1+json"},
                                R"({"compatibility":"BACKWARD"})"});
    REQUIRE(set);
    REQUIRE(set->status == 200);
    publishing out{settings};
    CHECK_THROWS_WITH(out.open(), Contains("does not take the schema of subject \"" + subject));
    CHECK(out.target().fatal());
  }
  SECTION("away: it is tried again") {
    publishing out{settings};
    test_registry::instance().pause();
    CHECK_THROWS_WITH(out.open(), Contains("cannot be reached"));
    CHECK_FALSE(out.target().fatal());
    CHECK_FALSE(out.target().status().ready);
    test_registry::instance().resume();
    settings.registry->number_of(subject, "\"int\"", false); // until it has woken up
    for (int i = 0; i < 40 && !out.target().status().ready; ++i)
      static_cast<void>(out.target().open());
    CHECK(out.target().status().ready);
  }
}
