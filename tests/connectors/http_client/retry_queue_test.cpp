#include "../../support/scripted_server.hpp"
#include "connectors/http_client/retry_queue.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <thread>

namespace keyfold {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::scripted_server;

http_client_settings plain(size_t max_answer_bytes = 1u << 20) {
  http_client_settings out;
  out.proxies = false;
  out.timeout = seconds{5};
  out.max_answer_bytes = max_answer_bytes;
  return out;
}

struct job {
  int number = 0;
  int attempts = 0;
};

} // namespace

TEST_CASE("http pool: several exchanges at once, each with its answer", "[http]") {
  scripted_server server{[](const scripted_server::request& x) {
    return scripted_server::answer{x.body == "3" ? 500 : 200, "<" + x.body + ">"};
  }};
  http_pool pool{plain(), 4};
  for (uint64_t i = 0; i < 4; ++i)
    pool.start(i, {"POST", server.url(), {}, std::to_string(i)});
  CHECK(pool.full());
  std::set<uint64_t> seen;
  while (pool.running() > 0)
    for (const auto& x : pool.wait(seconds{5})) {
      REQUIRE(x.answer);
      CHECK(x.answer->body == "<" + std::to_string(x.number) + ">");
      CHECK(x.answer->status == (x.number == 3 ? 500 : 200));
      seen.insert(x.number);
    }
  CHECK(seen.size() == 4);
}

TEST_CASE("http pool: failures are answers, too", "[http]") {
  scripted_server server{[](const scripted_server::request&) {
    return scripted_server::answer{200, std::string(100, 'x')};
  }};
  http_pool pool{plain(99), 2};
  pool.start(1, {"GET", server.url(), {}, {}});
  pool.start(2, {"GET", "http://127.0.0.1:1", {}, {}});
  std::map<uint64_t, std::string> why;
  while (pool.running() > 0)
    for (const auto& x : pool.wait(seconds{5}))
      why[x.number] = x.answer ? "" : x.answer.error().message;
  CHECK(why[1] == "the answer has more than 99 bytes");
  CHECK(why[2].find("127.0.0.1") != std::string::npos);
  pool.start(3, {"GET", server.url(), {}, {}});
  pool.abandon();
  CHECK(pool.running() == 0);
  CHECK(pool.wait(milliseconds{1}).empty());
}

TEST_CASE("retry queue: jobs are asked until their owner is content", "[http]") {
  std::atomic<int> asked = 0;
  scripted_server server{[&](const scripted_server::request&) {
    return scripted_server::answer{++asked % 3 == 0 ? 200 : 503, ""};
  }};
  std::set<int> done;
  size_t most = 0;
  retry_queue<job>* self = nullptr;
  retry_queue<job> queue{
      plain(), 3,
      [&](const job& x) {
        return http_exchange_request{"POST", server.url(), {}, std::to_string(x.number)};
      },
      [&](job x, const result<http_exchange_answer>& answered) {
        most = std::max(most, self->under_way() + 1);
        ++x.attempts;
        if (answered && answered->status == 200)
          done.insert(x.number);
        else
          self->again(x, milliseconds{1});
      }};
  self = &queue;
  for (int i = 0; i < 10; ++i)
    REQUIRE(queue.add({i, 0}));
  CHECK(queue.under_way() < 3);
  REQUIRE(queue.finish());
  CHECK(done.size() == 10);
  CHECK(asked == 30);
  CHECK(most == 3);
}

TEST_CASE("retry queue: what is given up ends all", "[http]") {
  scripted_server server{[](const scripted_server::request&) {
    return scripted_server::answer{400, ""};
  }};
  retry_queue<job>* self = nullptr;
  retry_queue<job> queue{
      plain(), 2,
      [&](const job& x) -> result<http_exchange_request> {
        if (x.number == 7)
          return fail("no request for 7");
        return http_exchange_request{"GET", server.url(), {}, {}};
      },
      [&](job, const result<http_exchange_answer>&) { self->give_up("refused"); }};
  self = &queue;
  REQUIRE(queue.add({1, 0}));
  auto ended = queue.finish();
  REQUIRE(!ended);
  CHECK(ended.error().message == "refused");
  CHECK(queue.under_way() == 0);
  REQUIRE(queue.add({7, 0}));
  CHECK(queue.finish().error().message == "no request for 7");
}

TEST_CASE("retry queue: an interruption ends what waits", "[http]") {
  scripted_server server{[](const scripted_server::request&) {
    return scripted_server::answer{503, ""};
  }};
  retry_queue<job>* self = nullptr;
  retry_queue<job> queue{
      plain(), 2,
      [&](const job&) {
        return http_exchange_request{"GET", server.url(), {}, {}};
      },
      [&](job x, const result<http_exchange_answer>&) { self->again(x, seconds{20}); }};
  self = &queue;
  REQUIRE(queue.add({1, 0}));
  std::thread other{[&] {
    std::this_thread::sleep_for(milliseconds{100});
    queue.interrupt();
  }};
  auto begun = std::chrono::steady_clock::now();
  CHECK(queue.finish().error().message == "interrupted");
  CHECK(std::chrono::steady_clock::now() - begun < seconds{5});
  other.join();
}

} // namespace keyfold
