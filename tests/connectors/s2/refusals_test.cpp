#include "../../support/scripted_server.hpp"
#include "connectors/s2/s2_output.hpp"
#include "connectors/s2/s2_source.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <string>

using namespace keyfold;
using namespace keyfold::s2;
using testing::scripted_server;

// What s2-lite never says: refused tokens, throttling, illness.
namespace {

using answer = scripted_server::answer;

basin_settings basin_at(const scripted_server& server) {
  basin_settings out;
  out.endpoint = server.url();
  out.basin = "feat-test1";
  out.http.token = "hunter2hunter2";
  out.http.proxies = false;
  return out;
}

std::unique_ptr<event_output> output_to(const scripted_server& server) {
  output_settings settings;
  settings.name = "counters";
  settings.basin = basin_at(server);
  settings.stream = "out";
  settings.transactional_id = "test";
  settings.create_stream = false;
  settings.columns = {
      {"counters", {{"user", *parse_data_type("string")}}, {{"count", *parse_data_type("int64")}}}};
  auto made = make_s2_output(settings, std::make_shared<prometheus::Registry>());
  REQUIRE(made);
  return std::move(*made);
}

std::string one_upsert() {
  std::string out;
  std::array key{cell::string("u1")};
  std::array values{cell::integer(7)};
  change_log_writer{out}.append({0, false, beginning_of_time, key, values});
  return out;
}

bool is_append(const scripted_server::request& x) {
  return x.body.find("match_seq_num") != std::string::npos;
}

/// The fence is number 0, and there is nothing before it.
answer opening(const scripted_server::request& x) {
  return x.line.starts_with("POST") ? answer{200, R"({"end":{"seq_num":0,"timestamp":0}})"}
                                    : answer{200, R"({"records":[]})"};
}

} // namespace

TEST_CASE("s2 refusals: a refused token is told without the token, and is no end") {
  scripted_server server{[](const auto&) {
    return answer{401, R"({"code":"unauthorized","message":"who are you"})"};
  }};
  auto output = output_to(server);
  auto opened = output->open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("the token is missing, wrong or has expired: who are you")
        != std::string::npos);
  CHECK(opened.error().message.find("hunter2") == std::string::npos);
  CHECK(output->status().reason.find("hunter2") == std::string::npos);
  CHECK_FALSE(output->fatal());
  CHECK(server.requests().front().head.find("Authorization: Bearer hunter2hunter2")
        != std::string::npos);
}

TEST_CASE("s2 refusals: an append is sent again as it was, not before the service wants it") {
  for (int status : {429, 503, 500, 408, 409}) {
    INFO(status);
    std::atomic<int> appends = 0;
    scripted_server server{[&](const scripted_server::request& x) {
      if (!is_append(x))
        return opening(x);
      if (++appends == 1)
        return answer{status, R"({"message":"wait"})", "Retry-After: 1\r\n"};
      return answer{200, R"({"end":{"seq_num":1,"timestamp":0}})"};
    }};
    auto output = output_to(server);
    REQUIRE(output->open());
    auto begun = std::chrono::steady_clock::now();
    CHECK(output->publish(1, one_upsert()));
    CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::seconds{1});
    CHECK(output->status().ready);
    auto requests = server.requests();
    REQUIRE(requests.size() >= 2);
    CHECK(requests.back().body == requests[requests.size() - 2].body);
  }
}

TEST_CASE("s2 refusals: an append that is invalid is not sent again, and the reason is told") {
  std::atomic<int> appends = 0;
  scripted_server server{[&](const scripted_server::request& x) {
    if (!is_append(x))
      return opening(x);
    ++appends;
    return answer{422, R"({"code":"invalid","message":"timestamps are required"})"};
  }};
  auto output = output_to(server);
  REQUIRE(output->open());
  auto done = output->publish(1, one_upsert());
  REQUIRE_FALSE(done);
  CHECK(done.error().message.find("timestamps are required") != std::string::npos);
  CHECK(appends == 1);
  CHECK_FALSE(output->fatal());
  CHECK_FALSE(output->status().ready);
}

TEST_CASE("s2 refusals: answers that make no sense are errors") {
  for (std::string body : {"", "{}", "[]", R"({"end":{"seq_num":-1}})"}) {
    scripted_server server{[&](const auto&) { return answer{200, body}; }};
    auto output = output_to(server);
    auto opened = output->open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("cannot be read") != std::string::npos);
  }
}

TEST_CASE("s2 refusals: a source tells why, holds nothing for idle, and goes on asking") {
  std::atomic<int> asked = 0;
  scripted_server server{[&](const scripted_server::request& x) {
    if (x.line.find("prefix=") != std::string::npos)
      return answer{200, R"({"streams":[{"name":"host/0","deleted_at":null}],"has_more":false})"};
    ++asked;
    return answer{403, R"({"code":"forbidden","message":"not you"})"};
  }};
  auto schema = std::make_shared<stream_schema>();
  schema->name = "events";
  source_settings settings;
  settings.basin = basin_at(server);
  settings.prefix = "host/";
  auto made = make_s2_source(settings, schema, std::make_shared<prometheus::Registry>());
  REQUIRE(made);
  auto& source = **made;
  REQUIRE(source.start({}));
  std::vector<std::string> unread;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (asked < 3 && std::chrono::steady_clock::now() < deadline) {
    auto got = source.poll(100, std::chrono::milliseconds{20});
    REQUIRE(got);
    unread = got->unread;
  }
  CHECK(asked >= 3);
  CHECK(unread == std::vector<std::string>{"host/0"});
  CHECK(source.status().reason.find("the token does not allow it: not you") != std::string::npos);
  CHECK(source.status().reason.find("hunter2") == std::string::npos);
  source.stop();
}

TEST_CASE("s2 refusals: a list of streams that has more is asked for to its end") {
  scripted_server server{[&](const scripted_server::request& x) {
    if (x.line.find("start_after=b") != std::string::npos)
      return answer{200, R"({"streams":[{"name":"c","deleted_at":null}],"has_more":false})"};
    if (x.line.find("prefix=") != std::string::npos)
      return answer{200, R"({"streams":[{"name":"a","deleted_at":null},{"name":"b"}],
                             "has_more":true})"};
    return answer{500, "ill"};
  }};
  auto schema = std::make_shared<stream_schema>();
  schema->name = "events";
  source_settings settings;
  settings.basin = basin_at(server);
  settings.prefix = "";
  auto made = make_s2_source(settings, schema, std::make_shared<prometheus::Registry>());
  REQUIRE(made);
  REQUIRE((*made)->start({}));
  for (int i = 0; i < 200 && (*made)->partitions().size() < 3; ++i)
    REQUIRE((*made)->poll(100, std::chrono::milliseconds{20}));
  CHECK((*made)->partitions() == std::vector<std::string>{"a", "b", "c"});
  (*made)->stop();
}
