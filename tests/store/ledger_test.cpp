#include "ledger_fixture.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <random>
#include <thread>

using namespace keyfold::store;
using namespace keyfold::store::testing;

TEST_CASE("key states: pairs come back in order, also empty and large ones") {
  std::string pairs;
  std::string large(300'000, 'x');
  append_key_state(pairs, "a", "1");
  append_key_state(pairs, "", "");
  append_key_state(pairs, "b", large);
  std::vector<std::pair<std::string, std::string>> read;
  CHECK(for_each_key_state(
      pairs, [&](std::string_view key, std::string_view state) { read.emplace_back(key, state); }));
  CHECK(read == decltype(read){{"a", "1"}, {"", ""}, {"b", large}});
}

TEST_CASE("key states: every truncation but those between pairs is malformed") {
  std::string pairs;
  append_key_state(pairs, "key", "state");
  auto first = pairs.size();
  append_key_state(pairs, std::string(200, 'k'), "state");
  auto ignore = [](std::string_view, std::string_view) {};
  for (size_t size = 0; size <= pairs.size(); ++size) {
    INFO(size);
    auto whole = size == 0 || size == first || size == pairs.size();
    CHECK(for_each_key_state(std::string_view{pairs}.substr(0, size), ignore) == whole);
  }
  CHECK_FALSE(for_each_key_state(std::string(20, '\xff'), ignore));
}

TEST_CASE("ledger: a new store is empty, and its folder is created") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("a/b/ledger.db")));
  CHECK(x->last_epoch() == 0);
  CHECK(x->compacted_epoch() == 0);
  CHECK(x->positions().empty());
  CHECK(all_keys(*x).empty());
  CHECK(x->statistics().keys == 0);
  CHECK(*x->load(0, "a") == std::nullopt);
  CHECK(*x->compact(std::chrono::milliseconds{1}) == false);
}

TEST_CASE("ledger: an epoch's positions, keys and outbox are there after opening again") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  auto epoch = epoch_of(1, {{{0, "u1"}, "state 1"}, {{1, "i1"}, "state 2"}});
  epoch.positions.push_back({"events", "1", 7, -5, true});
  epoch.outbox = {{"kafka", std::string(1000, 'o')}};
  {
    auto x = open_ledger(options);
    REQUIRE(x->commit(epoch));
  }
  auto x = open_ledger(options);
  CHECK(x->last_epoch() == 1);
  auto positions = x->positions();
  REQUIRE(positions.size() == 2);
  CHECK(positions[1].partition == "1");
  CHECK(positions[1].next == 7);
  CHECK(positions[1].max_time_us == -5);
  CHECK(positions[1].ended);
  CHECK(all_keys(*x) == key_table{{{0, "u1"}, "state 1"}, {{1, "i1"}, "state 2"}});
  CHECK(*x->pending("kafka") == std::vector<std::pair<uint64_t, uint64_t>>{{1, 1000}});
  CHECK(*x->read_outbox("kafka", 1) == std::string(1000, 'o'));
}

TEST_CASE("ledger: positions are replaced as a whole") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  {
    auto x = open_ledger(options);
    auto first = epoch_of(1, {});
    first.positions.push_back({"events", "1", 5, 0, false});
    REQUIRE(x->commit(first));
    REQUIRE(x->commit(epoch_of(2, {})));
    CHECK(x->positions().size() == 1);
  }
  auto x = open_ledger(options);
  REQUIRE(x->positions().size() == 1);
  CHECK(x->positions()[0].next == 2);
}

TEST_CASE("ledger: epochs are consecutive") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  CHECK_FALSE(x->commit(epoch_of(2, {})));
  CHECK(x->commit(epoch_of(1, {})));
  CHECK_FALSE(x->commit(epoch_of(1, {})));
}

TEST_CASE("ledger: a malformed segment or an unknown entity leaves nothing of its epoch") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  auto broken = epoch_of(1, {{{0, "u"}, "state"}});
  broken.segments[1].pairs = "\x05half";
  CHECK_FALSE(x->commit(broken));
  broken.segments[1].pairs.clear();
  broken.segments[1].entity = 2;
  CHECK_FALSE(x->commit(broken));
  CHECK(x->last_epoch() == 0);
  CHECK(x->positions().empty());
  CHECK(all_keys(*x).empty());
  CHECK(x->commit(epoch_of(1, {{{0, "u"}, "state"}})));
}

TEST_CASE("ledger: load sees a key once its epoch is compacted, and forgets it once it is gone") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  REQUIRE(x->commit(epoch_of(1, {{{0, "u"}, "one"}, {{0, "v"}, "other"}})));
  CHECK(x->compacted_epoch() == 0);
  CHECK(*x->load(0, "u") == std::nullopt);
  compact_all(*x);
  CHECK(x->compacted_epoch() == 1);
  CHECK(*x->load(0, "u") == "one");
  CHECK(*x->load(1, "u") == std::nullopt);
  CHECK(*x->load(9, "u") == std::nullopt);
  CHECK(x->statistics().keys == 2);
  REQUIRE(x->commit(epoch_of(2, {{{0, "u"}, ""}})));
  CHECK(all_keys(*x) == key_table{{{0, "v"}, "other"}});
  compact_all(*x);
  CHECK(*x->load(0, "u") == std::nullopt);
  CHECK(x->statistics().keys == 1);
  CHECK(x->statistics().segment_bytes == 0);
  REQUIRE(x->commit(epoch_of(3, {})));
  CHECK(x->compacted_epoch() == 3);
}

