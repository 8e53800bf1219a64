#include "server_fixture.hpp"

#include <cstdio>
#include <cstring>

using namespace keyfold;
using namespace keyfold::http;
using namespace keyfold::http::test;

TEST_CASE("server: an entity's features come with value, status, event time and age") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.get("/v1/entities/user/42?features=f1,clicks,recent:f0");
  REQUIRE(x.status == 200);
  CHECK(x.has("Content-Type: application/json\r\n"));
  CHECK(x.has("X-Content-Type-Options: nosniff\r\n"));
  CHECK(x.has("Date: "));
  auto body = x.json();
  CHECK(body["entity"] == "user");
  CHECK(body["key"] == nlohmann::json{{"user_id", 42}});
  CHECK(body["as_of"] == "2023-11-14T22:13:20Z");
  CHECK(body["features"].size() == 3);
  CHECK(body["features"]["f1"]["value"] == 1.5);
  CHECK(body["features"]["f1"]["status"] == "PRESENT");
  CHECK(body["features"]["f1"]["event_time"] == "2023-11-14T22:13:20Z");
  CHECK(body["features"]["f1"]["age_seconds"].get<double>() > 1e6);
  CHECK(body["features"]["recent:f0"]["value"] == 0.5);
}

TEST_CASE("server: without a selection all features come, ambiguous names with their view") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto features = client.get("/v1/entities/user/42").json()["features"];
  CHECK(features.size() == 12);
  CHECK(features.contains("user_stats:f0"));
  CHECK(features.contains("recent:f0"));
  CHECK_FALSE(features.contains("f0"));
  CHECK(features.contains("f9"));
  CHECK(client.get("/v1/entities/user/42?view=recent").json()["features"].size() == 2);
}

TEST_CASE("server: open groups are features too") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto all = client.get("/v1/entities/merchant/m1").json()["features"];
  CHECK(all["shoes"]["value"] == 3.0);
  CHECK(all["total"]["value"] == 0.5);
  auto named = client.get("/v1/entities/merchant/m1?features=seen:shoes,hats").json()["features"];
  CHECK(named["seen:shoes"]["value"] == 3.0);
  CHECK(named["hats"]["status"] == "NOT_FOUND");
  CHECK(named["hats"]["age_seconds"].is_null());
}

TEST_CASE("server: keys are typed, composite, percent-encoded") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto pair = client.get("/v1/entities/pair/007%7Ca%5C%7Cb%2Fc");
  REQUIRE(pair.status == 200);
  CHECK(pair.json()["key"] == nlohmann::json{{"user_id", 7}, {"merchant_id", "a|b/c"}});
  CHECK(client.get("/v1/entities/pair/7").json()["code"] == "invalid_key");
  CHECK(client.get("/v1/entities/user/abc").status == 400);
  CHECK(client.get("/v1/entities/merchant/h%C3%A9").json()["key"]["merchant_id"] == "h\u00e9");
}

TEST_CASE("server: values of every kind have their JSON") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.get("/v1/entities/user/6?view=user_stats");
  auto f = x.json()["features"];
  CHECK(x.body.find(R"("value":2.0,)") != std::string::npos);
  CHECK(x.body.find(R"("value":9007199254740993,)") != std::string::npos);
  CHECK(f["f2"]["value"] == "h\u00e9 \"\\\n\x01");
  CHECK(f["f3"]["value"] == "2023-11-14T22:13:20Z");
  CHECK(x.body.find(R"("value":-12.34,)") != std::string::npos);
  CHECK(f["f5"]["value"] == "YWJj");
  CHECK(f["f6"]["value"] == true);
}

TEST_CASE("server: as_of is now, the watermark, milliseconds or a timestamp") {
  server_fixture fixture;
  raw_client client{fixture.port};
  CHECK(client.get("/v1/entities/user/1?as_of=watermark").status == 200);
  CHECK_FALSE(fixture.gateway.last_as_of);
  CHECK(client.get("/v1/entities/user/1?as_of=1700000000500").json()["as_of"]
        == "2023-11-14T22:13:20.500000Z");
  CHECK(fixture.gateway.last_as_of == event_moment + std::chrono::milliseconds{500});
  CHECK(client.get("/v1/entities/user/1?as_of=2023-11-14T23:13:20+01:00").status == 200);
  CHECK(fixture.gateway.last_as_of == event_moment);
  CHECK(client.get("/v1/entities/user/1?as_of=now").status == 200);
  CHECK(*fixture.gateway.last_as_of > event_moment);
  CHECK(client.get("/v1/entities/user/1?as_of=yesterday").json()["code"] == "invalid_argument");
}

