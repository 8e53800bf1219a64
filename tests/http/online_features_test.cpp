#include "server_fixture.hpp"

using namespace keyfold;
using namespace keyfold::http;
using namespace keyfold::http::test;
using nlohmann::json;

namespace {

answer ask(raw_client& client, const json& body) {
  return client.post("/get-online-features", body.dump());
}

/// The result column `name` of an answer.
json column_of(const answer& x, const std::string& name) {
  auto body = x.json();
  auto names = body["metadata"]["feature_names"].get<std::vector<std::string>>();
  REQUIRE(names.size() == body["results"].size());
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return body["results"][i];
  FAIL("no column " << name);
  return {};
}

} // namespace

TEST_CASE("get-online-features: columns over rows, join keys first") {
  for (auto how : {fake_gateway::manner::at_once, fake_gateway::manner::from_another_thread}) {
    server_fixture fixture{{}, how};
    raw_client client{fixture.port};
    auto x = ask(client, {{"features", {"user_stats:f0", "user_stats:f1"}},
                          {"entities", {{"user_id", {1, 404, 1}}}},
                          {"zzz", 1}});
    REQUIRE(x.status == 200);
    CHECK(x.json()["metadata"]["feature_names"] == json{"user_id", "f0", "f1"});
    CHECK(column_of(x, "user_id")
          == json{{"values", {1, 404, 1}},
                  {"statuses", {"PRESENT", "PRESENT", "PRESENT"}},
                  {"event_timestamps",
                   {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"}}});
    CHECK(column_of(x, "f1")
          == json{{"values", {1.5, nullptr, 1.5}},
                  {"statuses", {"PRESENT", "NOT_FOUND", "PRESENT"}},
                  {"event_timestamps",
                   {"2023-11-14T22:13:20Z", "1970-01-01T00:00:00Z", "2023-11-14T22:13:20Z"}}});
  }
}

TEST_CASE("get-online-features: statuses tell expired and null values apart") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = ask(client, {{"features", {"user_stats:f0", "user_stats:f1"}},
                        {"entities", {{"user_id", {9, 8, 7}}}}});
  CHECK(column_of(x, "f0")["statuses"] == json{"OUTSIDE_MAX_AGE", "NULL_VALUE", "NULL_VALUE"});
  CHECK(column_of(x, "f0")["values"] == json{0.5, nullptr, nullptr});
  CHECK(column_of(x, "f1")["values"] == json{1.5, nullptr, {9007199254740993}});
  CHECK(x.body.find("[9007199254740993]") != std::string::npos);
}

TEST_CASE("get-online-features: reals have a point, times are seconds") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = ask(
      client, {{"features", {"user_stats:f0", "user_stats:f3"}}, {"entities", {{"user_id", {6}}}}});
  CHECK(x.body.find(R"("values":[2.0])") != std::string::npos);
  CHECK(x.body.find(R"("values":[1700000000])") != std::string::npos);
}

TEST_CASE("get-online-features: services, full names, version metadata") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = ask(client, {{"feature_service", "user_service"},
                        {"entities", {{"user_id", {1}}, {"amount", {2.0}}}},
                        {"full_feature_names", true},
                        {"include_feature_view_version_metadata", true}});
  REQUIRE(x.status == 200);
  CHECK(x.json()["metadata"]["feature_names"]
        == json{"user_id", "user_stats__f1", "user_stats__f0"});
  CHECK(x.json()["metadata"]["feature_view_metadata"] == json::array({{{"name", "user_stats"}}}));
  auto both = ask(client, {{"features", {"user_stats:f0", "recent:f0"}},
                           {"entities", {{"user_id", {1}}}},
                           {"full_feature_names", true}});
  CHECK(both.status == 200);
}

TEST_CASE("get-online-features: several entities and composite keys in one request") {
  for (auto how : {fake_gateway::manner::at_once, fake_gateway::manner::from_another_thread}) {
    server_fixture fixture{{}, how};
    raw_client client{fixture.port};
    auto x =
        ask(client, {{"features", {"user_stats:f0", "pair_stats:amt", "seen:total", "seen:shoes"}},
                     {"entities", {{"user_id", {1, "2"}}, {"merchant_id", {"a", 3}}}}});
    REQUIRE(x.status == 200);
    CHECK(x.json()["metadata"]["feature_names"]
          == json{"user_id", "merchant_id", "f0", "amt", "total", "shoes"});
    CHECK(column_of(x, "user_id")["values"] == json{1, 2});
    CHECK(column_of(x, "merchant_id")["values"] == json{"a", "3"});
    CHECK(column_of(x, "amt")["values"] == json{1.5, 1.5});
    CHECK(column_of(x, "shoes")["values"] == json{3.0, 3.0});
    CHECK(fixture.gateway.submitted == 3);
  }
}

TEST_CASE("get-online-features: a caller's mistakes are 4xx in the shapes the SDK reads") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto user = json{{"user_id", {1}}};
  struct sample {
    json body;
    int status;
    const char* error_class; ///< empty: a `detail` list
    const char* text;
  };
  for (const auto& sample : std::vector<struct sample>{
           {{{"features", {"nope:f"}}, {"entities", user}},
            404,
            "FeatureViewNotFoundException",
            "nope"},
           {{{"features", {"user_stat:f0"}}, {"entities", user}},
            404,
            "FeatureViewNotFoundException",
            "did you mean `user_stats`"},
           {{{"features", {"user_stats:nope"}}, {"entities", user}},
            404,
            "FeastObjectNotFoundException",
            "not found in feature view user_stats"},
           {{{"feature_service", "nope"}, {"entities", user}},
            404,
            "FeatureServiceNotFoundException",
            "nope"},
           {{{"features", {"f0"}}, {"entities", user}}, 422, "FeastError", "view:feature"},
           {{{"features", {"user_stats:f0", "recent:f0"}}, {"entities", user}},
            422,
            "FeatureNameCollisionError",
            "f0"},
           {{{"features", {"user_stats:f0"}}, {"entities", {{"wrong", {1}}}}},
            422,
            "FeastError",
            "user_id"},
           {{{"features", {"user_stats:f0"}}, {"entities", {{"user_id", {"abc"}}}}},
            422,
            "FeastError",
            "int64"},
           {{{"features", {"user_stats:f0"}}, {"entities", {{"user_id", {nullptr}}}}},
            422,
            "FeastError",
            "row 0"},
           {{{"features", {"user_stats:f0"}}, {"entities", {{"user_id", json::array()}}}},
            422,
            "FeastError",
            "No values"},
           {{{"features", {"pair_stats:cnt"}},
             {"entities", {{"user_id", {1, 2}}, {"merchant_id", {"a"}}}}},
            422,
            "FeastError",
            "lengths"},
           {{{"entities", user}}, 422, "FeastError", "No features specified"},
           {{{"features", {"user_stats:f0"}}}, 422, "", "entities"},
           {{{"features", {"user_stats:f0"}}, {"entities", {{"user_id", 1}}}},
            422,
            "",
            "valid list"},
           {{{"features", 7}, {"entities", user}}, 422, "", "features"},
           {{{"features", {"user_stats:f0"}}, {"entities", user}, {"full_feature_names", "x"}},
            422,
            "",
            "boolean"},
           {json::array(), 422, "", "dictionary"},
       }) {
    INFO(sample.body.dump());
    auto x = ask(client, sample.body);
    INFO(x.body);
    CHECK(x.status == sample.status);
    CHECK(x.body.find(sample.text) != std::string::npos);
    if (*sample.error_class != '\0') {
      auto inner = json::parse(x.json().get<std::string>());
      CHECK(inner["module"] == "feast.errors");
      CHECK(inner["class"] == sample.error_class);
    } else {
      CHECK(x.json()["detail"].is_array());
    }
  }
  CHECK(client.post("/get-online-features", "{\"entities\": ").status == 422);
  CHECK(client.post("/get-online-features", "").status == 422);
}

TEST_CASE("get-online-features: keys per request and JSON depth are bounded") {
  server_settings settings;
  settings.max_keys_per_request = 3;
  server_fixture fixture{settings};
  raw_client client{fixture.port};
  CHECK(
      ask(client, {{"features", {"user_stats:f0"}}, {"entities", {{"user_id", {1, 2, 3}}}}}).status
      == 200);
  auto x =
      ask(client, {{"features", {"user_stats:f0"}}, {"entities", {{"user_id", {1, 2, 3, 4}}}}});
  CHECK(x.status == 413);
  CHECK(x.body.find("at most 3") != std::string::npos);
  auto deep = std::string(50, '[') + std::string(50, ']');
  CHECK(client.post("/get-online-features", deep).body.find("decode error") != std::string::npos);
}
