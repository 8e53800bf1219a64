#include "../connectors/file/temporary_folder.hpp"
#include "../support/scripted_server.hpp"

#include "connectors/registry/schema_registry.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using state = avro::schema_source::state;

namespace {

const std::string a_schema = R"({"schema":"{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}"})";
const std::string unknown = R"({"error_code":40403,"message":"Schema not found"})";

class asked_registry {
public:
  explicit asked_registry(scripted_server::script says) : server_(std::move(says)) {
    settings.url = server_.url() + "/apis/ccompat/v7/";
    settings.retry_from = 10ms;
    settings.retry_to = 40ms;
    settings.forget_missing = 150ms;
  }

  schema_registry& get() {
    if (!registry_)
      registry_.emplace(settings, std::make_shared<prometheus::Registry>());
    return *registry_;
  }
  /// Asks until `done` holds of the answer.
  template <class Done>
  avro::schema_source::answer until(int32_t id, Done done) {
    auto end = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < end) {
      if (auto answer = get().find(id); done(answer))
        return answer;
      std::this_thread::sleep_for(1ms);
    }
    FAIL("no such answer within 10 s");
    return {};
  }
  avro::schema_source::answer settled(int32_t id) {
    return until(id, [](const auto& x) { return x.what != state::awaited; });
  }
  std::string why_waiting(int32_t id) {
    auto answer = until(id, [](const auto& x) { return !x.why.empty(); });
    CHECK(answer.what == state::awaited);
    return answer.why;
  }
  std::vector<scripted_server::request> requests() const { return server_.requests(); }

  registry_settings settings;

private:
  scripted_server server_;
  std::optional<schema_registry> registry_;
};

} // namespace

TEST_CASE("schema registry: a schema is asked for once, below the base path, and kept") {
  asked_registry asked{[](const auto&) { return scripted_server::answer{200, a_schema}; }};
  CHECK(asked.get().find(7).what == state::awaited);
  auto answer = asked.settled(7);
  REQUIRE(answer.what == state::found);
  CHECK(answer.found->top().name == "r");
  CHECK(asked.get().find(7).found == answer.found);
  REQUIRE(asked.requests().size() == 1);
  CHECK(asked.requests()[0].line == "GET /apis/ccompat/v7/schemas/ids/7");
}

TEST_CASE("schema registry: an unknown number is refused, and asked for again a little later") {
  std::atomic<bool> there = false;
  asked_registry asked{[&](const auto&) {
    return there ? scripted_server::answer{200, a_schema} : scripted_server::answer{404, unknown};
  }};
  auto answer = asked.settled(7);
  REQUIRE(answer.what == state::refused);
  CHECK_THAT(answer.why, Contains("does not know it"));
  CHECK(asked.get().find(7).what == state::refused);
  CHECK(asked.requests().size() == 1);
  there = true;
  CHECK(asked.until(7, [](const auto& x) { return x.what == state::found; }).found);
}

TEST_CASE("schema registry: while it is ill, questions stay open") {
  std::atomic<int> status = 503;
  asked_registry asked{[&](const auto&) {
    return scripted_server::answer{status, status == 200 ? a_schema : R"({"message":"no disk"})"};
  }};
  CHECK_THAT(asked.why_waiting(7), Contains("answers 503: no disk; asking again"));
  status = 200;
  CHECK(asked.settled(7).what == state::found);
}

TEST_CASE("schema registry: wrong credentials and wrong paths wait for a person, and say so") {
  asked_registry refused{[](const auto&) { return scripted_server::answer{401, ""}; }};
  refused.settings.http.user = "someone";
  refused.settings.http.password = "hidden-word";
  auto why = refused.why_waiting(1);
  CHECK_THAT(why, Contains("refuses the credentials (401)"));
  CHECK_THAT(why, !Contains("hidden-word"));
  asked_registry elsewhere{[](const auto&) { return scripted_server::answer{404, "<html>"}; }};
  CHECK_THAT(elsewhere.why_waiting(1), Contains("answers 404 as no registry does: is its URL"));
  asked_registry page{[](const auto&) { return scripted_server::answer{200, "<html>"}; }};
  CHECK_THAT(page.why_waiting(1), Contains("answers 200 as no registry does"));
  asked_registry moved{[](const auto&) { return scripted_server::answer{302, ""}; }};
  CHECK_THAT(moved.why_waiting(1), Contains("answers 302"));
}

