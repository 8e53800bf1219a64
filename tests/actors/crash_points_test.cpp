#include "pipeline.hpp"

#include <sqlite3.h>

using namespace keyfold;
using namespace keyfold::testing;

namespace {

/// The ledger and the other side as a crash would have left them.
struct wreck {
  std::string ledger;
  std::shared_ptr<other_side> output;
};

void copy_ledger(const std::string& from, const std::string& to) {
  sqlite3* file = nullptr;
  REQUIRE(sqlite3_open(from.c_str(), &file) == SQLITE_OK);
  sqlite3_busy_timeout(file, 5000);
  CHECK(sqlite3_exec(file, ("VACUUM INTO '" + to + "'").c_str(), nullptr, nullptr, nullptr)
        == SQLITE_OK);
  sqlite3_close(file);
}

constexpr int keys = 20;
constexpr int rows_per_key = 60;

void write_some(event_log& log, int from, int to) {
  for (int i = from; i < to; ++i)
    for (int key = 0; key < keys; ++key)
      log.append("p" + std::to_string(key % 3), {{"k" + std::to_string(key), 1, at_second(i)}});
}

std::map<std::string, int64_t> everything() {
  std::map<std::string, int64_t> out;
  for (int key = 0; key < keys; ++key)
    out["k" + std::to_string(key)] = rows_per_key;
  return out;
}

} // namespace

TEST_CASE("crash points: whatever moment a crash chooses, each change is published once") {
  auto bounded_memory = GENERATE(false, true);
  INFO("bounded memory " << bounded_memory);
  temporary_folder folder;
  auto log = std::make_shared<event_log>(std::vector<std::string>{"p0", "p1", "p2"});
  auto output = std::make_shared<other_side>();
  auto settings_of = [&](const std::string& ledger, const std::shared_ptr<other_side>& to) {
    auto out = tally_settings(ledger, log, to);
    if (bounded_memory)
      out.residency.max_keys = 4;
    return out;
  };
  std::mutex mutex;
  std::vector<wreck> wrecks;
  auto original = folder / "ledger.db";
  {
    auto settings = settings_of(original, output);
    settings.fault = [&](fault_point, uint64_t) {
      std::lock_guard guard{mutex};
      wreck x{folder / ("wreck-" + std::to_string(wrecks.size()) + ".db"), nullptr};
      copy_ledger(original, x.ledger);
      x.output = output->copy(); // may hold more than the ledger's copy knows of
      wrecks.push_back(std::move(x));
    };
    pipeline run{std::move(settings)};
    run.start();
    for (int i = 0; i < rows_per_key; i += 6) {
      write_some(*log, i, i + 6);
      run.run_for(15ms);
    }
    run.run_until([&] { return output->changes().size() == keys * rows_per_key; });
    CHECK(run.stop().empty());
  }
  check_exactly_once(*output, everything());
  log->end();
  CHECK(wrecks.size() >= 6);
  for (const auto& x : wrecks) {
    INFO(x.ledger << " with " << x.output->changes().size() << " changes published");
    auto settings = settings_of(x.ledger, x.output);
    settings.finish_at_end = true;
    pipeline run{std::move(settings)};
    run.start();
    run.run_to_end();
    CHECK(run.tally_of("k7") == std::pair<int64_t, int64_t>{rows_per_key, rows_per_key});
    CHECK(run.stop().empty());
    check_exactly_once(*x.output, everything());
  }
}
