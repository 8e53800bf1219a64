#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace keyfold::config {

namespace {

std::vector<std::string> names_of(const stream_schema& x) {
  std::vector<std::string> out;
  for (const auto& field : x.fields)
    out.push_back(field.name);
  return out;
}

size_t feature_count(const plan& x) {
  size_t count = 0;
  for (const auto& entity : x.entities)
    for (const auto& view : entity->views)
      count += view->features().size();
  return count;
}

} // namespace

TEST_CASE("definition: a small one becomes a plan") {
  auto made = must_compile(small_definition());
  CHECK(made.application == "counters");
  REQUIRE(made.streams.size() == 1);
  const auto& stream = made.streams[0];
  const auto& source = std::get<kafka_source>(stream.source);
  CHECK(source.brokers == "localhost:9092");
  CHECK(source.topics == std::vector<std::string>{"w1"});
  CHECK(source.group == "counters-events");
  CHECK(source.instance_id.empty());
  CHECK(source.on_missing == kafka_source::missing::refuse);
  CHECK(source.start == kafka_source::start::earliest);
  CHECK(stream.schema->time.max_delay == std::chrono::seconds{5});
  CHECK(stream.schema->time.idle_after == std::chrono::seconds{5});
  REQUIRE(stream.schema->time.field);
  CHECK(stream.schema->fields[*stream.schema->time.field].unit == timestamp_unit::seconds);
  REQUIRE(made.entities.size() == 1);
  const auto& entity = *made.entities[0];
  CHECK(entity.name == "user");
  REQUIRE(entity.key.size() == 1);
  CHECK(entity.key[0].type.kind == type_kind::string);
  REQUIRE(entity.views.size() == 1);
  CHECK(entity.views[0]->features().size() == 6);
  REQUIRE(entity.inputs.size() == 1);
  CHECK(entity.inputs[0].stream == "events");
  CHECK(entity.inputs[0].key_columns == std::vector<uint32_t>{*stream.schema->find("userId")});
  CHECK(made.services.at(0).features.size() == 6);
  CHECK(made.outputs.at(0).max_pending_bytes == 256u << 20);
  CHECK(made.ledger.path == "state/keyfold.db");
}

TEST_CASE("definition: only columns that something uses are decoded, in the order declared") {
  auto made = must_compile(small_definition());
  CHECK(names_of(*made.streams[0].schema)
        == std::vector<std::string>{"eventName", "userId", "eventTs"});
  CHECK(made.streams[0].schema->where.has_value());
}

TEST_CASE("definition: a derived column that is used keeps what it is derived from") {
  auto made = must_compile(changed(R"({"name": "count", "function": "count"}])",
                                   R"({"name": "count", "function": "count"},
      {"name": "long", "function": "sum", "expression": "CASE WHEN minutes > 1 THEN 1 ELSE 0 END"}])"));
  const auto& schema = *made.streams[0].schema;
  CHECK(names_of(schema)
        == std::vector<std::string>{"eventName", "userId", "eventTs", "spent", "minutes"});
  REQUIRE(schema.fields[4].derived);
  CHECK(schema.fields[4].derived->columns()[0] == 3);
}

TEST_CASE("definition: a required field is decoded though no view uses it") {
  auto made = must_compile(
      changed(R"("note": "string")", R"("note": {"type": "string", "required": true})"));
  CHECK(made.streams[0].schema->find("note").has_value());
  CHECK_FALSE(made.streams[0].schema->find("spent").has_value());
}