TEST_CASE("schema registry: one that cannot be reached is waited for") {
  registry_settings settings;
  settings.url = "http://127.0.0.1:1";
  settings.retry_from = 10ms;
  schema_registry registry{settings, std::make_shared<prometheus::Registry>()};
  avro::schema_source::answer answer;
  for (int i = 0; i < 5000 && answer.why.empty(); ++i) {
    answer = registry.find(1);
    std::this_thread::sleep_for(1ms);
  }
  CHECK(answer.what == state::awaited);
  CHECK_THAT(answer.why, Contains("http://127.0.0.1:1 cannot be reached"));
}

TEST_CASE("schema registry: credentials are sent as they are configured") {
  asked_registry basic{[](const auto&) { return scripted_server::answer{200, a_schema}; }};
  basic.settings.http.user = "ada";
  basic.settings.http.password = "pw";
  CHECK(basic.settled(1).what == state::found);
  CHECK_THAT(basic.requests()[0].head, Contains("Authorization: Basic YWRhOnB3"));
  asked_registry bearer{[](const auto&) { return scripted_server::answer{200, a_schema}; }};
  bearer.settings.http.token = "t0k3n";
  CHECK(bearer.settled(1).what == state::found);
  CHECK_THAT(bearer.requests()[0].head, Contains("Authorization: Bearer t0k3n"));
}

TEST_CASE("schema registry: what is not Avro is recognised and refused with a sentence") {
  asked_registry asked{[](const scripted_server::request& x) {
    auto type = x.line.ends_with("/1") ? "PROTOBUF" : x.line.ends_with("/2") ? "JSON" : "AVRO";
    return scripted_server::answer{200, fmt::format(R"({{"schema":"x","schemaType":"{}"}})", type)};
  }};
  CHECK_THAT(asked.settled(1).why, Contains("its records are Protobuf"));
  CHECK_THAT(asked.settled(2).why, Contains("JSON with a JSON Schema"));
  CHECK_THAT(asked.settled(3).why, Contains("not valid JSON"));
}

TEST_CASE("schema registry: schemas that a schema refers to are fetched, once and before it") {
  asked_registry asked{[](const scripted_server::request& x) -> scripted_server::answer {
    auto record = [](const std::string& name, const std::string& type, const std::string& more) {
      return scripted_server::answer{
          200,
          fmt::format(
              R"({{"schema":"{{\"type\":\"record\",\"name\":\"{}\",\"fields\":[{{\"name\":\"f\",\"type\":\"{}\"}}]}}"{}}})",
              name, type, more)};
    };
    if (x.line.ends_with("/ids/1"))
      return record("Sale", "x.Money",
                    R"(,"references":[{"name":"x.Money","subject":"mo/ney","version":3}])");
    if (x.line.ends_with("/subjects/mo%2Fney/versions/3"))
      return record("x.Money", "x.Unit",
                    R"(,"references":[{"name":"x.Unit","subject":"unit","version":1}])");
    if (x.line.ends_with("/subjects/unit/versions/1"))
      return record("x.Unit", "long", "");
    return {404, unknown};
  }};
  auto answer = asked.settled(1);
  INFO(answer.why);
  REQUIRE(answer.what == state::found);
  CHECK(asked.requests().size() == 3);
}

TEST_CASE("schema registry: schemas that refer to more and more others are refused") {
  asked_registry asked{[](const scripted_server::request& x) {
    auto version = std::stoi(x.line.substr(x.line.rfind('/') + 1));
    return scripted_server::answer{
        200, fmt::format(R"({{"schema":"x","references":[{{"subject":"s","version":{}}}]}})",
                         version + 1)};
  }};
  CHECK_THAT(asked.settled(1).why, Contains("refers to more than 64 schemas"));
}

