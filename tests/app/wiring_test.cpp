#include "../connectors/file/temporary_folder.hpp"

#include "app/wiring.hpp"

namespace keyfold {

namespace {

config::plan plan_of(const std::string& text) {
  auto made = config::compile_plan(text, "d.json", [](const std::string&) { return std::nullopt; });
  INFO((made ? "" : made.error().messages.front()));
  REQUIRE(made);
  return std::move(*made);
}

} // namespace

TEST_CASE("wiring: streams, outputs and bounds of a plan become an engine's settings") {
  auto plan = plan_of(R"({
  "application": "shop",
  "streams": [
    {"name": "clicks", "fields": {"user": "string"},
     "source": {"type": "kafka", "brokers": "localhost:1", "topics": ["clicks"], "on_missing": "latest", "instance_id": "shop-2"}},
    {"name": "pushed", "fields": {"user": "string", "at": "timestamp"}, "event_time": "at",
     "source": {"type": "http_push"}}],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [
    {"name": "a", "type": "decayed_counters", "entity": "user", "stream": "clicks", "time_constants": ["1h"]},
    {"name": "b", "type": "decayed_counters", "entity": "user", "stream": "pushed", "time_constants": ["1h"]}],
  "outputs": [
    {"name": "features", "type": "kafka", "brokers": "localhost:1", "topic": "features", "views": ["a", "b"],
     "create_topic": false},
    {"name": "copy", "type": "file", "path": "copy.jsonl", "views": ["b"], "every_change": true, "max_pending": "1MiB"}],
  "dead_letter": {"type": "kafka", "brokers": "localhost:1", "topic": "bad", "partitions": 1},
  "ledger": {"path": "here.db", "epoch_interval": "20ms", "on_change": "reset"},
  "limits": {"max_in_flight_rows": 7, "max_key_bytes": 9, "max_resident_keys": 11,
             "max_resident_memory": "13KiB", "passivate_after": "15s"}
})");
  auto wired = wire(plan, true, std::make_shared<metrics_registry>());
  INFO((wired ? "" : wired.error().message));
  REQUIRE(wired);
  const auto& engine = wired->engine;
  CHECK(engine.application == "shop");
  REQUIRE(engine.streams.size() == 2);
  CHECK(engine.streams[0].source != nullptr);
  REQUIRE(wired->push != nullptr);
  CHECK(wired->push->streams() == std::vector<std::string>{"pushed"});
  REQUIRE(engine.outputs.size() == 3);
  CHECK(engine.outputs[0].views == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(engine.outputs[0].every_change);
  CHECK(engine.outputs[1].every_change);
  CHECK(engine.outputs[1].max_pending_bytes == 1u << 20);
  CHECK(engine.dead_letter_output == 2u);
  CHECK(engine.ledger_path == "here.db");
  CHECK(engine.reset_changed_views);
  CHECK(engine.epochs.interval == std::chrono::milliseconds{20});
  CHECK(engine.finish_at_end);
  CHECK(engine.max_in_flight_rows == 7);
  CHECK(engine.max_key_bytes == 9);
  CHECK(engine.residency.max_keys == 11);
  CHECK(engine.residency.max_bytes == 13u << 10);
  CHECK(engine.residency.passivate_after == std::chrono::seconds{15});
}

TEST_CASE("wiring: an output writes the columns that the definition chose") {
  testing::temporary_folder folder;
  auto plan = plan_of(R"({
  "application": "shop",
  "streams": [{"name": "clicks", "fields": {"user": "string", "at": "timestamp"}, "event_time": "at",
    "source": {"type": "http_push"}}],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [{"name": "a", "type": "decayed_counters", "entity": "user", "stream": "clicks", "time_constants": ["1h"]}],
  "outputs": [{"name": "o", "type": "file", "views": ["a"], "columns": {"N": "count_1h", "userId": "user"},
    "path": ")" + (folder / "out")
                      + R"("}]
})");
  auto wired = wire(plan, true, std::make_shared<metrics_registry>());
  REQUIRE(wired);
  auto& output = *wired->engine.outputs[0].output;
  const auto& columns = plan.entities[0]->views[0]->changes();
  auto key = cell::string("u");
  std::vector<cell> values(columns.values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (columns.values[i].name == "count_1h")
      values[i] = cell::real(1.5);
  std::string log;
  change_log_writer{log}.append({0, false, beginning_of_time, {&key, 1}, values});
  REQUIRE(output.open());
  REQUIRE(output.publish(1, log));
  CHECK(testing::read_file(folder / "out")
        == "{\"key\":{\"user\":\"u\"},\"value\":{\"N\":1.5,\"userId\":\"u\"}}\n");
}

TEST_CASE("wiring: a property that librdkafka does not know is named, and where it is used") {
  auto plan = plan_of(R"({
  "application": "shop",
  "streams": [{"name": "clicks", "fields": {"user": "string"},
    "source": {"type": "kafka", "brokers": "localhost:1", "topics": ["clicks"], "properties": {"fetch.wait.max": 5}}}],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [{"name": "a", "type": "decayed_counters", "entity": "user", "stream": "clicks", "time_constants": ["1h"]}]
})");
  auto wired = wire(plan, true, std::make_shared<metrics_registry>());
  REQUIRE_FALSE(wired);
  CHECK(wired.error().message.find("clicks") != std::string::npos);
  CHECK(wired.error().message.find("fetch.wait.max") != std::string::npos);
}

TEST_CASE(
    "wiring: the schema of a stream in Avro is read from its file, and must give its columns") {
  testing::temporary_folder folder;
  auto wired_with = [&](const std::string& schema) {
    std::ofstream{folder / "a.avsc"} << schema;
    auto plan = plan_of(R"({
  "application": "shop",
  "streams": [{"name": "clicks", "fields": {"user": "string"}, "format": {"type": "avro", "schema_file": ")"
                        + (folder / "a.avsc") + R"("},
    "source": {"type": "kafka", "brokers": "localhost:1", "topics": ["clicks"]}}],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [{"name": "a", "type": "decayed_counters", "entity": "user", "stream": "clicks", "time_constants": ["1h"]}]
})");
    auto wired = wire(plan, true, std::make_shared<metrics_registry>());
    return wired ? std::string{} : wired.error().message;
  };
  CHECK(wired_with(R"({"type":"record","name":"r","fields":[{"name":"user","type":"string"}]})")
        == "");
  CHECK(wired_with("{").find("a.avsc: the schema is not valid JSON") != std::string::npos);
  CHECK(wired_with(R"({"type":"record","name":"r","fields":[{"name":"user","type":"float"}]})")
        == "");
  CHECK(
      wired_with(
          R"({"type":"record","name":"r","fields":[{"name":"user","type":{"type":"array","items":"int"}}]})")
          .find("field `user`: the writer's type is array, which cannot become string")
      != std::string::npos);
}

} // namespace keyfold