TEST_CASE("ledger: for any history, the keys are those a map would hold, compacted or not") {
  auto seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  auto x = open_ledger(options);
  key_table expected;
  for (uint64_t epoch = 1; epoch <= 60; ++epoch) {
    key_table changed;
    for (auto count = below(40); count > 0; --count) {
      std::pair name{below(2), "key" + std::to_string(below(80))};
      changed[name] =
          below(4) == 0 ? "" : std::string(1 + below(60), static_cast<char>('a' + below(26)));
    }
    REQUIRE(x->commit(epoch_of(epoch, changed)));
    for (auto& [name, state] : changed) {
      expected.erase(name);
      if (!state.empty())
        expected[name] = state;
    }
    if (below(3) == 0)
      REQUIRE(x->compact(std::chrono::milliseconds{0}));
    if (below(10) == 0) {
      x.reset();
      x = open_ledger(options);
    }
    if (below(5) == 0)
      REQUIRE(all_keys(*x) == expected);
  }
  compact_all(*x);
  CHECK(all_keys(*x) == expected);
  CHECK(x->statistics().keys == expected.size());
  for (auto& [name, state] : expected)
    CHECK(*x->load(name.first, name.second) == state);
}

TEST_CASE("ledger: a key written twice in one segment keeps its last state") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  auto epoch = epoch_of(1, {});
  append_key_state(epoch.segments[0].pairs, "u", "first");
  append_key_state(epoch.segments[0].pairs, "u", "second");
  REQUIRE(x->commit(epoch));
  CHECK(all_keys(*x) == key_table{{{0, "u"}, "second"}});
  compact_all(*x);
  CHECK(*x->load(0, "u") == "second");
}

TEST_CASE("ledger: beyond their limit, commit itself compacts segments") {
  scratch_directory scratch;
  auto tuning = small_tuning();
  tuning.segment_limit_bytes = 2000;
  tuning.segment_limit_ratio = 0;
  auto x = open_ledger(options_for(scratch.file("ledger.db")), tuning);
  for (uint64_t epoch = 1; epoch <= 40; ++epoch) {
    key_table changed;
    for (int i = 0; i < 20; ++i)
      changed[{0, std::to_string(i)}] = std::to_string(epoch) + std::string(20, ' ');
    REQUIRE(x->commit(epoch_of(epoch, changed)));
    CHECK(x->statistics().segment_bytes <= 2000);
  }
  CHECK(x->compacted_epoch() > 30);
}

TEST_CASE("ledger: the file stops growing under a sustained load of the same keys") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  uint64_t half_way = 0;
  for (uint64_t epoch = 1; epoch <= 120; ++epoch) {
    key_table changed;
    for (int i = 0; i < 100; ++i)
      changed[{0, std::to_string(i)}] = std::to_string(epoch) + std::string(100, 's');
    auto commit = epoch_of(epoch, changed);
    commit.outbox = {{"kafka", std::string(3000, 'o')}};
    REQUIRE(x->commit(commit));
    REQUIRE(x->mark_published("kafka", {epoch}));
    compact_all(*x);
    if (epoch == 60)
      half_way = x->statistics().file_bytes;
  }
  CHECK(x->statistics().file_bytes < half_way + half_way / 4);
}

TEST_CASE("ledger: what is published leaves the outbox, per output") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  auto x = open_ledger(options);
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    auto commit = epoch_of(epoch, {});
    commit.outbox = {{"a", std::string(epoch * 300, 'a')}, {"b", "b"}};
    REQUIRE(x->commit(commit));
  }
  CHECK(x->published("a")->epoch == 0);
  CHECK(x->statistics().outbox_bytes == 1803);
  REQUIRE(x->mark_published("a", {2, "900 bytes"}));
  x.reset();
  x = open_ledger(options);
  CHECK(x->published("a")->epoch == 2);
  CHECK(x->published("a")->position == "900 bytes");
  CHECK(x->published("b")->epoch == 0);
  CHECK(x->published("b")->position.empty());
  CHECK(*x->pending("a") == std::vector<std::pair<uint64_t, uint64_t>>{{3, 900}});
  CHECK(x->pending("b")->size() == 3);
  CHECK(*x->read_outbox("a", 3) == std::string(900, 'a'));
  CHECK(x->read_outbox("a", 1)->empty());
  CHECK(x->statistics().outbox_bytes == 903);
}

TEST_CASE("ledger: loads and compaction go on beside commits") {
  scratch_directory scratch;
  auto x = open_ledger(options_for(scratch.file("ledger.db")));
  REQUIRE(x->commit(epoch_of(1, {{{0, "u"}, "1"}})));
  compact_all(*x);
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0}, backwards{0};
  std::thread loader{[&] {
    for (int last = 0; !stop;) {
      auto state = x->load(0, "u");
      if (!state || !*state) {
        ++failures;
        continue;
      }
      auto now = std::stoi(**state);
      backwards += now < last;
      last = now;
    }
  }};
  std::thread compactor{[&] {
    while (!stop)
      failures += !x->compact(std::chrono::milliseconds{1});
  }};
  for (uint64_t epoch = 2; epoch <= 100; ++epoch)
    failures += !x->commit(epoch_of(epoch, {{{0, "u"}, std::to_string(epoch)}}));
  stop = true;
  loader.join();
  compactor.join();
  CHECK(failures == 0);
  CHECK(backwards == 0);
  compact_all(*x);
  CHECK(*x->load(0, "u") == "100");
}