TEST_CASE("server: what is not there is a problem with a remedy") {
  server_fixture fixture;
  raw_client client{fixture.port};
  struct sample {
    const char* target;
    int status;
    const char* code;
    const char* detail;
  };
  for (const auto& sample : std::initializer_list<sample>{
           {"/v1/entities/usr/1", 404, "unknown_entity", "did you mean `user`"},
           {"/v1/entities/user/404", 404, "key_not_found", "user \"404\" has no state"},
           {"/v1/entities/user/1?features=clikcs", 404, "unknown_feature", "did you mean `clicks`"},
           {"/v1/entities/user/1?features=f0", 404, "unknown_feature", "write view:feature"},
           {"/v1/entities/user/1?view=recnt", 404, "unknown_view", "did you mean `recent`"},
           {"/v1/entities/user/1?view=recent&features=f1", 400, "invalid_argument", "not both"},
           {"/v1/entities/user/1?feature=f1", 400, "invalid_argument", "did you mean `features`"},
           {"/v1/entities/user", 404, "unknown_path", "/v1/definitions"},
           {"/nope", 404, "unknown_path", "no such path"},
       }) {
    INFO(sample.target);
    auto x = client.get(sample.target);
    CHECK(x.status == sample.status);
    CHECK(x.has("Content-Type: application/problem+json\r\n"));
    auto body = x.json();
    CHECK(body["status"] == sample.status);
    CHECK(body["code"] == sample.code);
    INFO(body["detail"]);
    CHECK(body["detail"].get<std::string>().find(sample.detail) != std::string::npos);
  }
}

TEST_CASE("server: methods are checked, HEAD answers without a body") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto x = client.post("/v1/entities/user/1", "");
  CHECK(x.status == 405);
  CHECK(x.has("Allow: GET, HEAD\r\n"));
  raw_client second{fixture.port};
  second.send("BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(second.receive().status == 501);
  raw_client third{fixture.port};
  third.send("HEAD /v1/entities/user/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  auto head = third.receive(true);
  CHECK(head.status == 200);
  CHECK_FALSE(head.has("Content-Length: 0\r\n"));
  CHECK(third.get("/health").status == 200);
}

TEST_CASE("server: answers of other threads come back, in the order of the requests") {
  server_fixture fixture{{}, fake_gateway::manner::from_another_thread};
  raw_client client{fixture.port};
  std::string all;
  for (int i = 0; i < 40; ++i)
    all += i % 3 == 0
               ? "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
               : "GET /v1/entities/user/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 40; ++i) {
    INFO(i);
    auto x = client.receive();
    REQUIRE(x.status == 200);
    if (i % 3 == 0)
      CHECK(x.body.empty());
    else
      CHECK(x.json()["key"]["user_id"] == i);
  }
}

TEST_CASE("server: a client that has closed its half still gets its answers") {
  server_fixture fixture{{}, fake_gateway::manner::from_another_thread};
  raw_client client{fixture.port};
  client.send("GET /v1/entities/user/1 HTTP/1.1\r\nHost: x\r\n\r\n"
              "GET /v1/entities/user/2 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.end_sending();
  CHECK(client.receive().json()["key"]["user_id"] == 1);
  CHECK(client.receive().json()["key"]["user_id"] == 2);
  CHECK(client.ended());
}

TEST_CASE(
    "server: an actor that never answers is a 503 with a reason, and its late answer is lost") {
  server_settings settings;
  settings.query_timeout = std::chrono::milliseconds{150};
  server_fixture fixture{settings, fake_gateway::manner::never};
  raw_client client{fixture.port};
  auto x = client.get("/v1/entities/user/1");
  CHECK(x.status == 503);
  CHECK(x.has("Retry-After: 1\r\n"));
  CHECK(x.json()["code"] == "query_timeout");
  fixture.gateway.answer_kept();
  CHECK(client.get("/health").status == 200);
}

TEST_CASE("server: HTTP/1.0 closes unless asked to stay") {
  server_fixture fixture;
  raw_client client{fixture.port};
  client.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.receive().has("Connection: keep-alive\r\n"));
  client.send("GET /health HTTP/1.0\r\n\r\n");
  CHECK(client.receive().has("Connection: close\r\n"));
  CHECK(client.ended());
}

