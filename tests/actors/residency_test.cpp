#include "pipeline.hpp"

#include <sqlite3.h>

#include <fmt/format.h>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

constexpr int key_count = 1000;

std::string name_of(int key) {
  return "key-" + std::to_string(key);
}

/// One row of each key, all at about `second`.
std::vector<log_record> round_of(int64_t second, int keys = key_count, int first = 0) {
  std::vector<log_record> out;
  for (int i = first; i < first + keys; ++i)
    out.push_back({name_of(i), 1, at_second(second) + duration{i}});
  return out;
}

std::map<std::string, int64_t> each(int64_t count, int keys = key_count) {
  std::map<std::string, int64_t> out;
  for (int i = 0; i < keys; ++i)
    out[name_of(i)] = count;
  return out;
}

/// A pipeline whose memory is too small for its keys.
struct fixture {
  temporary_folder folder;
  std::string ledger = folder / "ledger.db";
  std::shared_ptr<event_log> log = std::make_shared<event_log>();
  std::shared_ptr<other_side> output = std::make_shared<other_side>();
  residency_settings residency{100, 0, 0ms};
  std::optional<duration> time_to_live;

  engine_settings settings() const {
    auto out = tally_settings(ledger, log, output, nullptr, time_to_live);
    out.residency = residency;
    return out;
  }
};

bool small_enough(pipeline& run) {
  return run.of().resident_keys() <= 100;
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* file = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &file) == SQLITE_OK);
  sqlite3_busy_timeout(file, 5000);
  CHECK(sqlite3_exec(file, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(file);
}

} // namespace

TEST_CASE("residency: keys beyond the bound leave memory, and rows bring them back as they were") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  for (int round = 1; round <= 4; ++round) {
    x.log->append(round_of(1000 * round));
    run.run_until([&] {
      return x.output->changes().size() == static_cast<size_t>(round) * key_count
             && small_enough(run);
    });
  }
  CHECK(run.metric("keyfold_passivated_keys_total") >= 3 * (key_count - 100));
  CHECK(run.metric("keyfold_key_loads_total") >= 3 * (key_count - 100));
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, each(4));
}

TEST_CASE("residency: reads find keys that have left memory, and only those that there are") {
  fixture x;
  x.log->append(round_of(1000));
  pipeline run{x.settings()};
  run.start();
  run.run_until(
      [&] { return x.log->committed().second["p0"].next == key_count && small_enough(run); });
  std::vector<std::string> keys;
  for (int i = 0; i < key_count; ++i)
    keys.push_back(name_of(i));
  keys.push_back("nobody");
  auto all = run.read(keys);
  for (int i = 0; i < key_count; ++i) {
    INFO(keys[static_cast<size_t>(i)]);
    const auto& answer = all->answers[static_cast<size_t>(i)];
    REQUIRE(answer.found);
    CHECK(answer.values[0].value.as_integer() == 1);
  }
  CHECK_FALSE(all->answers.back().found);
  CHECK(all->answers.back().values[0].status == feature_status::not_found);
  run.run_until([&] { return small_enough(run); });
  CHECK(run.stop().empty());
}

TEST_CASE("residency: rows and reads of the same keys at once lose nothing") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  for (int round = 1; round <= 20; ++round) {
    x.log->append(round_of(1000 * round, 300));
    for (int i = 0; i < 40; ++i)
      run.tally_of(name_of((i * 37 + round) % 300));
    run.run_for(10ms);
  }
  run.run_until([&] { return x.output->changes().size() == 20 * 300; });
  CHECK(run.tally_of(name_of(7)) == std::pair<int64_t, int64_t>{20, 20});
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, each(20, 300));
}

TEST_CASE("residency: timers of keys that are not in memory go off") {
  fixture x;
  x.time_to_live = 100s;
  x.log->append(round_of(1000));
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return x.output->changes().size() == key_count && small_enough(run); });
  x.log->append({{"other", 1, at_second(5000)}});
  run.run_until([&] { return x.output->changes().size() == 2 * key_count + 1; });
  for (const auto& [key, counts] : published_counts(x.output->changes()))
    CHECK(counts == (key == "other" ? std::vector<int64_t>{1} : std::vector<int64_t>{1, -1}));
  CHECK_FALSE(run.tally_of(name_of(3)));
  CHECK(run.metric("keyfold_view_groups_expired_total") == key_count);
  CHECK(run.stop().empty());
}

