#include "actors/key_loader.hpp"
#include "actors/ledger_writer.hpp"
#include "actors/output_writer.hpp"
#include "fake_ledger.hpp"
#include "pipeline.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

/// Waits up to 20 s for `done`.
template <class F>
void wait_until(F done) {
  auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!done()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(1ms);
  }
}

std::shared_ptr<store::epoch_commit> epoch_number(uint64_t number) {
  auto out = std::make_shared<store::epoch_commit>();
  out->epoch = number;
  return out;
}

std::string log_of(const std::string& key, int64_t count) {
  std::string out;
  const cell keys[] = {cell::string(key)};
  const cell values[] = {cell::integer(count), cell::integer(0)};
  change_log_writer{out}.append({0, false, at_second(1), keys, values});
  return out;
}

struct surroundings {
  fake_ledger ledger;
  metrics_registry metrics;
  readiness ready;

  std::string reason() const {
    auto all = ready.reasons();
    return all.empty() ? std::string{} : all[0].second;
  }
};

/// An output's writer over fakes; what it reports is counted.
struct writing : surroundings {
  std::shared_ptr<other_side> other = std::make_shared<other_side>();
  std::atomic<int> progressed{0};
  std::promise<std::string> failed;
  output_writer writer{"out",
                       std::make_unique<test_output>(other),
                       ledger,
                       metrics,
                       ready,
                       nullptr,
                       {[this] { ++progressed; },
                        [this](std::string reason) { failed.set_value(std::move(reason)); }}};

  void commit(uint64_t epoch) {
    auto log = std::make_shared<std::string>(log_of("k", static_cast<int64_t>(epoch)));
    auto row = epoch_number(epoch);
    row->outbox.push_back({"out", *log});
    REQUIRE(ledger.commit(*row));
    writer.enqueue(epoch, log);
  }
};

} // namespace

TEST_CASE("ledger writer: commits, and waits for space when there is none") {
  surroundings x;
  ledger_writer writer{x.ledger, x.metrics, x.ready, [] { return false; }};
  std::promise<bool> done;
  x.ledger.set_full(true);
  writer.submit(epoch_number(1), [&](auto result) { done.set_value(result.has_value()); });
  wait_until([&] { return x.ledger.attempts() == 2; });
  CHECK_THAT(x.reason(), Contains("the disk is full"));
  x.ledger.set_full(false);
  CHECK(done.get_future().get());
  CHECK(x.reason().empty());
  CHECK(x.ledger.last_epoch() == 1);
}

TEST_CASE("ledger writer: a stop ends the wait for space, and says that nothing was committed") {
  surroundings x;
  ledger_writer writer{x.ledger, x.metrics, x.ready, [] { return false; }};
  std::promise<std::string> done;
  x.ledger.set_full(true);
  writer.submit(epoch_number(1), [&](auto result) {
    done.set_value(result ? std::string{} : result.error().message);
  });
  wait_until([&] { return x.ledger.attempts() == 1; });
  writer.stop();
  CHECK(done.get_future().get() == "the disk is full");
  CHECK(x.ledger.commits() == 0);
}

TEST_CASE("ledger writer: an error that is not a want of space is told at once") {
  surroundings x;
  ledger_writer writer{x.ledger, x.metrics, x.ready, [] { return false; }};
  std::promise<std::string> done;
  x.ledger.set_broken("the ledger is damaged");
  writer.submit(epoch_number(1), [&](auto result) {
    done.set_value(result ? std::string{} : result.error().message);
  });
  CHECK(done.get_future().get() == "the ledger is damaged");
  CHECK(x.ledger.attempts() == 1);
}