TEST_CASE("server: a refused request ends the connection, and what follows it is not read") {
  server_fixture fixture;
  raw_client client{fixture.port};
  client.send("POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
              "chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  auto x = client.receive();
  CHECK(x.status == 400);
  CHECK(x.has("Connection: close\r\n"));
  CHECK(x.json()["code"] == "malformed_request");
  CHECK(client.ended());
}

TEST_CASE("server: a broken target is refused") {
  server_fixture fixture;
  raw_client client{fixture.port};
  CHECK(client.get("/v1/entities/user/%zz").status == 400);
  CHECK(client.ended());
}

TEST_CASE("server: Expect: 100-continue is met before the body, other expectations are not") {
  server_fixture fixture;
  raw_client client{fixture.port};
  client.send("POST /push?stream=events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: "
              "100-continue\r\n\r\n");
  CHECK(client.receive().status == 100);
  client.send("{}");
  CHECK(client.receive().status == 200);
  client.send("POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: cake\r\n\r\n");
  CHECK(client.receive().status == 417);
}

TEST_CASE("server: bodies beyond the bound are refused unread") {
  server_settings settings;
  settings.max_body_bytes = 100;
  server_fixture fixture{settings};
  raw_client client{fixture.port};
  client.send("POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  auto x = client.receive();
  CHECK(x.status == 413);
  CHECK(client.ended());
}

TEST_CASE("server: slow headers and bodies run into absolute deadlines, idle connections end") {
  server_settings settings;
  settings.header_timeout = settings.body_timeout = std::chrono::milliseconds{200};
  settings.idle_timeout = std::chrono::milliseconds{400};
  server_fixture fixture{settings};
  raw_client header{fixture.port};
  raw_client body{fixture.port};
  raw_client idle{fixture.port};
  raw_client silent{fixture.port};
  CHECK(idle.get("/health").status == 200);
  body.send("POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 8; ++i) { // each byte in time, the whole not
    header.send("G");
    body.send("x");
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  CHECK(header.receive().status == 408);
  CHECK(body.receive().status == 408);
  CHECK(idle.ended());
  CHECK(silent.ended());
}

TEST_CASE("server: connections are bounded in all and per address, and places come free") {
  server_settings settings;
  settings.max_connections_per_address = 2;
  server_fixture fixture{settings};
  raw_client first{fixture.port};
  CHECK(first.get("/health").status == 200);
  {
    raw_client second{fixture.port};
    CHECK(second.get("/health").status == 200);
    raw_client third{fixture.port};
    auto x = third.receive();
    CHECK(x.status == 503);
    CHECK(x.json()["code"] == "too_many_connections");
  }
  for (int tries = 0;; ++tries) {
    raw_client fourth{fixture.port};
    if (fourth.get("/health").status == 200)
      break;
    REQUIRE(tries < 100);
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

TEST_CASE("server: readiness tells the reasons") {
  server_fixture fixture;
  raw_client client{fixture.port};
  CHECK(client.get("/ready").body == R"({"ready":true,"reasons":[]})");
  CHECK(client.get("/ready").status == 200);
  fixture.ready.set("kafka", "broker 127.0.0.1:1 is away");
  auto x = client.get("/ready");
  CHECK(x.status == 503);
  CHECK(x.json()["ready"] == false);
  CHECK(x.json()["reasons"][0]["component"] == "kafka");
  CHECK(x.json()["reasons"][0]["reason"] == "broker 127.0.0.1:1 is away");
  fixture.ready.set("kafka", "");
  CHECK(client.get("/ready").status == 200);
}

TEST_CASE("server: draining refuses new connections, finishes what runs, and says so") {
  server_fixture fixture{{}, fake_gateway::manner::from_another_thread};
  raw_client busy{fixture.port};
  raw_client idle{fixture.port};
  CHECK(idle.get("/health").status == 200);
  busy.send("GET /v1/entities/user/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  while (fixture.gateway.submitted.load() == 0)
    std::this_thread::yield();
  fixture.served->begin_drain();
  auto x = busy.receive();
  CHECK(x.status == 200);
  CHECK(busy.ended());
  CHECK(idle.ended());
  raw_client late{fixture.port};
  CHECK((!late.connected || late.ended()));
  fixture.served->drain();
  fixture.served->stop();
}

TEST_CASE("server: pending answers at stop are no one's business") {
  server_fixture fixture{{}, fake_gateway::manner::never};
  raw_client client{fixture.port};
  client.send("GET /v1/entities/user/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  while (fixture.gateway.submitted.load() == 0)
    std::this_thread::yield();
  fixture.served.reset();
  fixture.gateway.answer_kept();
  CHECK(client.ended());
}

TEST_CASE("server: a taken port and a wrong address are errors with a remedy") {
  server_fixture fixture;
  for (uint32_t threads : {1, 2}) {
    server_settings settings;
    settings.port = fixture.port;
    settings.threads = threads;
    server second{settings, dependencies{fixture.system, fixture.gateway, make_catalog(), nullptr,
                                         fixture.ready, std::make_shared<prometheus::Registry>()}};
    auto started = second.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().message.find("choose another serving port") != std::string::npos);
  }
  server_settings settings;
  settings.address = "localhorst";
  server third{settings, dependencies{fixture.system, fixture.gateway, make_catalog(), nullptr,
                                      fixture.ready, std::make_shared<prometheus::Registry>()}};
  CHECK(third.start().error().message.find("localhorst") != std::string::npos);
}

TEST_CASE("server: several threads share the port") {
  server_settings settings;
  settings.threads = 3;
  server_fixture fixture{settings};
  for (int i = 0; i < 20; ++i) {
    raw_client client{fixture.port};
    CHECK(client.get("/v1/entities/user/" + std::to_string(i)).status == 200);
  }
}

TEST_CASE("server: definitions list entities, services and streams") {
  server_fixture fixture;
  raw_client client{fixture.port};
  auto body = client.get("/v1/definitions").json();
  CHECK(body["entities"].size() == 3);
  CHECK(body["entities"][0]["key"][0] == nlohmann::json{{"name", "user_id"}, {"type", "int64"}});
  CHECK(body["entities"][0]["views"][1]["features"][1]["name"] == "clicks");
  CHECK(body["services"][0]["features"] == nlohmann::json{"user_stats:f1", "user_stats:f0"});
  CHECK(body["streams"][0] == nlohmann::json{{"name", "events"}, {"takes_pushes", true}});
}

TEST_CASE("server: metrics pass promtool's check") {
  server_fixture fixture;
  raw_client client{fixture.port};
  client.get("/v1/entities/user/1");
  client.get("/nope");
  auto x = client.get("/metrics");
  REQUIRE(x.status == 200);
  CHECK(x.body.find("keyfold_http_requests_total{endpoint=\"entity\",status=\"200\"} 1")
        != std::string::npos);
  CHECK(x.body.find("keyfold_http_rejected_total{reason=\"unknown_path\"} 1") != std::string::npos);
  CHECK(x.body.find("keyfold_http_connections 1") != std::string::npos);
  if (std::system("command -v promtool >/dev/null") == 0) {
    auto* tool = popen("promtool check metrics", "w");
    REQUIRE(tool != nullptr);
    std::fwrite(x.body.data(), 1, x.body.size(), tool);
    CHECK(pclose(tool) == 0);
  }
}

TEST_CASE("server: metrics may have a bind of their own") {
  server_settings settings;
  settings.metrics_address = "127.0.0.1";
  server_fixture fixture{settings};
  raw_client main{fixture.port};
  CHECK(main.get("/metrics").status == 404);
  raw_client other{fixture.served->metrics_port()};
  CHECK(other.get("/metrics").status == 200);
  CHECK(other.get("/ready").status == 200);
  CHECK(other.get("/v1/definitions").status == 404);
}