TEST_CASE("definition: comments and the variables of the environment are understood") {
  auto made = must_compile(R"(// what a shop counts
{
  "application": "${APP}",
  /* one stream */
  "streams": [{
    "name": "events",
    "source": {"type": "kafka", "brokers": "${BROKERS:-localhost:9092}", "topics": ["${APP}-events"],
               "start": "2024-01-01T00:00:00Z", "group": "${EMPTY:-readers}",
               "properties": {"sasl.password": "${PASSWORD}", "fetch.wait.max.ms": 50, "check.crcs": true}},
    "fields": {"userId": {"type": "int64", "required": true, "path": "payload.user.id"}}
  }],
  "entities": [{"name": "user", "key": ["userId"]}],
  "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events",
             "half_lives": ["7d"], "where": "'$${x}' <> 'y'"}], // no trailing comma
  "serving": {"port": "${PORT}", "max_body": "2MiB"}
})");
  CHECK(made.application == "shop");
  const auto& source = std::get<kafka_source>(made.streams[0].source);
  CHECK(source.brokers == "localhost:9092");
  CHECK(source.topics == std::vector<std::string>{"shop-events"});
  CHECK(source.group == "readers");
  CHECK(source.start == kafka_source::start::timestamp);
  CHECK(source.start_at == event_time{std::chrono::seconds{1'704'067'200}});
  CHECK(source.properties.at("sasl.password") == "hunter2hunter2");
  CHECK(source.properties.at("fetch.wait.max.ms") == "50");
  CHECK(source.properties.at("check.crcs") == "true");
  CHECK(made.streams[0].schema->fields[0].path
        == std::vector<std::string>{"payload", "user", "id"});
  CHECK_FALSE(made.streams[0].schema->time.field);
  CHECK(made.serving.port == 9000);
  CHECK(made.serving.max_body_bytes == 2u << 20);
  CHECK(made.entities[0]->views[0]->features()[0].name == "count_half_life_7d");
}

TEST_CASE("definition: a counter machine makes a thousand counters of twenty lines") {
  const std::string text = R"({
  "application": "posts",
  "streams": [{"name": "events",
    "source": {"type": "kafka", "brokers": "localhost:9092", "topics": ["events"]},
    "fields": {"eventName": "string", "userId": "string", "postId": "string", "creatorId": "string",
               "category": "string", "duration_ms": "int64", "eventTs": {"type": "timestamp", "unit": "s"}},
    "event_time": "eventTs", "max_delay": "5s"}],
  "counter_machines": [{"name": "cm", "stream": "events",
    "keys": [["userId"], ["postId"], ["userId", "postId"], ["userId", "creatorId"], ["userId", "category"]],
    "group_by": ["eventName"], "groups": ["like", "view", "share", "comment", "follow", "hide", "report"],
    "time_constants": ["1m", "10m", "1h", "6h", "1d", "7d", "30d", "90d", "180d"], "half_lives": ["7d"],
    "measures": [{"name": "count", "function": "count"}, {"name": "distinct_users", "function": "distinct", "expression": "userId"},
                 {"name": "seconds", "function": "sum", "expression": "duration_ms / 1000.0"},
                 {"name": "long", "function": "sum", "expression": "CASE WHEN duration_ms > 30000 THEN 1 ELSE 0 END"}],
    "ratios": [{"name": "like_per_view", "numerator": "like.count", "denominator": "view.count"}],
    "ttl": "365d"}]
})";
  CHECK(std::count(text.begin(), text.end(), '\n') < 20);
  auto made = must_compile(text);
  CHECK(feature_count(made) >= 1000);
  REQUIRE(made.entities.size() == 5);
  CHECK(made.entities[0]->name == "userId");
  CHECK(made.entities[3]->name == "userId_x_creatorId");
  CHECK(made.entities[3]->views[0]->name() == "cm_userId_x_creatorId");
}

TEST_CASE("definition: a counter machine takes an entity of its key where there is one") {
  auto made = must_compile(changed(R"("services")",
                                   R"("counter_machines": [{"name": "cm", "stream": "events",
    "keys": [["userId"], ["eventName"]], "time_constants": ["5s"]}],
  "services")"));
  REQUIRE(made.entities.size() == 2);
  CHECK(made.entities[0]->name == "user");
  REQUIRE(made.entities[0]->views.size() == 2);
  CHECK(made.entities[0]->views[1]->name() == "cm_userId");
  REQUIRE(made.entities[0]->inputs.size() == 1);
  CHECK(made.entities[0]->inputs[0].views.size() == 2);
  CHECK(made.entities[1]->name == "eventName");
}

TEST_CASE("definition: a view can take its key from columns of other names") {
  auto made = must_compile(
      changed(R"("stream": "events",)", R"("stream": "events", "key": {"userId": "note"},)"));
  const auto& schema = *made.streams[0].schema;
  CHECK(made.entities[0]->inputs[0].key_columns == std::vector<uint32_t>{*schema.find("note")});
  CHECK_FALSE(schema.find("userId").has_value());
}

