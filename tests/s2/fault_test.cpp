#include "publishing.hpp"
#include "reading.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <chrono>
#include <thread>

using namespace keyfold;
using namespace keyfold::s2;
using namespace keyfold::s2::test;
using namespace std::chrono_literals;

namespace {

/// Every user once, in order.
void check_once(const std::string& stream, int64_t count) {
  auto records = read_all(stream);
  REQUIRE(records.size() == static_cast<size_t>(count));
  for (size_t i = 0; i < records.size(); ++i)
    REQUIRE(records[i].header("@key") == fmt::format(R"({{"user":"u{}"}})", i));
}

} // namespace

TEST_CASE("s2 faults: answers to appends that are lost double nothing") {
  test_proxy proxy;
  auto settings = test_output(proxy.url());
  publishing x{settings};
  x.open();
  int64_t next = 0;
  for (uint64_t epoch = 1; epoch <= 10; ++epoch) {
    x.upserts(next, 1500);
    next += 1500;
    // In the middle of a request's body, or of the answer to it.
    proxy.fault(epoch % 2 == 0 ? "reset?after=30000&direction=to_server&times=1"
                               : "reset?after=40&direction=to_client&times=1");
    x.insist(epoch, x.take());
    proxy.fault("heal");
  }
  check_once(settings.stream, next);
  CHECK(x.metric("keyfold_s2_output_retries_total") >= 1);
  CHECK(x.metric("keyfold_s2_output_appends_found_total") >= 1);
}

TEST_CASE("s2 faults: a service that answers nothing, or is cut off, is waited for") {
  test_proxy proxy;
  auto settings = test_output(proxy.url());
  settings.basin.http.timeout = 400ms;
  publishing x{settings};
  x.open();
  x.upserts(0, 10);
  REQUIRE(x.publish(1) == "");
  for (std::string what : {"stall", "cut"}) {
    proxy.fault(what);
    auto first = static_cast<int64_t>(read_all(settings.stream).size());
    x.upserts(first, 10);
    auto log = x.take();
    auto epoch = static_cast<uint64_t>(first / 10 + 1);
    auto failed = x.target().publish(epoch, log);
    REQUIRE_FALSE(failed);
    CHECK_FALSE(x.target().fatal());
    CHECK_FALSE(x.target().status().ready);
    proxy.fault("heal");
    x.insist(epoch, log);
    CHECK(x.target().status().ready);
  }
  check_once(settings.stream, 30);
}

TEST_CASE("s2 faults: an interrupted output gives up at once") {
  test_proxy proxy;
  auto settings = test_output(proxy.url());
  settings.basin.http.timeout = 30'000ms;
  publishing x{settings};
  x.open();
  proxy.fault("stall");
  x.upserts(0, 10);
  auto log = x.take();
  std::thread later{[&] {
    std::this_thread::sleep_for(200ms);
    x.target().interrupt();
  }};
  auto begun = std::chrono::steady_clock::now();
  CHECK_FALSE(x.target().publish(1, log));
  CHECK(std::chrono::steady_clock::now() - begun < 3s);
  later.join();
}

TEST_CASE("s2 faults: a server killed in between loses and doubles nothing") {
  auto settings = test_output();
  publishing x{settings};
  x.open();
  int64_t next = 0;
  for (uint64_t epoch = 1; epoch <= 6; ++epoch) {
    x.upserts(next, 3000);
    next += 3000;
    auto log = x.take();
    std::thread killer;
    if (epoch % 2 == 0)
      killer = std::thread{[] {
        std::this_thread::sleep_for(15ms);
        test_server::instance().kill();
        test_server::instance().up();
      }};
    x.insist(epoch, log);
    if (killer.joinable())
      killer.join();
  }
  check_once(settings.stream, next);
}

TEST_CASE("s2 faults: a source whose connections break reads every record once") {
  test_proxy proxy;
  auto prefix = unique("faulty");
  for (int i = 0; i < 3; ++i) {
    create_stream(fmt::format("{}/{}", prefix, i));
    append(fmt::format("{}/{}", prefix, i), test_records(i * 10'000, 5000));
  }
  reading x{test_settings(prefix, proxy.url())};
  x.max_rows = 500;
  proxy.fault("reset?after=100000&direction=to_client&times=5");
  REQUIRE(x.until([&] { return x.numbers.size() >= 5000; }));
  proxy.fault("cut");
  REQUIRE(x.until([&] { return !x.source().status().ready; }));
  CHECK(x.reason().find("cannot be read") != std::string::npos);
  CHECK(x.unread.size() == 3); // nothing is idle while the service is away
  proxy.fault("heal");
  REQUIRE(x.rows(15'000, 40));
  CHECK(x.until([&] { return x.source().status().ready; }));
  CHECK(x.metric("keyfold_s2_source_errors_total") > 0);
  for (int i = 0; i < 3; ++i)
    CHECK(x.positions[fmt::format("{}/{}", prefix, i)].next == 5000);
}

TEST_CASE("s2 faults: a source goes on after its server was killed") {
  auto name = unique("killed");
  create_stream(name);
  append(name, test_records(0, 1000));
  reading x{test_settings(name)};
  REQUIRE(x.rows(1000));
  test_server::instance().kill();
  REQUIRE(x.until([&] { return !x.source().status().ready; }));
  test_server::instance().up();
  append(name, test_records(1000, 1000));
  REQUIRE(x.rows(2000, 40));
  CHECK(x.source().status().ready);
}

TEST_CASE("s2 faults: one stream that fails for long holds the others' time back no more") {
  auto prefix = unique("patience");
  create_stream(prefix + "/good");
  append(prefix + "/good", test_records(0, 5));
  auto settings = test_settings("");
  settings.prefix.reset();
  settings.streams = {prefix + "/good", prefix + "/bad"};
  settings.patience = 1500ms;
  reading x{settings};
  REQUIRE(x.rows(5));
  CHECK(x.unread == std::set<std::string>{prefix + "/bad"});
  REQUIRE(x.until([&] { return x.unread.empty(); }, 10));
  CHECK(x.metric("keyfold_s2_source_left_out_streams") == 1);
  CHECK_FALSE(x.source().status().ready);
}