TEST_CASE("ledger writer: compacts when the program is not busy, until nothing is left") {
  surroundings x;
  std::atomic<bool> busy{true};
  x.ledger.set_compactable(5);
  ledger_writer writer{x.ledger, x.metrics, x.ready, [&] { return busy.load(); }};
  std::this_thread::sleep_for(150ms);
  CHECK(x.ledger.compactions() == 0);
  busy = false;
  wait_until([&] { return x.ledger.compactions() == 5; });
  std::this_thread::sleep_for(150ms);
  CHECK(x.ledger.compactions() == 5);
  // A commit makes something to compact.
  std::promise<void> done;
  writer.submit(epoch_number(1), [&](auto) { done.set_value(); });
  done.get_future().get();
  wait_until([&] { return x.ledger.compactions() == 6; });
}

TEST_CASE("output writer: publishes the outbox first, then what is committed, in order") {
  writing x;
  x.ledger.put_outbox("out", 1, log_of("k", 1));
  x.ledger.put_outbox("out", 2, log_of("k", 2));
  x.commit(3); // before it is started
  CHECK_FALSE(x.writer.idle());
  x.writer.start();
  x.commit(4);
  wait_until([&] { return x.writer.idle(); });
  check_exactly_once(*x.other, {{"k", 4}});
  CHECK(x.writer.pending_bytes() == 0);
  CHECK(x.ledger.published("out")->epoch == 4);
  CHECK(x.progressed >= 4);
  x.writer.stop();
  x.writer.join();
}

TEST_CASE(
    "output writer: an epoch that it finds in the ledger before it is told is published once") {
  writing x;
  auto log = std::make_shared<std::string>(log_of("k", 1));
  auto row = epoch_number(1);
  row->outbox.push_back({"out", *log});
  REQUIRE(x.ledger.commit(*row));
  x.writer.start();
  wait_until([&] { return x.other->changes().size() == 1; });
  wait_until([&] { return x.writer.idle(); });
  x.writer.enqueue(1, log);
  x.commit(2);
  wait_until([&] { return x.writer.idle(); });
  CHECK(x.other->changes().size() == 2);
  CHECK(x.writer.pending_bytes() == 0);
}

TEST_CASE("output writer: what the other side holds already is not published again") {
  writing x;
  for (uint64_t epoch = 1; epoch <= 3; ++epoch)
    x.ledger.put_outbox("out", epoch, log_of("k", static_cast<int64_t>(epoch)));
  x.other->set_marker(2);
  x.writer.start();
  wait_until([&] { return x.writer.idle(); });
  auto published = x.other->changes();
  REQUIRE(published.size() == 1);
  CHECK(published[0].epoch == 3);
}

TEST_CASE("output writer: tries again with growing patience while the other side is away") {
  writing x;
  x.other->set_down("nobody listens");
  x.writer.start();
  x.commit(1);
  std::this_thread::sleep_for(1000ms); // 100 + 200 + 400 + 800
  CHECK(x.other->attempts() >= 3);
  CHECK(x.other->attempts() <= 5);
  CHECK(x.reason() == "nobody listens");
  CHECK(x.writer.pending_bytes() > 0);
  x.other->set_down("");
  wait_until([&] { return x.writer.idle(); });
  CHECK(x.reason().empty());
  check_exactly_once(*x.other, {{"k", 1}});
}

TEST_CASE("output writer: after an error the marker tells whether the epoch arrived") {
  writing x;
  x.other->lose_replies(1);
  x.writer.start();
  x.commit(1);
  x.commit(2);
  wait_until([&] { return x.writer.idle(); });
  check_exactly_once(*x.other, {{"k", 2}});
}

TEST_CASE("output writer: an error that only a person can mend is told, and nothing is tried") {
  writing x;
  x.other->set_fatal("fenced");
  x.writer.start();
  CHECK(x.failed.get_future().get() == "fenced");
  auto attempts = x.other->attempts();
  x.commit(1);
  std::this_thread::sleep_for(150ms);
  CHECK(x.other->attempts() == attempts);
  CHECK_FALSE(x.writer.idle());
}

TEST_CASE("output writer: a stop leaves the rest in the ledger") {
  writing x;
  x.other->set_down("nobody listens");
  x.writer.start();
  for (uint64_t epoch = 1; epoch <= 10; ++epoch)
    x.commit(epoch);
  auto before = std::chrono::steady_clock::now();
  x.writer.stop();
  x.writer.join();
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(x.ledger.pending("out")->size() == 10);
}

