#include "actors/cold_keys.hpp"
#include "actors/key_directory.hpp"
#include "actors/key_timers.hpp"
#include "pipeline.hpp"

#include <map>
#include <random>

using namespace keyfold;
using namespace keyfold::testing;

namespace {

caf::intrusive_ptr<entity_actor> actor_of(caf::actor_system& system, std::string_view key) {
  return make_lean_actor<entity_actor>(system, key);
}

} // namespace

TEST_CASE("entity actor: keeps its key, short or long") {
  test_system_config config;
  caf::actor_system system{config};
  for (size_t size : {0, 1, 15, 16, 17, 1000}) {
    std::string key(size, 'x');
    CHECK(actor_of(system, key)->key() == key);
  }
}

TEST_CASE("key directory: keys whose hashes collide are told apart by their text") {
  test_system_config config;
  caf::actor_system system{config};
  key_directory directory;
  auto a = actor_of(system, "a");
  auto b = actor_of(system, "b");
  auto c = actor_of(system, "c");
  directory.insert(7, a);
  directory.insert(7, b);
  directory.insert(8, c);
  CHECK(directory.size() == 3);
  CHECK(directory.find(7, "a") == a.get());
  CHECK(directory.find(7, "b") == b.get());
  CHECK(directory.find(8, "c") == c.get());
  CHECK(directory.find(7, "c") == nullptr);
  CHECK(directory.find(9, "a") == nullptr);
  directory.erase(7, "a");
  CHECK(directory.find(7, "a") == nullptr);
  CHECK(directory.find(7, "b") == b.get());
  directory.insert(7, a);
  CHECK(directory.find(7, "a") == a.get());
  CHECK(directory.find(7, "b") == b.get());
  directory.erase(7, "b");
  directory.erase(7, "a");
  CHECK(directory.size() == 1);
}

TEST_CASE("key timers: whatever is set while time moves comes due once, in its order") {
  const uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  key_timers timers;
  std::multimap<event_time, uint64_t> wanted;
  auto now = event_time{-3s};
  for (uint64_t hash = 0; hash < 5000; ++hash) {
    auto at = now + duration{static_cast<int64_t>(random() % 4'000'000) - 100'000};
    timers.set(at, hash);
    wanted.emplace(at, hash);
    if (hash % 4 != 0)
      continue;
    now += duration{static_cast<int64_t>(random() % 20'000)};
    auto last = beginning_of_time;
    timers.take_due(now, [&](event_time due, uint64_t found) {
      CHECK((last <= due && due <= now));
      last = due;
      auto [begin, end] = wanted.equal_range(due);
      auto known = std::find_if(begin, end, [&](const auto& x) { return x.second == found; });
      REQUIRE(known != end);
      wanted.erase(known);
    });
    CHECK((wanted.empty() || wanted.begin()->first > now));
    CHECK(timers.size() == wanted.size());
  }
  timers.set(end_of_time, 1);
  timers.set(beginning_of_time, 2);
  timers.take_due(end_of_time, [&](event_time, uint64_t) {});
  CHECK(timers.size() == 0);
}

TEST_CASE("key timers: come due in their order, distant ones share a minute") {
  key_timers timers;
  timers.set(at_second(5), 50);
  timers.set(at_second(3), 30);
  timers.set(at_second(3), 31);
  CHECK_FALSE(timers.any_due(at_second(2)));
  std::vector<uint64_t> due;
  timers.take_due(at_second(4), [&](event_time at, uint64_t hash) {
    CHECK(at == at_second(3));
    due.push_back(hash);
  });
  CHECK(due == std::vector<uint64_t>{30, 31});
  CHECK(timers.size() == 1);
  auto day = at_second(86'400);
  CHECK(key_timers::rounded(day + 1s, at_second(0)) == day + 60s);
  CHECK(key_timers::rounded(day, at_second(0)) == day);
  CHECK(key_timers::rounded(at_second(61), at_second(1)) == at_second(61));
  CHECK(key_timers::rounded(end_of_time, at_second(0)) == end_of_time);
}

TEST_CASE("cold keys: what was added may be contained, most of the rest is not") {
  cold_keys cold;
  CHECK_FALSE(cold.any());
  CHECK_FALSE(cold.may_contain(directory_hash("x")));
  for (int i = 0; i < 10'000; ++i)
    cold.add(directory_hash(std::to_string(i)));
  int in_vain = 0;
  for (int i = 0; i < 10'000; ++i) {
    CHECK(cold.may_contain(directory_hash(std::to_string(i))));
    in_vain += cold.may_contain(directory_hash(std::to_string(i + 10'000))) ? 1 : 0;
  }
  CHECK(in_vain < 5);
}

TEST_CASE("cold keys: timers come due, some at a time, and go with their keys") {
  cold_keys cold;
  cold.add_timer(at_second(1), 10, "a");
  cold.add_timer(at_second(1), 10, "b"); // the same hash
  cold.add_timer(at_second(2), 20, "c");
  cold.add_timer(at_second(9), 30, "d");
  cold.remove_timer(10, "a");
  cold.remove_timer(10, "nobody");
  CHECK_FALSE(cold.any_due(at_second(0)));
  CHECK(cold.take_due(at_second(5), 1) == std::vector<std::string>{"b"});
  CHECK(cold.take_due(at_second(5), 9) == std::vector<std::string>{"c"});
  CHECK(cold.take_due(at_second(5), 9).empty());
  CHECK(cold.timers() == 1);
}

TEST_CASE("cold keys: what they hold is bounded by the timers there are") {
  cold_keys cold;
  for (int i = 0; i < 100'000; ++i) {
    cold.add_timer(at_second(i), 10, "a");
    cold.remove_timer(10, "a");
    REQUIRE(cold.entries() <= 1001);
  }
  CHECK(cold.timers() == 0);
}
