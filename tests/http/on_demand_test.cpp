#include "server_fixture.hpp"

using namespace keyfold;
using namespace keyfold::http;
using namespace keyfold::http::test;
using nlohmann::json;

namespace {

answer ask(raw_client& client, const json& body) {
  return client.post("/get-online-features", body.dump());
}

} // namespace

TEST_CASE("on-demand features: one key's are computed from its features and the URL's parameters") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.get("/v1/entities/user/42?features=f1,f1_scaled,scaled:f1_unit&scale=2&unit=km");
  REQUIRE(x.status == 200);
  auto features = x.json()["features"];
  CHECK(features.size() == 3);
  CHECK(features["f1"]["value"] == 1.5);
  CHECK(features["f1_scaled"]["value"] == 4.5); // 1.5 * 2 + 1.5
  CHECK(features["f1_scaled"]["event_time"] == "2023-11-14T22:13:20Z");
  CHECK(features["f1_unit"]["value"] == "km!");

  features = client.get("/v1/entities/user/42?view=scaled&scale=0&unit=").json()["features"];
  CHECK(features.size() == 2);
  CHECK(features["f1_scaled"]["value"] == 1.5);
}

TEST_CASE("on-demand features: a parameter is needed only by the features computed from it") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto unit = client.get("/v1/entities/user/42?features=f1_unit&unit=km");
  REQUIRE(unit.status == 200);
  CHECK(unit.json()["features"]["f1_unit"]["value"] == "km!");
  auto all = client.get("/v1/entities/user/42?scale=2").json()["features"];
  CHECK(all["f1_scaled"]["value"] == 4.5);
  CHECK_FALSE(all.contains("f1_unit"));
  auto x = ask(client, {{"features", {"scaled:f1_unit"}},
                        {"entities", {{"user_id", {1, 2}}, {"unit", {"a", "b"}}}}});
  REQUIRE(x.status == 200);
  CHECK(x.json()["results"][1]["values"] == json{"a!", "b!"});
  CHECK(client.get("/v1/entities/user/42?features=f1_unit&scale=x&unit=m").status == 400);
}

TEST_CASE("get entity: a feature asked for twice is answered once") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.get("/v1/entities/user/42?features=f1,user_stats:f1,f1,f1_unit,scaled:f1_unit"
                      "&unit=km");
  REQUIRE(x.status == 200);
  auto count = [&](const std::string& what) {
    size_t n = 0;
    for (auto at = x.body.find(what); at != std::string::npos; at = x.body.find(what, at + 1))
      ++n;
    return n;
  };
  CHECK(count("\"f1\":") == 1);
  CHECK(count("\"f1_unit\":") == 1);
}

TEST_CASE("on-demand features: reading everything includes those whose parameters are given") {
  server_fixture fixture;
  raw_client client{fixture.port};
  CHECK_FALSE(client.get("/v1/entities/user/42").json()["features"].contains("f1_scaled"));
  auto with = client.get("/v1/entities/user/42?scale=1&unit=m").json()["features"];
  CHECK(with["f1_scaled"]["value"] == 3.0);
  CHECK(with["f1"]["value"] == 1.5);
  auto pair = client.get("/v1/entities/pair/1%7Cshop").json()["features"];
  CHECK(pair["per_unit"]["value"] == 3.0); // 1.5 / 0.5
}

TEST_CASE("on-demand features: parameters that are missing, wrong or unknown are refused") {
  server_fixture fixture;
  raw_client client{fixture.port};
  struct bad {
    const char* target;
    int status;
    const char* says;
  };
  for (const auto& x :
       {bad{"/v1/entities/user/1?features=f1_scaled", 400, "needs the parameter"},
        bad{"/v1/entities/user/1?view=scaled&unit=m", 400, "scale"},
        bad{"/v1/entities/user/1?scale=x&unit=m", 400, "scale=x is no double"},
        bad{"/v1/entities/user/1?scale=inf&unit=m", 400, "scale=inf is no double"},
        bad{"/v1/entities/user/1?features=f1&features=f0", 400, "is given twice: give it once"},
        bad{"/v1/entities/user/1?scale=1&scale=2&unit=m", 400, "given twice"},
        bad{"/v1/entities/pair/1%7Ca?scale=1", 400, "no parameter"}}) {
    INFO(x.target);
    auto got = client.get(x.target);
    CHECK(got.status == x.status);
    CHECK(got.body.find(x.says) != std::string::npos);
  }
}

TEST_CASE("on-demand features: many keys' take their parameters from the entities, row by row") {
  for (auto how : {fake_gateway::manner::at_once, fake_gateway::manner::from_another_thread}) {
    server_fixture fixture{{}, how};
    raw_client client{fixture.port};
    auto x =
        ask(client,
            {{"features", {"scaled:f1_scaled", "user_stats:f1", "scaled:f1_unit"}},
             {"entities",
              {{"user_id", {1, 404, 1}}, {"scale", {2, 3, nullptr}}, {"unit", {"a", "b", "c"}}}}});
    REQUIRE(x.status == 200);
    auto body = x.json();
    CHECK(body["metadata"]["feature_names"] == json{"user_id", "f1_scaled", "f1", "f1_unit"});
    CHECK(body["results"][1]["values"] == json{4.5, nullptr, nullptr});
    CHECK(body["results"][1]["statuses"] == json{"PRESENT", "NOT_FOUND", "NULL_VALUE"});
    CHECK(body["results"][2]["values"] == json{1.5, nullptr, 1.5});
    CHECK(body["results"][3]["values"] == json{"a!", "b!", "c!"});
  }
}

TEST_CASE("on-demand features: services name them, and full names tell them apart") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = ask(client, {{"feature_service", "scaled_service"},
                        {"full_feature_names", true},
                        {"entities", {{"user_id", {1}}, {"scale", {1.0}}, {"unit", {"m"}}}}});
  REQUIRE(x.status == 200);
  CHECK(x.json()["metadata"]["feature_names"]
        == json{"user_id", "user_stats__f1", "scaled__f1_scaled"});
  auto definitions = client.get("/v1/definitions").json();
  CHECK(definitions["services"][1]["features"] == json{"user_stats:f1", "scaled:f1_scaled"});
  CHECK(definitions["on_demand"][0]["request"][0] == json{{"name", "scale"}, {"type", "double"}});
}

TEST_CASE(
    "on-demand features: request data that is missing or malformed is refused as Feast does") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto with = [&](const json& entities) {
    return ask(client, {{"features", {"scaled:f1_scaled"}}, {"entities", entities}});
  };
  auto x = with({{"user_id", {1}}, {"unit", {"m"}}});
  CHECK(x.status == 404);
  CHECK(x.body.find("RequestDataNotFoundInEntityRowsException") != std::string::npos);
  CHECK(with({{"user_id", {1}}, {"unit", {"m"}}, {"scale", 1}}).status == 422);
  CHECK(with({{"user_id", {1}}, {"unit", {"m"}}, {"scale", {1, 2}}}).status == 422);
  CHECK(with({{"user_id", {1}}, {"unit", {"m"}}, {"scale", {"x"}}}).status == 422);
  x = ask(client, {{"features", {"scaled:f1_scale"}}, {"entities", {{"user_id", {1}}}}});
  CHECK(x.status == 404);
  CHECK(x.body.find("f1_scaled") != std::string::npos);
}
