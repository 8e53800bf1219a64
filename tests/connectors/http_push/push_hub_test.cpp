#include "connectors/http_push/push_hub.hpp"

#include "../file/source_reading.hpp"

#include <atomic>
#include <chrono>
#include <thread>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using names = std::vector<std::string>;
using kind = push_outcome::kind;

namespace {

std::string event(const std::string& name, int64_t seconds) {
  auto line = event_line(name, seconds);
  line.pop_back();
  return line;
}

/// Takes the outcome of a push.
struct answer {
  std::optional<push_outcome> outcome;
  int calls = 0;

  std::function<void(push_outcome)> taker() {
    return [this](push_outcome x) {
      outcome = std::move(x);
      ++calls;
    };
  }
  bool is(kind what) const { return calls == 1 && outcome->what == what; }
};

push_stream_settings settings(size_t max_rows = 100) {
  return {named_events(), max_rows};
}

} // namespace

TEST_CASE("push hub: pushed rows come out of the stream's source in their order") {
  push_hub hub;
  auto source = hub.add_stream(settings());
  CHECK(hub.streams() == names{"s"});
  CHECK(source->partitions() == names{"push-s"});
  REQUIRE(source->start({}));
  answer first, second;
  hub.push("s", {event("a", 5), event("b", 3)}, false, first.taker());
  hub.push("s", {event("c", 4)}, false, second.taker());
  CHECK(first.is(kind::done));
  CHECK(first.outcome->accepted == 2);
  CHECK(second.is(kind::done));
  everything all;
  all.add(*source->poll(100, 0ms));
  CHECK(all.names == names{"a", "b", "c"});
  CHECK(all.positions.at("push-s").next == 3);
  CHECK(all.positions.at("push-s").max_time == at_second(5));
  CHECK_FALSE(all.ended());
  CHECK(source->poll(100, 0ms)->progress.empty());
}

TEST_CASE("push hub: refused rows are answered with their reason and become dead letters") {
  push_hub hub;
  auto source = hub.add_stream(settings());
  REQUIRE(source->start({{"push-s", {"push-s", 70, at_second(9), false}}}));
  answer told;
  hub.push("s", {event("a", 5), "nonsense", event("b", 6), "{\"n\":\"c\"}"}, false, told.taker());
  REQUIRE(told.is(kind::done));
  CHECK(told.outcome->accepted == 2);
  REQUIRE(told.outcome->rejected.size() == 2);
  CHECK(told.outcome->rejected[0].first == 1);
  CHECK(told.outcome->rejected[0].second == "expected a JSON object, found nonsense");
  CHECK(told.outcome->rejected[1].first == 3);
  everything all;
  all.add(*source->poll(100, 0ms));
  CHECK(all.names == names{"a", "b"});
  CHECK(all.records == 4);
  REQUIRE(all.dead_letters.size() == 2);
  CHECK(all.dead_letters[0].place == "push-s@71");
  CHECK(all.dead_letters[0].payload == "nonsense");
  CHECK(all.dead_letters[1].place == "push-s@73");
  // The positions go on from the ledger's.
  CHECK(all.positions.at("push-s").next == 74);
  CHECK(all.positions.at("push-s").max_time == at_second(9));
}

TEST_CASE("push hub: a durable push is answered once the ledger holds its rows") {
  push_hub hub;
  auto source = hub.add_stream(settings());
  REQUIRE(source->start({}));
  answer first, second, refused, empty;
  hub.push("s", {event("a", 1), event("b", 2)}, true, first.taker());
  hub.push("s", {event("c", 3)}, true, second.taker());
  hub.push("s", {"nonsense"}, true, refused.taker());
  hub.push("s", {}, true, empty.taker());
  CHECK(empty.is(kind::done));
  source->committed(1, {});
  source->committed(1, {{"push-s", {"push-s", 1, at_second(1), false}}});
  CHECK(first.calls == 0);
  source->committed(2, {{"push-s", {"push-s", 2, at_second(2), false}}});
  CHECK(first.is(kind::done));
  CHECK(first.outcome->accepted == 2);
  CHECK(second.calls == 0);
  source->committed(3, {{"push-s", {"push-s", 4, at_second(3), false}}});
  CHECK(second.is(kind::done));
  CHECK(refused.is(kind::done));
  CHECK(refused.outcome->accepted == 0);
  CHECK(refused.outcome->rejected.size() == 1);
}

