#include <catch2/catch.hpp>

#include "connectors/common/problem_board.hpp"
#include "connectors/kafka/client.hpp"

#include <fmt/format.h>

#include <array>

using namespace keyfold;
using namespace keyfold::kafka;
using Catch::Matchers::Contains;

TEST_CASE("kafka client: secrets are not shown, other properties are") {
  auto shown = redacted({{"sasl.username", "me"},
                         {"sasl.password", "hunter2"},
                         {"ssl.key.password", "a"},
                         {"ssl.keystore.password", "b"},
                         {"ssl.key.pem", "-----BEGIN"},
                         {"sasl.oauthbearer.config", "c"},
                         {"sasl.oauthbearer.client.secret", "d"},
                         {"linger.ms", "5"}});
  CHECK(shown.at("sasl.username") == "me");
  CHECK(shown.at("linger.ms") == "5");
  for (auto* name : {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
                     "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret"})
    CHECK(shown.at(name) == "***");
}

TEST_CASE("kafka client: an error text loses the secrets it quotes") {
  properties x{{"sasl.password", "hunter2"}, {"sasl.oauthbearer.config", "principal=a token=zzz"}};
  CHECK(without_secrets("Invalid value \"hunter2\" (hunter2)", x) == "Invalid value \"***\" (***)");
  CHECK(without_secrets("Unrecognized sasl.oauthbearer.config beginning at: token=zzz", x)
        == "Unrecognized sasl.oauthbearer.config beginning at: ***");
  CHECK(without_secrets("plain", x) == "plain");
  CHECK(without_secrets("plain", {{"sasl.password", ""}}) == "plain");
}

TEST_CASE("kafka client: the user's properties win over keyfold's, reserved ones are refused") {
  auto made = make_settings("output \"x\"", {{"linger.ms", "5"}}, {{"linger.ms", "50"}}, {});
  REQUIRE(made);
  std::array<char, 16> value{};
  size_t size = value.size();
  REQUIRE(rd_kafka_conf_get(made->get(), "linger.ms", value.data(), &size) == RD_KAFKA_CONF_OK);
  CHECK(std::string{value.data()} == "50");

  auto reserved = make_settings("output \"x\"", {}, {{"acks", "1"}}, {{"acks", "all are needed"}});
  REQUIRE_FALSE(reserved);
  CHECK(reserved.error().message
        == "output \"x\": the Kafka property \"acks\" cannot be set: all are needed");
  auto unknown = make_settings("output \"x\"", {}, {{"linger", "1"}}, {});
  REQUIRE_FALSE(unknown);
  CHECK_THAT(unknown.error().message, Contains("\"linger\"") && Contains("No such configuration"));
}

TEST_CASE("kafka client: a certificate that cannot be read is told") {
  properties tls{{"security.protocol", "ssl"}, {"ssl.ca.location", "/nowhere/ca.pem"}};
  auto settings = make_settings("stream \"s\"", {}, tls, {});
  REQUIRE(settings);
  auto client = make_client("stream \"s\"", RD_KAFKA_CONSUMER, std::move(*settings), tls);
  REQUIRE_FALSE(client);
  CHECK_THAT(client.error().message, Contains("stream \"s\"") && Contains("ssl.ca.location"));
}

TEST_CASE("kafka client: a broken connection becomes a sentence") {
  auto reason = "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused "
                "(after 0ms in state CONNECT)";
  CHECK(connection_problem(RD_KAFKA_RESP_ERR__TRANSPORT, "127.0.0.1:9", reason)
        == "no broker reachable at 127.0.0.1:9: Connection refused; retrying");
  CHECK_THAT(connection_problem(RD_KAFKA_RESP_ERR__AUTHENTICATION, "b", "SASL failed"),
             Contains("credentials") && Contains("sasl.*"));
  CHECK_THAT(connection_problem(RD_KAFKA_RESP_ERR__RESOLVE, "b", "unknown"), Contains("host name"));
  CHECK_THAT(connection_problem(RD_KAFKA_RESP_ERR__SSL, "b", "handshake"), Contains("TLS"));
}

TEST_CASE("kafka problem board: ready when every problem is gone; at most 32 are held") {
  problem_board board;
  CHECK(board.status().ready);
  CHECK(board.set("topic a", "a is missing"));
  CHECK_FALSE(board.set("topic a", "a is missing"));
  CHECK(board.set("topic b", "b is missing"));
  CHECK(board.status().reason == "a is missing; b is missing");
  for (int i = 0; i < 100; ++i)
    board.set(fmt::format("p{}", i), "x");
  CHECK_THAT(board.status().reason, Contains("and 29 more"));
  board.clear_all("p");
  CHECK(board.status().reason == "a is missing; b is missing");
  CHECK(board.clear("topic a"));
  CHECK_FALSE(board.clear("topic a"));
  board.clear_all("");
  CHECK(board.status().ready);
}