TEST_CASE("definition: what a Kafka source and output may be told") {
  auto made = must_compile(changed(R"("topics": ["w1"])", R"("topics": ["w1"],
    "on_missing": "latest", "instance_id": "counters-2", "bounded": true)"));
  const auto& source = std::get<kafka_source>(made.streams[0].source);
  CHECK(source.bounded);
  CHECK_FALSE(std::get<kafka_source>(must_compile(small_definition()).streams[0].source).bounded);
  CHECK(explain_text(made).find("from earliest to where it ends at the start (json)\n")
        != std::string::npos);
  CHECK(source.on_missing == kafka_source::missing::latest);
  CHECK(source.instance_id == "counters-2");

  auto output = [](const std::string& more) {
    auto with = R"("type": "kafka", "brokers": "b:1", "topic": "t")" + more;
    auto plan = must_compile(changed(R"("type": "file", "path": "out.jsonl")", with));
    return std::get<kafka_output>(plan.outputs.at(0).target);
  };
  CHECK(output("").create_topic);
  CHECK(output("").partitions == 4);
  CHECK(output("").transactional_id == "counters-changes");
  CHECK_FALSE(output(R"(, "create_topic": false)").create_topic);
  CHECK(output(R"(, "partitions": 12)").partitions == 12);

  made = must_compile(changed(R"("services")", R"("dead_letter": {"type": "kafka",
    "brokers": "b:1", "topic": "bad", "partitions": 1}, "services")"));
  CHECK(std::get<kafka_output>(made.dead_letter->target).partitions == 1);
}

TEST_CASE("definition: the bounds of decayed counters reach the view") {
  auto refused = [](const std::string& bounds) {
    auto plan = must_compile(R"({"application": "a",
  "streams": [{"name": "events", "source": {"type": "stdin"}, "event_time": "at",
               "fields": {"user": "string", "event": "string", "at": "timestamp"}}],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [{"name": "v", "type": "decayed_counters", "entity": "user", "stream": "events",
             "group_by": ["event"], "time_constants": ["5s"])"
                             + bounds + "}]}");
    event_batch_builder rows{plan.streams[0].schema, 3};
    for (const auto* name : {"a", "bb", "ccc"}) {
      auto row = rows.begin_row();
      row[0] = cell::string("ann");
      row[1] = cell::string(name);
      row[2] = cell::timestamp(event_time{std::chrono::seconds{100 * (rows.size() + 1)}});
      REQUIRE(rows.finish_row(std::nullopt));
    }
    const auto& view = *plan.entities[0]->views[0];
    auto state = view.make_state();
    fold_counts counts;
    arena scratch;
    fold_context context;
    context.counts = &counts;
    context.scratch = &scratch;
    const uint32_t all[] = {0, 1, 2};
    view.fold(*state, 0, *rows.build(), all, context);
    return counts.bound_reached;
  };
  CHECK(refused("") == 0);
  CHECK(refused(R"(, "max_groups_per_key": 1)") == 2);
  CHECK(refused(R"(, "max_group_bytes": 2)") == 1);
  CHECK(refused(R"(, "pre_aggregate": "5s")") == 0);
  CHECK(refused(R"(, "pre_aggregate": "5s", "max_open_windows": 2)") == 1);
}

TEST_CASE("definition: files, standard input and pushes are sources, in every format") {
  auto made = must_compile(R"({
  "application": "a",
  "streams": [
    {"name": "f", "source": {"type": "file", "path": "in", "follow": true},
     "format": {"type": "csv", "header": false, "columns": ["u", "t"], "delimiter": ";"},
     "fields": {"u": "string", "t": {"type": "timestamp", "format": "%Y-%m-%d %H:%M:%S"}}, "event_time": "t"},
    {"name": "i", "source": {"type": "stdin"}, "format": {"type": "text", "part_separator": "&"},
     "fields": {"u": "string", "t": {"type": "timestamp", "unit": "ms"}}, "event_time": "t"},
    {"name": "p", "source": {"type": "http_push", "max_pending_rows": 7}, "format": "json",
     "fields": {"u": {"type": "string", "path": ["a.b", "c"]}, "t": "timestamp"}, "event_time": "t"}],
  "entities": [{"name": "user", "key": ["u"]}],
  "views": [
    {"name": "a", "type": "decayed_counters", "entity": "user", "stream": "f", "time_constants": ["1h"]},
    {"name": "b", "type": "decayed_counters", "entity": "user", "stream": "i", "time_constants": ["1h"]},
    {"name": "c", "type": "decayed_counters", "entity": "user", "stream": "p", "time_constants": ["1h"]}],
  "dead_letter": {"type": "file", "path": "bad.jsonl"},
  "limits": {"max_resident_memory": "1GiB", "passivate_after": "10m"}
})");
  CHECK(std::get<file_source>(made.streams[0].source).follow);
  CHECK(made.streams[0].format.format == record_format::csv);
  CHECK(made.streams[0].format.delimiter == ';');
  CHECK(made.streams[0].schema->fields[1].unit == timestamp_unit::pattern);
  CHECK(std::holds_alternative<stdin_source>(made.streams[1].source));
  CHECK(made.streams[1].format.part_separator == '&');
  CHECK(std::get<http_push_source>(made.streams[2].source).max_pending_rows == 7);
  CHECK(made.streams[2].schema->fields[0].path == std::vector<std::string>{"a.b", "c"});
  CHECK(made.entities[0]->inputs.size() == 3);
  CHECK(std::get<file_output>(made.dead_letter->target).path == "bad.jsonl");
  CHECK(made.limits.max_resident_bytes == 1u << 30);
  CHECK(made.limits.passivate_after == std::chrono::minutes{10});
}

TEST_CASE("definition: more than a hundred thousand features are refused before they are made") {
  std::string groups;
  for (int i = 0; i < 1000; ++i)
    groups += (i == 0 ? "\"g" : ", \"g") + std::to_string(i) + "\"";
  std::string decays;
  for (int i = 1; i <= 32; ++i)
    decays += (i == 1 ? "\"" : ", \"") + std::to_string(i) + "h\"";
  std::string measures;
  for (int i = 0; i < 4; ++i)
    measures += std::string{i == 0 ? "" : ", "} + R"({"name": "m)" + std::to_string(i)
                + R"(", "function": "count"})";
  auto made =
      compile_text(changed(R"("services")", R"("counter_machines": [{"name": "cm",
    "stream": "events", "keys": [["userId"]], "group_by": ["eventName"], "groups": [)"
                                                + groups + R"(], "time_constants": [)" + decays
                                                + R"(], "measures": [)" + measures + R"(]}],
  "services")"));
  REQUIRE_FALSE(made);
  INFO(made.error().messages.front());
  CHECK(made.error().messages.front().find("more than 100000") != std::string::npos);
}

