#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

const std::string registry =
    R"("schema_registry": {"url": "http://r:8081", "username": "u", "password": "${PASSWORD}"},
  )";

/// The small definition with a stream in `format`, and `top` before the streams.
std::string in_avro(const std::string& format, const std::string& top = registry) {
  auto text = changed(R"("event_time": "eventTs")",
                      R"("format": )" + format + R"(, "event_time": "eventTs")");
  auto at = text.find(R"("streams")");
  return text.insert(at, top);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

const std::string kafka_out =
    R"({"name": "changes", "type": "kafka", "brokers": "b", "topic": "t", "views": ["activity"])";

std::string with_output(const std::string& keys, const std::string& top = registry) {
  return replaced(
      in_avro("\"json\"", top),
      R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})",
      kafka_out + keys + "}");
}

} // namespace

TEST_CASE("avro definitions: a stream takes the definition's registry, its own, or a file") {
  auto plan = must_compile(in_avro("\"avro\""));
  const auto& shared = plan.streams[0].format;
  CHECK(shared.format == record_format::avro);
  REQUIRE(shared.avro.registry);
  CHECK(shared.avro.registry->url == "http://r:8081");
  CHECK(shared.avro.registry->password == "hunter2hunter2");
  auto own = must_compile(in_avro(
      R"({"type": "avro", "registry": {"url": "https://o/apis/ccompat/v7", "token": "t", "timeout": "2s"}})"));
  CHECK(own.streams[0].format.avro.registry->token == "t");
  CHECK(own.streams[0].format.avro.registry->timeout == std::chrono::seconds{2});
  auto file = must_compile(in_avro(R"({"type": "avro", "schema_file": "a.avsc", "schema_id": 7})"));
  CHECK(file.streams[0].format.avro.schema_file == "a.avsc");
  CHECK(file.streams[0].format.avro.schema_id == 7u);
  CHECK_FALSE(file.streams[0].format.avro.registry);
}

TEST_CASE("avro definitions: fields have aliases, defaults and symbols, and paths are nested") {
  auto text = replaced(
      in_avro("\"avro\""), R"("note": "string")",
      R"("note": {"type": "string", "path": "a.b", "aliases": ["c"], "default": "x", "symbols": ["y"]})");
  text = replaced(text, R"("spent": "int64")", R"("spent": {"type": "int64", "default": -1})");
  auto made = must_compile(text);
  const auto& columns = made.streams[0].format.avro.columns;
  CHECK(columns.at("note").aliases == std::vector<std::string>{"c"});
  CHECK(columns.at("note").symbols == std::vector<std::string>{"y"});
  CHECK(columns.at("note").missing == "x");
  CHECK(columns.at("spent").missing == "-1");
}

TEST_CASE("avro definitions: what cannot be is refused") {
  CHECK(complains(in_avro("\"avro\"", ""), "Avro needs its schemas"));
  CHECK(complains(in_avro(R"({"type": "avro", "schema_id": 7})"), "`schema_id` is the number"));
  CHECK(
      complains(in_avro(R"({"type": "avro", "schema_file": "a", "registry": {"url": "http://r"}})"),
                "give either `registry` or `schema_file`"));
  auto with_url = [](const std::string& url) {
    return in_avro("\"avro\"", R"("schema_registry": {"url": ")" + url + R"("}, )");
  };
  CHECK(complains(with_url("r:8081"), "begins with http:// or https://"));
  CHECK(complains(with_url("http://u:p@r:8081"), "give the credentials as `username`"));
  CHECK(complains(with_url("http://r/?x=1"), "without `?` or `#`"));
  CHECK(complains(
      in_avro("\"avro\"",
              R"("schema_registry": {"url": "http://r", "username": "u", "token": "t"}, )"),
      "or `token`"));
  CHECK(complains(
      in_avro("\"avro\"", R"("schema_registry": {"url": "http://r", "client_key": "k"}, )"),
      "needs both `client_certificate` and `client_key`"));
  CHECK(complains(replaced(in_avro("\"json\""), R"("note": "string")",
                           R"("note": {"type": "string", "default": "x"})"),
                  "`default` is for streams in Avro"));
  CHECK(complains(replaced(in_avro("\"avro\""), R"("spent": "int64")",
                           R"("spent": {"type": "int64", "symbols": ["x"]})"),
                  "`symbols` are an enumeration's"));
  CHECK(complains(replaced(in_avro("\"avro\""),
                           R"({"type": "kafka", "brokers": "localhost:9092", "topics": ["w1"]})",
                           R"({"type": "stdin"})"),
                  "Avro records come from Kafka"));
}

TEST_CASE("avro definitions: outputs") {
  auto made = must_compile(with_output(R"(, "key_format": "avro", "value_format": "avro",
      "avro": {"namespace": "com.x", "register": false})"));
  const auto& output = made.outputs[0];
  CHECK(output.key_format.is == output_format::kind::avro);
  CHECK(output.value_format.is == output_format::kind::avro);
  CHECK(output.avro.name_space == "com.x");
  CHECK_FALSE(output.avro.create);
  REQUIRE(output.avro.registry);
  CHECK(complains(with_output(R"(, "value_format": "avro")", ""), "Avro needs a registry"));
  CHECK(complains(with_output(R"(, "avro": {"register": true})"),
                  "`avro` is for outputs whose `key_format` or `value_format` is `avro`"));
  CHECK(complains(with_output(R"(, "value_format": "avro", "avro": {"namespace": "com.1x"})"),
                  "namespace"));
  CHECK(complains(replaced(in_avro("\"json\""), R"("path": "out.jsonl",)",
                           R"("path": "out.jsonl", "value_format": "avro",)"),
                  "value_format"));
}

} // namespace keyfold::config
