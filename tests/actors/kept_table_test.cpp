#include "fake_table.hpp"
#include "pipeline.hpp"

#include <atomic>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

struct fixture {
  temporary_folder folder;
  std::shared_ptr<event_log> log = std::make_shared<event_log>();
  std::shared_ptr<fake_table> table = std::make_shared<fake_table>("users");

  engine_settings settings() const {
    auto out = tally_settings(folder / "ledger.db", log, nullptr);
    out.tables = {table};
    return out;
  }
  /// A process that has left one row and a position in the ledger.
  void keep_a_row() {
    pipeline run{settings()};
    run.start();
    table->change("a", "1", 7);
    run.run_until([&] { return table->commits() >= 1; });
    CHECK(run.stop().empty());
  }
  /// What a new process is given back.
  std::shared_ptr<fake_table> restart() {
    table = std::make_shared<fake_table>("users");
    pipeline run{settings()};
    run.start();
    CHECK(run.stop().empty());
    return table;
  }
};

using rows = std::map<std::string, std::string>;

} // namespace

TEST_CASE("engine: rows of a table are parts of epochs, and are given back before it is loaded") {
  auto bounded_memory = GENERATE(false, true);
  fixture x;
  auto settings = x.settings();
  if (bounded_memory)
    settings.residency.max_keys = 1;
  {
    pipeline run{std::move(settings)};
    run.start();
    CHECK(x.table->calls() == std::vector<std::string>{"restore", "load", "start"});
    CHECK_FALSE(x.table->position());
    x.table->change("k0", "of a user", 7); // as a key of the entity
    x.table->change("b", "first", 8);
    x.log->append({{"k0", 1, at_second(1)}, {"k1", 1, at_second(2)}});
    run.run_until([&] { return x.table->commits() >= 1 && x.table->waiting() == 0; });
    x.table->change("b", "second", 9);
    x.table->change("c", "gone", 9);
    x.table->change("c", "", 9);
    run.run_until([&] { return x.log->committed().second["p0"].next == 2; });
    CHECK(run.tally_of("k0")->first == 1);
    CHECK(run.stop().empty());
    auto calls = x.table->calls();
    auto stopped = std::find(calls.begin(), calls.end(), "stop");
    REQUIRE(stopped != calls.end());
    CHECK(std::find(calls.begin(), stopped, "take last") == stopped);
    CHECK(std::find(stopped, calls.end(), "take last") != calls.end());
  }
  auto again = x.restart();
  CHECK(again->restored() == rows{{"k0", "of a user"}, {"b", "second"}});
  REQUIRE(again->position());
  CHECK((again->position()->of == "0123" && again->position()->next == 9));
  CHECK(again->position()->ahead <= 9);
  pipeline run{x.settings()};
  run.start();
  CHECK(run.tally_of("k0")->first == 1);
  CHECK_FALSE(run.read({"b"})->answers[0].found);
  CHECK(run.stop().empty());
}

TEST_CASE("engine: a table without news makes no epoch, one with news alone does") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  x.table->change("a", "1", 7);
  run.run_until([&] { return x.table->commits() >= 1 && x.table->waiting() == 0; });
  run.run_for(50ms);
  auto epoch = run.of().epoch();
  auto takes = x.table->takes();
  run.run_for(100ms);
  CHECK(run.of().epoch() == epoch);
  CHECK(x.table->takes() > takes);
  CHECK(x.table->commits() == static_cast<int>(epoch));
  x.table->change("a", "2", 7);
  run.run_until([&] { return run.of().epoch() == epoch + 1; });
  CHECK(run.stop().empty());
}

TEST_CASE("engine: what a table has left at the end goes into several last epochs") {
  fixture x;
  auto bounded = GENERATE(false, true);
  x.table->set_most(10);
  auto settings = x.settings();
  settings.finish_at_end = bounded;
  if (bounded)
    x.log->end();
  else
    settings.epochs.interval = settings.epochs.max_interval = 1h;
  {
    pipeline run{std::move(settings)};
    for (int i = 0; i < 95; ++i)
      x.table->change("k" + std::to_string(i), "row", 7, 8);
    run.start();
    if (bounded)
      run.run_to_end();
    CHECK(run.stop().empty());
    CHECK(x.table->commits() == 10);
  }
  auto again = x.restart();
  CHECK(again->restored().size() == 95);
  CHECK((again->position()->next == 7 && again->position()->ahead == 8));
}

TEST_CASE("engine: a table that is not whole in the ledger has no position there") {
  fixture x;
  x.table->set_most(1);
  {
    auto settings = x.settings();
    settings.epochs.interval = settings.epochs.max_interval = 1h;
    pipeline run{std::move(settings)};
    x.table->change("a", "1", 7);
    x.table->change("b", "1", 7);
    run.start();
    CHECK(run.stop(0ms).empty()); // no time for a second epoch
  }
  auto again = x.restart();
  CHECK(again->restored().size() == 1);
  CHECK_FALSE(again->position());
}

TEST_CASE("engine: a table's position is not in the ledger before the letters of what it passed") {
  fixture x;
  auto letters = std::make_shared<other_side>();
  auto queue = std::make_shared<dead_letter_queue>();
  auto settings = tally_settings(x.folder / "ledger.db", x.log, nullptr, letters);
  settings.tables = {x.table};
  settings.letters = queue;
  uint64_t ticket = 0;
  std::atomic<int> in_ledger{-1};
  x.table->when(
      [&] { // it follows while an epoch is made: a bad row, and then on
        std::vector<dead_letter> bad{{"table users", "public.users", "it is malformed", ""}};
        if (ticket == 0 && queue->offer(bad, &ticket))
          x.table->change("a", "1", 9);
      },
      [&] {
        if (in_ledger < 0)
          in_ledger = queue->in_ledger(ticket) ? 1 : 0;
      });
  pipeline run{std::move(settings)};
  run.start();
  run.run_until([&] { return in_ledger >= 0 && letters->changes().size() == 1; });
  CHECK(in_ledger == 1);
  CHECK(letters->changes()[0].key == "table users|public.users");
  CHECK(run.stop().empty());
}

TEST_CASE("engine: a table that is left out leaves the ledger with its position, also unheard") {
  fixture x;
  x.keep_a_row();
  {
    auto settings = x.settings();
    settings.tables.clear();
    auto broken = std::make_shared<fake_table>("others"); // no epoch is made
    broken->fail("table `others`: it is not there");
    settings.tables = {broken};
    pipeline run{std::move(settings)};
    CHECK_FALSE(run.of().start());
  }
  auto again = x.restart();
  CHECK(again->restored().empty());
  CHECK_FALSE(again->position()); // it would be of rows that are gone
}

TEST_CASE("engine: a table that is left out leaves the ledger") {
  fixture x;
  x.keep_a_row();
  {
    auto settings = x.settings();
    settings.tables.clear();
    pipeline run{std::move(settings)};
    run.start();
    x.log->append({{"k0", 1, at_second(1)}});
    run.run_until([&] { return run.of().epoch() >= 2; });
    CHECK(run.stop().empty());
  }
  auto again = x.restart();
  CHECK(again->restored().empty());
  CHECK_FALSE(again->position());
}

TEST_CASE("engine: a table that cannot be loaded stops the start with its sentence") {
  fixture x;
  x.table->fail("table `users`: it is not there");
  pipeline run{x.settings()};
  auto started = run.of().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message == "table `users`: it is not there");
  CHECK(x.table->calls() == std::vector<std::string>{"restore", "load"});
}
