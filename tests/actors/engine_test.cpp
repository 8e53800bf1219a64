#include "pipeline.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

/// `count` records, each a second after the one before, of keys `k0` … in turn.
std::vector<log_record> records_of(int count, int keys, int first = 0) {
  std::vector<log_record> out;
  for (int i = first; i < first + count; ++i)
    out.push_back({"k" + std::to_string(i % keys), i, at_second(1000 + i)});
  return out;
}

struct fixture {
  temporary_folder folder;
  std::string ledger = folder / "ledger.db";
  std::shared_ptr<event_log> log = std::make_shared<event_log>();
  std::shared_ptr<other_side> output = std::make_shared<other_side>();
  std::shared_ptr<other_side> letters = std::make_shared<other_side>();

  engine_settings settings() const { return tally_settings(ledger, log, output, letters); }
};

} // namespace

TEST_CASE("engine: events become features, changes and positions") {
  fixture x;
  x.log->append(records_of(1000, 10));
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return x.output->changes().size() == 1000; });
  CHECK(run.tally_of("k3") == std::pair<int64_t, int64_t>{100, 100 * 3 + 10 * 4950});
  CHECK_FALSE(run.tally_of("k10"));
  CHECK_FALSE(run.read({"k10"})->answers[0].found);
  auto many = run.read({"k0", "nobody", "k9"});
  CHECK(many->answers[0].found);
  CHECK_FALSE(many->answers[1].found);
  CHECK(many->answers[2].values[0].value.as_integer() == 100);
  CHECK(run.of().records() == 1000);
  CHECK(run.of().resident_keys() == 10);
  check_exactly_once(*x.output, {{"k0", 100},
                                 {"k1", 100},
                                 {"k2", 100},
                                 {"k3", 100},
                                 {"k4", 100},
                                 {"k5", 100},
                                 {"k6", 100},
                                 {"k7", 100},
                                 {"k8", 100},
                                 {"k9", 100}});
  CHECK(run.stop().empty());
  auto [epoch, positions] = x.log->committed();
  CHECK(epoch == run.of().epoch());
  CHECK(positions.at("p0").next == 1000);
  CHECK(positions.at("p0").max_time == at_second(1999));
  CHECK(x.output->marker() <= epoch);
}

TEST_CASE("engine: a query of no keys is answered") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  CHECK(run.read({})->answers.empty());
  CHECK(run.stop().empty());
}

TEST_CASE("engine: after a restart it goes on at its positions, with its keys") {
  fixture x;
  x.log->append(records_of(500, 5));
  {
    pipeline run{x.settings()};
    run.start();
    run.run_until([&] { return x.output->changes().size() == 500; });
    CHECK(run.stop().empty());
  }
  x.log->append(records_of(500, 5, 500));
  pipeline run{x.settings()};
  run.start();
  CHECK(run.tally_of("k0")->first >= 100);
  run.run_until([&] { return x.output->changes().size() == 1000; });
  CHECK(x.log->started_at().at("p0").next == 500);
  CHECK(run.tally_of("k4")->first == 200);
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, {{"k0", 200}, {"k1", 200}, {"k2", 200}, {"k3", 200}, {"k4", 200}});
}

TEST_CASE("engine: what could not be published goes out at the next start") {
  fixture x;
  x.output->set_down("nobody listens");
  x.log->append(records_of(300, 3));
  {
    pipeline run{x.settings()};
    run.start();
    run.run_until([&] { return x.log->committed().second["p0"].next == 300; });
    CHECK_THAT(run.reason("output changes"), Contains("nobody listens"));
    CHECK(run.metric("keyfold_output_retries_total", std::pair{"output", "changes"}) >= 1);
    CHECK(run.stop(50ms).empty());
  }
  CHECK(x.output->changes().empty());
  x.output->set_down("");
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return x.output->changes().size() == 300; });
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, {{"k0", 100}, {"k1", 100}, {"k2", 100}});
}

TEST_CASE("engine: an epoch that arrived without its writer being told is not published again") {
  fixture x;
  x.output->lose_replies(3);
  pipeline run{x.settings()};
  run.start();
  for (int i = 0; i < 10; ++i) {
    x.log->append(records_of(20, 2, 20 * i));
    run.run_until([&] { return x.log->committed().second["p0"].next == 20 * (i + 1); });
  }
  run.run_until([&] { return x.output->changes().size() >= 200; });
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, {{"k0", 100}, {"k1", 100}});
}

