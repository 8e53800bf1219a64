#include "app/commands/get.hpp"
#include "app/http_client.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using Catch::Matchers::Contains;

TEST_CASE("get: names and keys are escaped in the request") {
  get_options options;
  options.entity = "user_post";
  options.key = "a/b|ä &";
  CHECK(get_target(options) == "/v1/entities/user_post/a%2Fb%7C%C3%A4%20%26");
  options.features = {"likes", "views"};
  options.as_of = "2024-01-01T00:00:00Z";
  CHECK_THAT(get_target(options),
             Catch::Matchers::EndsWith("?features=likes%2Cviews&as_of=2024-01-01T00%3A00%3A00Z"));
}

TEST_CASE("get: an answer becomes a table in the server's order") {
  auto table = get_table(R"({"entity":"user","key":{"userId":"1234"},"as_of":"2024-02-10T23:13:19Z",
    "features":{"views":{"value":2.5,"status":"PRESENT","event_time":"2024-02-10T23:13:19Z","age_seconds":90.5},
                "likes":{"value":null,"status":"NOT_FOUND","event_time":null,"age_seconds":null}}})");
  REQUIRE(table);
  CHECK(*table
        == "user userId=1234 as of 2024-02-10T23:13:19Z\n\n"
           "feature  value  status     event time            age\n"
           "views    2.5    PRESENT    2024-02-10T23:13:19Z  90.5 s\n"
           "likes    null   NOT_FOUND\n");
}

TEST_CASE("get: an answer that is not keyfold's is refused") {
  for (auto* body : {"", "<html>", "[]", "{}", R"({"features":[]})", R"({"features":{"a":1}})"}) {
    INFO(body);
    CHECK_FALSE(get_table(body));
  }
}

TEST_CASE("http client: addresses are taken apart, mistakes refused") {
  auto plain = parse_http_address("http://127.0.0.1:8080");
  REQUIRE(plain);
  CHECK(
      (!plain->tls && plain->host == "127.0.0.1" && plain->port == "8080" && plain->base.empty()));
  auto secure = parse_http_address("https://features.example/keyfold/");
  REQUIRE(secure);
  CHECK((secure->tls && secure->port == "443" && secure->base == "/keyfold"));
  auto version_6 = parse_http_address("http://[::1]:80");
  REQUIRE(version_6);
  CHECK((version_6->host == "::1" && version_6->port == "80"));
  for (auto* text : {"", "localhost:8080", "ftp://a", "http://", "http://a:b", "http://:80"}) {
    INFO(text);
    auto wrong = parse_http_address(text);
    REQUIRE_FALSE(wrong);
    CHECK_THAT(wrong.error().message, Contains("http://HOST:PORT"));
  }
}

TEST_CASE("http client: a server that is not there is named") {
  auto answer = http_get({*parse_http_address("http://127.0.0.1:1"), "/", {}, {}});
  REQUIRE_FALSE(answer);
  CHECK_THAT(answer.error().message, Contains("127.0.0.1:1"));
}
