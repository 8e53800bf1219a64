#include "http/push_request.hpp"
#include "server_fixture.hpp"

using namespace keyfold;
using namespace keyfold::http;
using namespace keyfold::http::test;

namespace {

result<push_request> read(std::string body) {
  return read_push(body, {.max_rows = 3, .max_depth = 6}, true);
}

} // namespace

TEST_CASE("push_request: rows keep their text") {
  auto x = read(R"({"stream":"s","rows":[{"a":1.10, "b":9007199254740993},{"c":[1,{"d":null}]}]})");
  REQUIRE(x);
  CHECK(x->stream == "s");
  CHECK(x->rows
        == std::vector<std::string>{R"({"a":1.10, "b":9007199254740993})",
                                    R"({"c":[1,{"d":null}]})"});
  CHECK_FALSE(x->columns);
}

TEST_CASE("push_request: columns become rows, times without a zone are UTC") {
  auto x = read(R"({"push_source_name":"s","df":{"id":[1,2],"m":["{\"k\":1}",null],)"
                R"("event_timestamp":["2026-11-21T01:52:07.051829","2026-11-21T01:52:07Z"],)"
                R"("created":["2026-11-21T01:52:07","x"]},"to":"online"})");
  REQUIRE(x);
  REQUIRE(x->rows.size() == 2);
  CHECK(x->columns);
  CHECK(x->rows[0]
        == R"({"id":1,"m":"{\"k\":1}","event_timestamp":"2026-11-21T01:52:07.051829Z",)"
           R"("created":"2026-11-21T01:52:07Z"})");
  CHECK(x->rows[1]
        == R"({"id":2,"m":null,"event_timestamp":"2026-11-21T01:52:07Z","created":"x"})");
}

TEST_CASE("push_request: malformed bodies are refused with a remedy") {
  struct sample {
    const char* body;
    const char* message;
  };
  for (const auto& sample : std::initializer_list<sample>{
           {"", "malformed JSON"},
           {"{", "malformed JSON"},
           {"[]", "no JSON object"},
           {R"({"rows":[]})", "no stream is named"},
           {R"({"stream":"s"})", "there are no rows"},
           {R"({"stream":1,"rows":[]})", "are strings"},
           {R"({"stream":"s","rows":{}})", "no list"},
           {R"({"stream":"s","rows":[1]})", "row 0 is no JSON object"},
           {R"({"stream":"s","rows":[{},{},{},{}]})", "more than 3 rows"},
           {R"({"stream":"s","df":[]})", "df is no JSON object"},
           {R"({"stream":"s","df":{"a":1}})", "column a is no list"},
           {R"({"stream":"s","df":{"a":[1],"b":[1,2]}})", "column b has 2 values where a has 1"},
           {R"({"stream":"s","df":{"a":[1]},"to":"offline"})", "only an online store"},
           {R"({"stream":"s","rows":[]} {})", "something follows"},
           {R"({"stream":"s","rows":[{"a":[[[[[[[[1]]]]]]]]}]})", ""},
       }) {
    INFO(sample.body);
    auto x = read(sample.body);
    if (*sample.message == '\0')
      continue; // the decoder of the stream bounds the depth of a row
    REQUIRE_FALSE(x);
    INFO(x.error().message);
    CHECK(x.error().message.find(sample.message) != std::string::npos);
  }
}

TEST_CASE("push_request: rows alone are a list or lines") {
  auto rows = [](std::string body, bool lines) {
    auto x = read_push_rows(body, lines, {.max_rows = 3, .max_depth = 6});
    return x ? *x : std::vector<std::string>{"error: " + x.error().message};
  };
  using list = std::vector<std::string>;
  CHECK(rows("{\"a\":1}\r\n\n {\"a\":2} \n", true) == list{"{\"a\":1}", "{\"a\":2}"});
  CHECK(rows("[{\"a\":1},{\"a\":2}]", false) == list{"{\"a\":1}", "{\"a\":2}"});
  CHECK(rows("", false).empty());
  CHECK(rows("1\n2\n3\n4", true).front().find("more than 3 rows") != std::string::npos);
  CHECK(rows("[{}", false).front().find("malformed") != std::string::npos);
  CHECK(rows("[{}] x", false).front().starts_with("error"));
}

TEST_CASE("push: rows are acknowledged when durable, rejected ones listed") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.post("/push", R"({"stream":"events","rows":[{"a":1},{"a":"bad"}]})");
  CHECK(x.status == 200);
  CHECK(x.json()["accepted"] == 1);
  CHECK(x.json()["rejected"]
        == nlohmann::json::array({{{"row", 1}, {"reason", "field x is no number"}}}));
  CHECK(fixture.pushes.last_durable);
  auto early = client.post("/push?stream=events&ack=accepted", "{\"a\":1}\n{\"a\":2}\n");
  CHECK(early.status == 202);
  CHECK_FALSE(fixture.pushes.last_durable);
  CHECK(fixture.pushes.last_rows == std::vector<std::string>{"{\"a\":1}", "{\"a\":2}"});
  auto none = client.post("/push?stream=events", "bad");
  CHECK(none.status == 422);
  CHECK(none.json()["code"] == "rows_rejected");
  CHECK(none.json()["rejected_count"] == 1);
}

TEST_CASE("push: unknown streams, overload, a start and a stop have their statuses") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto unknown = client.post("/push?stream=evnts", "{}");
  CHECK(unknown.status == 404);
  CHECK(unknown.json()["detail"].get<std::string>().find("did you mean `events`")
        != std::string::npos);
  CHECK(client.post("/push?ack=maybe&stream=events", "{}").status == 400);
  CHECK(client.post("/push", "nonsense").status == 422);
  fixture.pushes.state = push_outcome::kind::overloaded;
  auto busy = client.post("/push?stream=events", "{}");
  CHECK(busy.status == 429);
  CHECK(busy.has("Retry-After: 1\r\n"));
  fixture.pushes.state = push_outcome::kind::not_started;
  auto early = client.post("/push?stream=events", "{}");
  CHECK(early.status == 503);
  CHECK(early.has("Retry-After: 1\r\n"));
  CHECK(early.has("application/problem+json"));
  CHECK(early.json()["code"] == "not_started");
  fixture.pushes.state = push_outcome::kind::stopping;
  CHECK(client.post("/push?stream=events", "{}").status == 503);
}

TEST_CASE("push: Feast's shapes are kept") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.post(
      "/push", R"({"push_source_name":"events","df":{"user_id":[20],"v":[5]},"to":"online"})");
  CHECK(x.status == 200);
  auto unknown = client.post("/push", R"({"push_source_name":"nope","df":{"a":[1]}})");
  CHECK(unknown.status == 422);
  CHECK(nlohmann::json::parse(unknown.json().get<std::string>())["class"]
        == "PushSourceNotFoundException");
  auto written =
      client.post("/write-to-online-store",
                  R"({"feature_view_name":"events","df":{"a":[1]},"allow_registry_cache":false})");
  CHECK(written.status == 200);
  CHECK(written.body == "null");
  auto rejected =
      client.post("/write-to-online-store", R"({"feature_view_name":"events","df":{"a":["bad"]}})");
  CHECK(rejected.status == 422);
  CHECK(
      nlohmann::json::parse(rejected.json().get<std::string>())["message"].get<std::string>().find(
          "field x is no number")
      != std::string::npos);
  CHECK(client.post("/write-to-online-store", R"({"feature_view_name":"x","df":{}})").status
        == 404);
}