TEST_CASE("engine: a source that fails ends the pipeline with its sentence, and loses nothing") {
  fixture x;
  x.log->append(records_of(100, 1));
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return run.of().records() == 100; });
  x.log->fail("the topic is gone");
  run.run_to_end();
  CHECK_THAT(run.stop(), Contains("the topic is gone"));
  check_exactly_once(*x.output, {{"k0", 100}});
  CHECK(x.log->committed().second["p0"].next == 100);
}

TEST_CASE("engine: an output that cannot be mended ends the pipeline with its sentence") {
  fixture x;
  x.output->set_fatal("another process has taken over");
  x.log->append(records_of(100, 1));
  pipeline run{x.settings()};
  run.start();
  run.run_to_end();
  CHECK_THAT(run.stop(50ms), Contains("another process has taken over"));
}

TEST_CASE("engine: an output that is ahead of the ledger is refused") {
  fixture x;
  x.output->set_marker(77);
  pipeline run{x.settings()};
  run.start();
  run.run_to_end();
  auto why = run.stop(50ms);
  CHECK_THAT(why, Contains("already holds epoch 77"));
  CHECK_THAT(why, Contains("Restore the newer ledger"));
}

TEST_CASE("engine: a source that is not ready says why, and the pipeline goes on") {
  fixture x;
  x.log->set_status({false, "no broker reachable"});
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return run.reason("stream events") == "no broker reachable"; });
  x.log->set_status({});
  x.log->append(records_of(10, 1));
  run.run_until([&] { return x.output->changes().size() == 10; });
  CHECK(run.reason("stream events").empty());
  CHECK(run.stop().empty());
}

TEST_CASE("engine: a bounded pipeline ends when all is folded, committed and published") {
  fixture x;
  x.log->append(records_of(2000, 7));
  x.log->end();
  auto settings = x.settings();
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(x.output->changes().size() == 2000);
  CHECK(x.log->committed().second["p0"].ended);
  CHECK(run.stop().empty());
}

TEST_CASE("engine: what cannot be decoded is a dead letter, what has no proper key is counted") {
  fixture x;
  auto records = records_of(3, 1);
  records[1].malformed = true;
  records[1].key = "{garbled";
  records.push_back({std::nullopt, 1, at_second(1)});
  records.push_back({std::string(1025, 'k'), 1, at_second(1)});
  records.push_back({std::string(1024, 'k'), 1, at_second(1)});
  x.log->append(records);
  pipeline run{x.settings()};
  run.start();
  run.run_until(
      [&] { return x.letters->changes().size() == 1 && x.output->changes().size() == 3; });
  CHECK(x.letters->changes()[0].key == "events|p0@1");
  CHECK(x.letters->changes()[0].values == std::vector<std::string>{"it is malformed", "{garbled"});
  CHECK(run.metric("keyfold_source_records_total") == 6);
  CHECK(run.metric("keyfold_source_dead_letters_total") == 1);
  CHECK(run.metric("keyfold_source_null_keys_total") == 1);
  CHECK(run.metric("keyfold_source_long_keys_total") == 1);
  CHECK(run.tally_of(std::string(1024, 'k')));
  CHECK(run.stop().empty());
}

TEST_CASE("engine: an output that is down stalls itself only, and beyond its bound the sources") {
  fixture x;
  auto other = std::make_shared<other_side>();
  auto settings = x.settings();
  settings.outputs[0].max_pending_bytes = 20'000;
  settings.outputs.push_back(
      {"more", {"tallies"}, true, 1u << 20, std::make_unique<test_output>(other)});
  x.output->set_down("nobody listens");
  pipeline run{std::move(settings)};
  run.start();
  x.log->append(records_of(100, 1));
  run.run_until([&] { return other->changes().size() == 100; });
  CHECK(run.metric("keyfold_output_stalls_total") == 0);

  int sent = 100;
  run.run_until([&] {
    if (run.metric("keyfold_output_stalls_total") > 0)
      return true;
    x.log->append(records_of(100, 1, sent));
    sent += 100;
    return false;
  });
  run.run_for(100ms); // a poll may be under way
  auto read = run.of().records();
  x.log->append(records_of(1000, 1, sent));
  sent += 1000;
  run.run_for(200ms);
  CHECK(run.of().records() == read);

  x.output->set_down("");
  run.run_until([&] { return other->changes().size() == static_cast<size_t>(sent); });
  run.run_until([&] { return x.output->changes().size() == static_cast<size_t>(sent); });
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, {{"k0", sent}});
  check_exactly_once(*other, {{"k0", sent}});
}

