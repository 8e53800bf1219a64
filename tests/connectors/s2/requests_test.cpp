#include "connectors/s2/requests.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace keyfold;
using namespace keyfold::s2;

namespace {

basin_requests of(const std::string& endpoint) {
  basin_settings basin;
  basin.endpoint = endpoint;
  basin.basin = "feat-test1";
  return basin_requests{basin};
}

bool has(const http_exchange_request& x, const std::string& header) {
  return std::find(x.headers.begin(), x.headers.end(), header) != x.headers.end();
}

} // namespace

TEST_CASE("s2 requests: names are escaped, the basin is named in a header") {
  auto local = of("http://127.0.0.1:8080/");
  auto x = local.follow("host/00 1", 7);
  CHECK(x.method == "GET");
  CHECK(x.url == "http://127.0.0.1:8080/v1/streams/host%2F00%201/records?seq_num=7");
  CHECK(has(x, "S2-Basin: feat-test1"));
  CHECK(has(x, "S2-Format: base64"));
  CHECK(has(x, "Accept: text/event-stream"));
  CHECK(local.list("a/&b", "c+").url
        == "http://127.0.0.1:8080/v1/streams?limit=1000&prefix=a%2F%26b&start_after=c%2B");
  CHECK(local.tail("s").url == "http://127.0.0.1:8080/v1/streams/s/records/tail");
  CHECK(local.read("s", 5, 10).url
        == "http://127.0.0.1:8080/v1/streams/s/records?seq_num=5&count=10");
  CHECK(local.first_at("s", 12).url
        == "http://127.0.0.1:8080/v1/streams/s/records?timestamp=12&count=1");
  CHECK(has(local.read("s", 5, 10), "Accept: application/json"));
}

TEST_CASE("s2 requests: the basin is in the host's name where the endpoint says so") {
  auto cloud = of("https://{basin}.b.aws.s2.dev");
  auto x = cloud.append("s", "{}");
  CHECK(x.url == "https://feat-test1.b.aws.s2.dev/v1/streams/s/records");
  CHECK_FALSE(has(x, "S2-Basin: feat-test1"));
  CHECK(x.method == "POST");
  CHECK(x.body == "{}");
  CHECK(has(x, "Content-Type: application/json"));
  CHECK(cloud.create("s").method == "PUT");
}

TEST_CASE("s2 requests: what is worth another attempt") {
  for (long status : {0, 408, 409, 429, 500, 502, 503, 504})
    CHECK(worth_retrying(status));
  for (long status : {200, 201, 400, 401, 403, 404, 412, 416, 422})
    CHECK_FALSE(worth_retrying(status));
}

TEST_CASE("s2 requests: refusals are told with what a person can do") {
  CHECK(refusal(401, R"({"code":"x","message":"bad token"})")
        == "the token is missing, wrong or has expired: bad token");
  CHECK(refusal(403, "").starts_with("the token does not allow it"));
  CHECK(refusal(404, R"({"code":"basin_not_found","message":"m"})")
        == "there is no such basin: create it: m");
  CHECK(refusal(422, R"({"code":"invalid","message":"m"})") == "status 422: m");
  CHECK(refusal(500, std::string(1000, 'x')).size() < 400);
}