TEST_CASE(
    "output writer: the ledger keeps where an output ends, and tells it before each opening") {
  writing x;
  x.other->lose_replies(1);
  x.writer.start();
  wait_until([&] { return x.ledger.durable_marks() == 1; });
  CHECK(x.ledger.published("out")->position == "at 0");
  x.commit(1);
  wait_until([&] { return x.writer.idle(); });
  CHECK(x.ledger.published("out")->position == "at 1");
  CHECK(x.ledger.durable_marks() == 2); // each opening's
  CHECK(x.other->told() == std::vector<std::string>{"0 ", "0 at 0"});
  x.commit(2);
  wait_until([&] { return x.writer.idle(); });
  CHECK(x.ledger.published("out")->position == "at 2");
  CHECK(x.ledger.durable_marks() == 2);
}

TEST_CASE("output writer: the ledger's mark never goes back") {
  writing x;
  x.ledger.put_outbox("out", 3, log_of("k", 3));
  REQUIRE(x.ledger.mark_published("out", {2, ""}, store::durability::relaxed));
  x.writer.start(); // the other side says 0, as a webhook does
  wait_until([&] { return x.ledger.durable_marks() == 1; });
  CHECK(x.ledger.published("out")->epoch >= 2);
  wait_until([&] { return x.writer.idle(); });
  CHECK(x.ledger.published("out")->epoch == 3);
  REQUIRE(x.other->changes().size() == 1);
}

TEST_CASE("output writer: what an output says of itself is shown once it has lasted") {
  writing x;
  x.writer.start();
  wait_until([&] { return x.ledger.durable_marks() == 1 && x.reason().empty(); });
  x.other->set_status({false, "throttled by the table"});
  x.writer.look();
  CHECK(x.reason().empty());
  auto begun = std::chrono::steady_clock::now();
  wait_until([&] {
    x.writer.look();
    return !x.reason().empty();
  });
  CHECK(x.reason() == "throttled by the table");
  CHECK(std::chrono::steady_clock::now() - begun > 1500ms);
  x.other->set_status({});
  x.writer.look();
  CHECK(x.reason().empty());
  // Why an attempt failed says more.
  x.other->set_status({false, "throttled by the table"});
  x.other->set_down("nobody listens");
  x.commit(1);
  wait_until([&] { return x.reason() == "nobody listens"; });
  std::this_thread::sleep_for(100ms);
  x.writer.look();
  CHECK(x.reason() == "nobody listens");
}

TEST_CASE("key loader: answers in the order of the questions, to the last one") {
  surroundings x;
  x.ledger.put("a", "1");
  x.ledger.put("b", "2");
  std::vector<std::string> answers;
  std::string failure;
  {
    key_loader loader{x.ledger, x.metrics, [&](std::string reason) { failure = reason; }};
    for (int i = 0; i < 100; ++i)
      loader.load(0, {"b", "nobody", "a"}, [&, i](key_loader::states found) {
        answers.push_back(std::to_string(i) + *found[0] + (found[1] ? "?" : "-") + *found[2]);
      });
  }
  REQUIRE(answers.size() == 100);
  CHECK(answers[0] == "02-1");
  CHECK(answers[99] == "992-1");
  CHECK(failure.empty());
}

TEST_CASE("key loader: a ledger that cannot be read is told instead of an answer") {
  surroundings x;
  x.ledger.set_broken("the ledger is damaged");
  std::promise<std::string> failed;
  key_loader loader{x.ledger, x.metrics,
                    [&](std::string reason) { failed.set_value(std::move(reason)); }};
  auto answered = false;
  loader.load(0, {"a"}, [&](auto) { answered = true; });
  CHECK(failed.get_future().get() == "the ledger is damaged");
  CHECK_FALSE(answered);
}