TEST_CASE("residency: a bounded pipeline ends only when keys in the ledger have had their turn") {
  fixture x;
  x.time_to_live = 100s;
  x.log->append(round_of(1000, 30'000));
  auto settings = x.settings();
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_until([&] { return x.output->changes().size() == 30'000 && small_enough(run); });
  x.log->append({{"other", 1, at_second(5000)}});
  x.log->end();
  run.run_to_end();
  CHECK(x.output->changes().size() == 60'002);
  CHECK(run.stop().empty());
}

TEST_CASE("residency: a key that ended begins anew, also while the ledger still has what it was") {
  fixture x;
  x.time_to_live = 100s;
  x.residency.max_keys = 4;
  pipeline run{x.settings()};
  run.start();
  auto each_published = [&](size_t changes) {
    auto published = published_counts(x.output->changes());
    for (int i = 0; i < 20; ++i)
      if (published[name_of(i)].size() < changes)
        return false;
    return true;
  };
  for (size_t round = 1; round <= 30; ++round) {
    INFO("round " << round);
    auto second = static_cast<int64_t>(1000 * round);
    x.log->append(round_of(second, 20));
    run.run_until([&] { return each_published(2 * round - 1); });
    if (round % 2 == 0) // else it ends while it is in memory
      run.run_until([&] { return run.of().resident_keys() <= 4; });
    x.log->append({{"clock", 1, at_second(second + 500)}});
    run.run_until([&] { return each_published(2 * round); });
    CHECK_FALSE(run.tally_of(name_of(3)));
  }
  CHECK(run.stop().empty());
  for (const auto& [key, counts] : published_counts(x.output->changes())) {
    INFO(key);
    for (size_t i = 0; i < counts.size(); ++i)
      CHECK(counts[i] == (i % 2 == 0 ? 1 : -1));
  }
}

TEST_CASE("residency: at a start only as many keys come to memory as may stay") {
  fixture x;
  x.time_to_live = 100s;
  x.log->append(round_of(1000, 20'000));
  {
    pipeline run{x.settings()};
    run.start();
    run.run_until([&] { return x.log->committed().second["p0"].next == 20'000; });
    CHECK(run.stop().empty());
  }
  SECTION("by number") {
    x.residency = {100, 0, 0ms};
  }
  SECTION("by bytes") {
    x.residency = {0, 2'000'000, 0ms};
  }
  pipeline run{x.settings()};
  run.start();
  CHECK(run.of().resident_keys() <= 2 * 4096 + 100); // before the first estimate of their size
  CHECK(run.of().resident_keys() >= 50);
  x.log->append(round_of(1050, 20'000));
  run.run_until([&] { return x.output->changes().size() == 40'000; });
  x.log->append({{"other", 1, at_second(5000)}});
  run.run_until([&] { return x.output->changes().size() == 60'001; });
  CHECK(run.stop().empty());
  for (const auto& [key, counts] : published_counts(x.output->changes()))
    if (key != "other")
      CHECK(counts == std::vector<int64_t>{1, 2, -1});
}

TEST_CASE("residency: keys silent for long leave memory") {
  fixture x;
  x.residency = {0, 0, 30ms};
  x.log->append(round_of(1000));
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return x.output->changes().size() == key_count; });
  run.run_until([&] { return run.of().resident_keys() == 0; });
  CHECK(run.tally_of(name_of(1)) == std::pair<int64_t, int64_t>{1, 1});
  CHECK(run.of().resident_keys() == 1);
  x.log->append(round_of(2000));
  run.run_until([&] { return x.output->changes().size() == 2 * key_count; });
  run.run_until([&] { return run.of().resident_keys() == 0; });
  CHECK(run.stop().empty());
  check_exactly_once(*x.output, each(2));
}

TEST_CASE("residency: the sources wait while far too many keys are in memory") {
  constexpr int many = 200'000;
  fixture x;
  x.log->append(round_of(1000, many));
  auto settings = x.settings();
  settings.outputs[0].max_pending_bytes = 1u << 30;
  settings.max_in_flight_rows = 1000;
  pipeline run{std::move(settings)};
  run.start();
  uint64_t most = 0;
  run.run_until([&] {
    most = std::max(most, run.of().resident_keys());
    return x.output->changes().size() == many;
  });
  CHECK(run.metric("keyfold_room_stalls_total") > 0);
  INFO("at most " << most);
  // Two routers' bounds are 32 968 keys; how many come in until that is noticed depends on how busy
  // the machine is.
  CHECK(most < many * 3 / 4);
  run.run_until([&] { return small_enough(run); });
  CHECK(run.stop().empty());
}

TEST_CASE("residency: a key whose state cannot be read ends the pipeline with a sentence") {
  fixture x;
  x.log->append(round_of(1000));
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return x.output->changes().size() == key_count && small_enough(run); });
  run_sql(x.ledger, "UPDATE state SET checksum = checksum + 1");
  x.log->append(round_of(2000));
  run.run_to_end();
  CHECK_THAT(run.stop(), Contains("ledger.db"));
  CHECK(x.log->committed().second["p0"].next == key_count);
}
