#include <catch2/catch.hpp>

#include "publishing.hpp"
#include "reading.hpp"

#include <thread>

using namespace keyfold;
using namespace keyfold::kafka;
using namespace keyfold::kafka::test;
using Catch::Matchers::Contains;

namespace {

source_settings secure_source(const std::string& topic) {
  auto out = test_settings();
  out.brokers = test_broker::instance().secure_address();
  out.passed_through = test_broker::instance().secure_properties();
  out.topics = {topic};
  return out;
}

} // namespace

TEST_CASE("kafka security: what is published over SASL and TLS is read over them") {
  auto settings = test_output();
  settings.brokers = test_broker::instance().secure_address();
  settings.passed_through = test_broker::instance().secure_properties();
  publishing out{settings};
  REQUIRE(out.open() == 0);
  out.upsert("ann", 1, 0.5);
  REQUIRE(out.publish(1) == "");
  CHECK(read_all(settings.topic).size() == 1);

  auto topic = unique("secure");
  create_topic(topic, 2);
  produce(topic, test_records(0, 100, 2));
  reading read{secure_source(topic)};
  REQUIRE(read.rows(100));
  CHECK(read.source().status().ready);
}

TEST_CASE("kafka security: a wrong password is told without being repeated, and waited for") {
  auto topic = unique("refused");
  create_topic(topic, 1);
  auto settings = secure_source(topic);
  settings.passed_through["sasl.password"] = "not-the-secret";
  reading read{settings};
  REQUIRE(read.until(
      [&] { return read.reason().find("refuses the credentials") != std::string::npos; }));
  CHECK_THAT(read.reason(), Contains(settings.brokers) && Contains("check sasl.*"));
  CHECK_THAT(read.reason(), !Contains("not-the-secret"));
  CHECK(read.error.empty());

  auto target = test_output();
  target.brokers = settings.brokers;
  target.passed_through = settings.passed_through;
  publishing out{target};
  std::jthread interrupter{[&] {
    std::this_thread::sleep_for(std::chrono::seconds{3});
    out.target().interrupt();
  }};
  auto opened = out.target().open();
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().message, Contains("refuses the credentials"));
  CHECK_THAT(opened.error().message, !Contains("not-the-secret"));
  CHECK_FALSE(out.target().fatal());
}

TEST_CASE("kafka security: a certificate that nobody vouches for is told") {
  auto topic = unique("stranger");
  create_topic(topic, 1);
  auto settings = secure_source(topic);
  settings.passed_through.erase("ssl.ca.location");
  reading read{settings};
  REQUIRE(read.until([&] { return read.reason().find("no TLS connection") != std::string::npos; }));
  CHECK_THAT(read.reason(), Contains("certificate") && Contains("check ssl.*"));
  CHECK(read.error.empty());
}
