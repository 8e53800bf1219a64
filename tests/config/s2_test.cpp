#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

std::string reading(const std::string& source) {
  return changed(R"({"type": "kafka", "brokers": "localhost:9092", "topics": ["w1"]})",
                 R"({"type": "s2", "basin": "feat-test1", )" + source + "}");
}

std::string writing(const std::string& more) {
  return changed(R"("type": "file", "path": "out.jsonl")",
                 R"("type": "s2", "basin": "feat-test1", "stream": "out")" + more);
}

s2_source source_of(const std::string& source) {
  return std::get<s2_source>(must_compile(reading(source)).streams[0].source);
}

s2_output output_of(const std::string& more) {
  return std::get<s2_output>(must_compile(writing(more)).outputs[0].target);
}

} // namespace

TEST_CASE("s2 definitions: a source with its defaults") {
  auto x = source_of(R"("prefix": "host/")");
  CHECK(x.basin.endpoint == "https://{basin}.b.aws.s2.dev");
  CHECK(x.basin.basin == "feat-test1");
  CHECK(x.basin.token.empty());
  CHECK(x.prefix == "host/");
  CHECK(x.streams.empty());
  CHECK(x.start == s2_source::start::first);
  CHECK(x.on_missing == s2_source::missing::refuse);
  CHECK(x.max_lead == std::chrono::minutes{1});
  CHECK(x.discover_every == std::chrono::seconds{30});
  CHECK(x.patience == std::chrono::minutes{1});
  CHECK(x.prefetch_bytes == 64u << 20);
  CHECK(x.max_streams == 1000);
  CHECK_FALSE(x.bounded);
}

TEST_CASE("s2 definitions: a source with everything said") {
  auto x = source_of(R"("endpoint": "http://127.0.0.1:8080", "token": "${PASSWORD}",
    "streams": ["a", "b"], "prefix": "", "start": "2024-01-01T00:00:00Z", "on_missing": "tail",
    "max_lead": "5m", "discover_every": "1s", "patience": "10s", "prefetch": "8MiB",
    "max_streams": 10, "bounded": true, "ca_certificate": "ca.pem", "client_certificate": "c.pem",
    "client_key": "k.pem", "timeout": "3s")");
  CHECK(x.basin.endpoint == "http://127.0.0.1:8080");
  CHECK(x.basin.token == "hunter2hunter2");
  CHECK(x.basin.client_key == "k.pem");
  CHECK(x.basin.timeout == std::chrono::seconds{3});
  CHECK(x.streams == std::vector<std::string>{"a", "b"});
  CHECK(x.prefix == "");
  CHECK(x.start == s2_source::start::timestamp);
  CHECK(x.on_missing == s2_source::missing::tail);
  CHECK(x.prefetch_bytes == 8u << 20);
  CHECK(x.max_streams == 10);
  CHECK(x.bounded);
  CHECK(source_of(R"("prefix": "x", "start": "tail")").start == s2_source::start::tail);
}

TEST_CASE("s2 definitions: a source that cannot be is refused") {
  CHECK(complains(reading(R"("start": "first")"), "needs `streams`, or a `prefix`"));
  CHECK(complains(reading(R"("streams": ["a", "a"])"), "is listed twice"));
  CHECK(complains(reading(R"("prefix": "a", "start": "earliest")"), "is no place to start"));
  CHECK(complains(reading(R"("prefix": "a", "endpoint": "s2:8080")"), "begins with http://"));
  CHECK(complains(reading(R"("prefix": "a", "endpoint": "http://u:p@s2")"),
                  "give the credentials as `token`"));
  CHECK(complains(reading(R"("prefix": "a", "prefetch": "1KiB")"), "at least 1MiB"));
  CHECK(complains(reading(R"("prefix": "a", "discover_every": "0s")"), "longer than 0"));
  CHECK(complains(reading(R"("prefix": "a", "client_key": "k")"), "mutual TLS needs both"));
  CHECK(complains(reading(R"("prefix": "a", "topic": "k")"), "topic"));
}

TEST_CASE("s2 definitions: an output of a view is an upsert, unless it says otherwise") {
  auto x = output_of("");
  CHECK(x.stream == "out");
  CHECK(x.upsert);
  CHECK(x.create_stream);
  CHECK_FALSE(x.event_time);
  CHECK(x.transactional_id == "counters-changes");
  x = output_of(R"(, "mode": "append", "create_stream": false, "timestamps": "event_time",
    "transactional_id": "mine")");
  CHECK_FALSE(x.upsert);
  CHECK_FALSE(x.create_stream);
  CHECK(x.event_time);
  CHECK(x.transactional_id == "mine");
}

TEST_CASE("s2 definitions: an output that reads itself, or is in the way of another, is refused") {
  auto loop = writing("");
  auto source = R"({"type": "kafka", "brokers": "localhost:9092", "topics": ["w1"]})";
  auto with = [&](const std::string& s2) {
    auto text = loop;
    text.replace(text.find(source), std::string_view{source}.size(),
                 R"({"type": "s2", "basin": "feat-test1", )" + s2 + "}");
    return text;
  };
  CHECK(complains(with(R"("prefix": "ou")"), "would feed on itself"));
  CHECK(complains(with(R"("streams": ["out"])"), "would feed on itself"));
  CHECK(compile_text(with(R"("prefix": "in/")")));
  auto twice = writing(R"(, "views": ["activity"]},
    {"name": "more", "type": "s2", "basin": "feat-test1", "stream": "out")");
  CHECK(complains(twice, "would fence the other off"));
}

TEST_CASE("s2 definitions: dead letters, and records without a time field") {
  auto text = changed(R"("serving": {)",
                      R"("dead_letter": {"type": "s2", "basin": "feat-test1", "stream": "bad"},
  "serving": {)");
  auto made = must_compile(text);
  REQUIRE(made.dead_letter);
  CHECK(std::get<s2_output>(made.dead_letter->target).upsert);
  CHECK(explain_text(must_compile(reading(R"("prefix": "host/")")))
            .find("S2 streams all that begin with host/ of basin feat-test1, from the first record")
        != std::string::npos);
}

} // namespace keyfold::config