TEST_CASE("definition: at most fifty errors are told, and that there are more") {
  std::string fields;
  for (int i = 0; i < 80; ++i)
    fields += R"("f)" + std::to_string(i) + R"(": "strng",)" + "\n";
  auto made = compile_text(changed(R"("note": "string")", fields + R"("note": "string")"));
  REQUIRE_FALSE(made);
  REQUIRE(made.error().messages.size() == 51);
  CHECK(made.error().messages.back().find("there are more errors; put these right first")
        != std::string::npos);
}

TEST_CASE("definition: values of the environment never show in a message") {
  for (const auto* what :
       {"\"kafka\"", "\"localhost:9092\"", "\"w1\"", "\"int64\"", "\"events\"", "\"spent / 60\"",
        "\"eventName IS NOT NULL\"", "\"eventTs\", \"max", "\"5s\"", "\"userId\"]",
        "\"activity\", \"type\"", "\"like\"", "\"like.count\"", "\"activity:*\"", "\"out.jsonl\"",
        "\"decayed_counters\"", "8080"}) {
    auto end = std::string{what}.find_last_of(',');
    auto tail = end == std::string::npos ? std::string{} : std::string{what}.substr(end);
    if (std::string{what}.back() == ']')
      tail = "]";
    auto made = compile_text(changed(what, "\"${PASSWORD}\"" + tail));
    if (made)
      continue;
    for (const auto& message : made.error().messages) {
      INFO(what << " gave " << message);
      CHECK(message.find("hunter2") == std::string::npos);
    }
  }
}

TEST_CASE("explain: the text names streams, keys, views, features and outputs") {
  auto text = explain_text(must_compile(small_definition()));
  CHECK(text == R"(application counters: 1 stream, 1 entity, 1 view, 6 features, 1 output
stream events
  from     Kafka topic w1 at localhost:9092, group counters-events, from earliest (json)
  reads    eventName string, userId string, eventTs timestamp
  time     eventTs, up to 5s out of order, idle after 5s
  where    only some rows are kept
entity user by userId string
  view activity (decayed_counters of events): 6 features
    -> output changes
service ranker: 6 features
output changes
  to       file out.jsonl
  of       activity
  as       key json, value json, the last change of a key in each epoch
serves HTTP on 127.0.0.1:8080
ledger state/keyfold.db, an epoch every 500ms
)");
}

TEST_CASE("explain: the flowchart leads from sources over views to outputs") {
  auto text = explain_mermaid(must_compile(small_definition()));
  CHECK(text == R"(flowchart LR
  source0(["Kafka topic w1 at localhost:9092, group counters-events, from earliest"]) --> stream0
  stream0[/"stream events"/]
  subgraph entity0["entity user by userId"]
    view0_0["activity<br/>decayed_counters<br/>6 features"]
  end
  stream0 --> view0_0
  output0(["changes<br/>file out.jsonl"])
  view0_0 --> output0
  http(["HTTP 127.0.0.1:8080"])
  entity0 -.-> http
)");
}

TEST_CASE("schema: it is JSON and is the one published") {
  CHECK(definition_schema().find("\"http://json-schema.org/draft-07/schema#\"")
        != std::string_view::npos);
}

TEST_CASE("definition: a source's rows know the keys of the entities they feed") {
  auto made =
      must_compile(changed("\"ledger\":", "\"limits\": {\"max_key_bytes\": 99}, \"ledger\":"));
  const auto& schema = *made.streams[0].schema;
  REQUIRE(schema.keys.size() == 1);
  CHECK(schema.keys[0].entity == "user");
  REQUIRE(schema.keys[0].columns.size() == 1);
  CHECK(schema.fields[schema.keys[0].columns[0]].name == "userId");
  CHECK(schema.max_key_bytes == 99);
}

} // namespace keyfold::config
