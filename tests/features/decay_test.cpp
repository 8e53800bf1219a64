#include "features/decay.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

constexpr event_time start{1'707'605'599s};

constexpr std::array rates{decay_rate{5s}, decay_rate{10s}, decay_rate{15s}, decay_rate{7s, true}};

struct sums {
  event_time newest = start;
  std::array<double, 4> of{};

  void add(event_time at, double weight) {
    decayed_sums{rates, newest, of.data()}.add(at, std::array{weight});
  }
};

} // namespace

TEST_CASE("decay: counts five seconds apart add up as the counter machine's document says") {
  sums x;
  x.add(start, 1);
  x.add(start + 5s, 1);
  CHECK(x.newest == start + 5s);
  CHECK(x.of[0] == Approx(1.3678794411714423).epsilon(1e-12));
  CHECK(x.of[1] == Approx(1.6065306597126334).epsilon(1e-12));
  CHECK(x.of[2] == Approx(1.7165313105737892).epsilon(1e-12));
}

TEST_CASE("decay: a half-life leaves exactly half") {
  CHECK(decay_factor({7s, true}, start, start + 7s) == 0.5);
  CHECK(decay_factor({7s, true}, start, start + 70s) == 1.0 / 1024);
  CHECK(decay_factor({7s, true}, start, start) == 1.0);
}

TEST_CASE("decay: a time constant leaves 1/e") {
  CHECK(decay_factor({7s}, start, start + 7s) == Approx(std::exp(-1.0)).epsilon(1e-15));
}

TEST_CASE("decay: the longest time there is leaves nothing, and is no error") {
  CHECK(decay_factor({1us}, beginning_of_time, end_of_time) == 0.0);
}

TEST_CASE("decay: weights at the same time simply add") {
  sums x;
  x.add(start, 2);
  x.add(start, 3.5);
  CHECK(x.of == std::array{5.5, 5.5, 5.5, 5.5});
}

TEST_CASE("decay: sums do not depend on the order of what is added") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::vector<std::pair<event_time, double>> events;
  for (int i = 0; i < 200; ++i)
    events.emplace_back(
        start + duration{std::uniform_int_distribution<int64_t>{0, 60'000'000}(random)},
        std::uniform_real_distribution<>{0.1, 10}(random));
  sums in_order;
  for (auto [at, weight] : events)
    in_order.add(at, weight);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(events.begin(), events.end(), random);
    sums halves[2];
    for (auto& half : halves)
      half.newest = events[0].first;
    sums shuffled;
    for (size_t i = 0; i < events.size(); ++i) {
      shuffled.add(events[i].first, events[i].second);
      halves[i % 2].add(events[i].first, events[i].second);
    }
    decayed_sums merged{rates, halves[0].newest, halves[0].of.data()};
    merged.merge({rates, halves[1].newest, halves[1].of.data()}, 1);
    CHECK(shuffled.newest == in_order.newest);
    CHECK(halves[0].newest == in_order.newest);
    for (size_t i = 0; i < rates.size(); ++i) {
      CHECK(shuffled.of[i] == Approx(in_order.of[i]).epsilon(1e-12));
      CHECK(halves[0].of[i] == Approx(in_order.of[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("decay: sums stop at the largest double and stay numbers") {
  constexpr auto most = std::numeric_limits<double>::max();
  sums x;
  x.add(start, most);
  x.add(start, most);
  CHECK(x.of[0] == most);
  x.add(end_of_time, -1);
  CHECK(x.of[0] == -1.0);
}

TEST_CASE("decay: sums too small to be told from zero are zero") {
  CHECK(bounded_sum(1e-301) == 0.0);
  CHECK(bounded_sum(-1e-301) == 0.0);
  CHECK(bounded_sum(-1e-299) == -1e-299);
}