TEST_CASE("push hub: a full queue takes nothing, and takes again once it is polled") {
  push_hub hub;
  auto source = hub.add_stream(settings(3));
  answer before;
  hub.push("s", {event("a", 1)}, false, before.taker());
  CHECK(before.is(kind::not_started)); // its positions are not known yet
  REQUIRE(source->start({}));
  answer fits, exceeds, again, large;
  hub.push("s", {event("a", 1), event("b", 2)}, false, fits.taker());
  hub.push("s", {event("c", 3), event("d", 4)}, false, exceeds.taker());
  CHECK(fits.is(kind::done));
  CHECK(exceeds.is(kind::overloaded));
  CHECK(exceeds.outcome->accepted == 0);
  everything all;
  all.add(*source->poll(100, 0ms));
  CHECK(all.names == names{"a", "b"});
  hub.push("s", {event("c", 3), event("d", 4)}, false, again.taker());
  CHECK(again.is(kind::done));
  hub.push("s", std::vector<std::string>(4, event("e", 5)), false, large.taker());
  CHECK(large.is(kind::overloaded));
}

TEST_CASE("push hub: bytes and waiting pushes are bounded too") {
  push_hub hub;
  auto bounded = settings(1000);
  bounded.max_pending_bytes = 100'000;
  bounded.max_waiting_pushes = 2;
  auto source = hub.add_stream(bounded);
  REQUIRE(source->start({}));
  int taken = 0;
  for (int i = 0; i < 20; ++i) {
    answer told;
    hub.push("s", {std::string(20'000, 'x')}, false, told.taker());
    taken += told.is(kind::done);
  }
  CHECK(taken == 5);
  CHECK(source->poll(100, 0ms)->dead_letters.size() == 5);
  answer first, second, third;
  hub.push("s", {event("a", 1)}, true, first.taker());
  hub.push("s", {event("b", 1)}, true, second.taker());
  hub.push("s", {event("c", 1)}, true, third.taker());
  CHECK(third.is(kind::overloaded));
  CHECK(first.calls == 0);
}

TEST_CASE("push hub: the end tells those who wait and refuses those who come") {
  push_hub hub;
  auto source = hub.add_stream(settings());
  REQUIRE(source->start({}));
  answer waiting, late;
  hub.push("s", {event("a", 1)}, true, waiting.taker());
  source->stop();
  CHECK(waiting.is(kind::stopping));
  hub.push("s", {event("b", 1)}, false, late.taker());
  CHECK(late.is(kind::stopping));
  source->committed(1, {{"push-s", {"push-s", 1, at_second(1), false}}});
  CHECK(waiting.calls == 1);
}

TEST_CASE("push hub: a stream nobody has is unknown") {
  push_hub hub;
  answer told;
  hub.push("x", {event("a", 1)}, false, told.taker());
  CHECK(told.is(kind::unknown_stream));
}

TEST_CASE("push hub: an interrupt ends a waiting poll") {
  push_hub hub;
  auto source = hub.add_stream(settings());
  REQUIRE(source->start({}));
  check_interrupt(*source);
}

TEST_CASE("push hub: rows of many threads all come once, each thread's in its order") {
  constexpr int threads = 4;
  constexpr int pushes = 500;
  push_hub hub;
  auto source = hub.add_stream(settings(200));
  REQUIRE(source->start({}));
  std::atomic<int> answered{0};
  std::atomic<int> rejected{0};
  std::atomic<bool> finished{false};
  std::vector<std::thread> pushers;
  for (int t = 0; t < threads; ++t)
    pushers.emplace_back([&, t] {
      for (int i = 0; i < pushes;) {
        auto taken = std::make_shared<std::atomic<int>>(-1);
        auto name = std::to_string(t) + "-" + std::to_string(i);
        hub.push("s", {event(name, i), "bad"}, i % 2 == 0, [&, taken](push_outcome x) {
          *taken = static_cast<int>(x.what);
          if (x.what != kind::done)
            return;
          ++answered;
          rejected += static_cast<int>(x.rejected.size());
        });
        if (*taken == static_cast<int>(kind::overloaded))
          std::this_thread::yield();
        else
          ++i;
      }
    });
  everything all;
  std::thread poller{[&] {
    while (!finished || all.names.size() < threads * pushes) {
      auto polled = source->poll(100, 1ms);
      all.add(*polled);
      source->committed(1, all.positions);
    }
  }};
  for (auto& x : pushers)
    x.join();
  finished = true;
  poller.join();
  CHECK(answered == threads * pushes);
  CHECK(rejected == threads * pushes);
  CHECK(all.records == 2 * threads * pushes);
  CHECK(all.positions.at("push-s").next == 2 * threads * pushes);
  for (int t = 0; t < threads; ++t) {
    int next = 0;
    for (auto& name : all.names)
      if (name.substr(0, name.find('-')) == std::to_string(t))
        CHECK(name == std::to_string(t) + "-" + std::to_string(next++));
    CHECK(next == pushes);
  }
}