TEST_CASE("engine: waiting letters end an epoch while outputs are full and sources wait") {
  fixture x;
  auto settings = x.settings();
  settings.outputs[0].max_pending_bytes = 1000;
  auto queue = settings.letters = std::make_shared<dead_letter_queue>();
  x.output->set_down("nobody listens");
  pipeline run{std::move(settings)};
  run.start();
  x.log->append(records_of(1000, 1));
  run.run_until([&] { return run.metric("keyfold_output_stalls_total") > 0; });
  run.run_for(100ms);
  auto epoch = run.of().epoch();
  run.run_for(100ms);
  CHECK(run.of().epoch() == epoch); // nobody makes one

  // An output waits for this before it commits: what it waits for must not wait for it.
  std::vector<dead_letter> letters{{"changes", "output out epoch 1", "refused", "{}"}};
  uint64_t ticket = 0;
  REQUIRE(queue->offer(letters, &ticket));
  run.run_until([&] { return queue->in_ledger(ticket); });
  CHECK(run.of().epoch() > epoch);
  run.run_until([&] { return x.letters->changes().size() == 1; });
  CHECK(x.letters->changes()[0].key == "changes|output out epoch 1");
  CHECK(x.output->changes().empty());
  CHECK(run.reason("output changes") == "nobody listens");
  x.output->set_down("");
  run.run_until([&] { return x.output->changes().size() == 1000; });
  CHECK(run.stop().empty());
}

TEST_CASE("engine: what an output says of itself within an epoch is a reason in /ready") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  x.log->append(records_of(1, 1));
  run.run_until([&] { return x.output->changes().size() == 1; });
  x.output->set_status({false, "the table takes no more for now"});
  run.run_until([&] { return !run.reason("output changes").empty(); });
  CHECK(run.reason("output changes") == "the table takes no more for now");
  CHECK(run.reason("output letters").empty());
  x.output->set_status({});
  run.run_until([&] { return run.reason("output changes").empty(); });
  CHECK(run.stop().empty());
}

TEST_CASE("engine: a stop is not held up by an output that is down, also when the sources wait") {
  fixture x;
  auto settings = x.settings();
  settings.outputs[0].max_pending_bytes = 1000;
  x.output->set_down("nobody listens");
  pipeline run{std::move(settings)};
  run.start();
  x.log->append(records_of(1000, 1));
  run.run_until([&] { return run.metric("keyfold_output_stalls_total") > 0; });
  auto before = std::chrono::steady_clock::now();
  CHECK(run.stop(100ms).empty());
  CHECK(std::chrono::steady_clock::now() - before < 10s);
}

TEST_CASE("engine: sources wait when the credit is used up, and go on when rows are folded") {
  fixture x;
  std::mutex folding;
  auto view = std::make_shared<tally_view>("tallies");
  view->on_fold = [&] { std::lock_guard wait{folding}; };
  auto settings = x.settings();
  settings.entities = {user_entity(view)};
  settings.max_in_flight_rows = 100;
  pipeline run{std::move(settings)};
  {
    std::lock_guard held{folding};
    run.start();
    int sent = 0;
    for (int i = 0; i < 20; ++i) {
      x.log->append(records_of(50, 5, sent));
      sent += 50;
      run.run_for(10ms);
    }
    // A poll takes what is there, so that the bound is passed by one poll at the most.
    CHECK(run.of().records() < 1000);
    CHECK(run.of().records() >= 100);
  }
  run.run_until([&] { return x.output->changes().size() == 1000; });
  CHECK(run.stop().empty());
}

TEST_CASE("engine: a ledger that is in use is refused, and nothing is started") {
  fixture x;
  pipeline first{x.settings()};
  first.start();
  pipeline second{x.settings()};
  auto started = second.of().start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().message, Contains("ledger.db"));
  CHECK(first.stop().empty());
}