TEST_CASE("schema registry: the cache is bounded, and what was forgotten is fetched again") {
  asked_registry asked{[](const auto&) { return scripted_server::answer{200, a_schema}; }};
  for (int32_t id = 1; id <= static_cast<int32_t>(schema_registry::max_schemas) + 1; ++id)
    asked.get().find(id);
  asked.settled(static_cast<int32_t>(schema_registry::max_schemas) + 1);
  CHECK(asked.settled(2).what == state::found);
  auto before = asked.requests().size();
  CHECK(asked.get().find(1).what == state::awaited);
  CHECK(asked.settled(1).what == state::found);
  CHECK(asked.requests().size() == before + 1);
}

TEST_CASE("schema registry: registering gives the number of a schema, or why not") {
  scripted_server::answer says{200, R"({"id":42})"};
  asked_registry asked{[&](const auto&) { return says; }};
  auto number = [&](bool create) {
    return asked.get().number_of("to pic-value", "\"int\"", create);
  };
  REQUIRE(number(true));
  CHECK(*number(true) == 42);
  CHECK(asked.requests()[0].line == "POST /apis/ccompat/v7/subjects/to%20pic-value/versions");
  CHECK(asked.requests()[0].body == R"({"schema":"\"int\""})");
  CHECK(*number(false) == 42);
  CHECK(asked.requests()[2].line == "POST /apis/ccompat/v7/subjects/to%20pic-value");
  says = {409, R"({"error_code":409,"message":"incompatible with version 1"})"};
  CHECK(number(true).error().permanent);
  CHECK_THAT(number(true).error().message, Contains("incompatible with version 1: publish under"));
  says = {422, R"({"error_code":42201,"message":"bad"})"};
  CHECK(number(true).error().permanent);
  says = {404, unknown};
  CHECK(number(false).error().permanent);
  CHECK_THAT(number(false).error().message, Contains("has no such schema under the subject"));
  says = {500, ""};
  CHECK_FALSE(number(true).error().permanent);
  CHECK_THAT(number(true).error().message, Contains("answers 500"));
  says = {200, "{}"};
  CHECK_FALSE(number(true).error().permanent);
}

TEST_CASE("schema registry: TLS trusts the certificate that is named, and no other") {
  testing::temporary_folder folder;
  int port = 0;
  {
    scripted_server holder{[](const auto&) { return scripted_server::answer{}; }};
    port = std::stoi(holder.url().substr(holder.url().rfind(':') + 1));
  }
  auto run = [&](const std::string& command) {
    return std::system(("cd " + folder.path() + " && " + command).c_str());
  };
  REQUIRE(run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
              "-subj /CN=registry -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert "
              ">/dev/null 2>&1")
          == 0);
  // Its page of sessions is no answer of a registry, but it has come through TLS.
  REQUIRE(run(fmt::format("{{ openssl s_server -accept 127.0.0.1:{} -cert cert -key key -www "
                          ">/dev/null 2>&1 & echo $! >pid; }}",
                          port))
          == 0);
  auto why = [&](const std::string& certificate) {
    registry_settings settings;
    settings.url = fmt::format("https://127.0.0.1:{}", port);
    settings.http.ca_certificate = certificate;
    settings.retry_from = 10ms;
    schema_registry registry{settings, std::make_shared<prometheus::Registry>()};
    std::string said;
    for (int i = 0;
         i < 5000 && (said.empty() || said.find("Failed to connect") != std::string::npos); ++i) {
      said = registry.find(1).why;
      std::this_thread::sleep_for(1ms);
    }
    return said;
  };
  CHECK_THAT(why(folder / "cert"), Contains("answers 200 as no registry does"));
  CHECK_THAT(why(""), Contains("cannot be reached") && Contains("certificate"));
  ::kill(std::stoi(testing::read_file(folder / "pid")), SIGTERM);
}
