#include "decayed_counters_support.hpp"

#include <algorithm>
#include <cmath>

using namespace keyfold;
using namespace keyfold::counters_test;

namespace {

/// What the features should be, computed from all events at once.
std::map<std::string, double> recomputed(const std::vector<event>& events, event_time as_of) {
  std::map<std::string, event_time> newest;
  for (const auto& x : events)
    newest[*x.name] = std::max(newest.try_emplace(*x.name, x.at).first->second, x.at);
  std::map<std::string, double> out;
  for (const auto& x : events) {
    using seconds = std::chrono::duration<double>;
    auto age = seconds{std::max(as_of, newest[*x.name]) - x.at}.count();
    for (auto length : {5, 60, 3600}) {
      auto share = std::exp(-age / length);
      auto end = "_" + std::to_string(length);
      out[*x.name + "_count" + end] += share;
      out[*x.name + "_amount" + end] += *x.amount * share;
    }
    out[*x.name + "_count_half"] += std::exp2(-age / 900);
    out[*x.name + "_amount_half"] += *x.amount * std::exp2(-age / 900);
  }
  return out;
}

settings many_decays() {
  auto from = counts_by_name({});
  from.decays = {{"5", {5s}}, {"60", {60s}}, {"3600", {3600s}}, {"half", {900s, true}}};
  add_measure(from, "amount", function::sum, "amount");
  return from;
}

std::vector<event> some_events(std::mt19937& random) {
  std::vector<event> events;
  for (int i = 0; i < 150; ++i)
    events.push_back({start + duration{static_cast<int64_t>(random() % 600'000'000)},
                      "group " + std::to_string(random() % 25),
                      std::uniform_real_distribution<>{0.5, 20}(random), "ann"});
  return events;
}

} // namespace

TEST_CASE("decayed_counters property: any order and any batches give what the events say") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto made = make(many_decays());
  for (int round = 0; round < 30; ++round) {
    auto events = some_events(random);
    auto as_of = start + duration{static_cast<int64_t>(random() % 900'000'000)};
    auto expected = recomputed(events, as_of);
    std::shuffle(events.begin(), events.end(), random);
    key x{made};
    for (size_t i = 0; i < events.size();) {
      auto size = std::min<size_t>(random() % 20, events.size() - i);
      x.fold({events.begin() + static_cast<ptrdiff_t>(i),
              events.begin() + static_cast<ptrdiff_t>(i + size)});
      i += size;
      // Some of the rows to come are late, and folded nevertheless.
      x.advance(start + duration{static_cast<int64_t>(random() % 600'000'000)});
    }
    auto all = x.read_all(as_of).all;
    REQUIRE(all.size() == expected.size());
    for (const auto& [name, value] : expected) {
      INFO(name);
      CHECK(all.at(name).value.as_real() == Approx(value).epsilon(1e-12).margin(1e-290));
    }
  }
}

TEST_CASE("decayed_counters property: windows give the same, whenever the watermark passes") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto from = many_decays();
  from.pre_aggregate = 7s;
  auto made = make(from);
  for (int round = 0; round < 30; ++round) {
    auto events = some_events(random);
    key at_once{made};
    at_once.fold(events);
    at_once.advance(end_of_time);
    // At most a second out of order, the watermark a second behind.
    std::sort(events.begin(), events.end(),
              [&](const auto& a, const auto& b) { return a.at < b.at; });
    for (size_t i = 1; i < events.size(); ++i)
      if (events[i].at - events[i - 1].at < 500ms)
        std::swap(events[i], events[i - 1]);
    key in_time{made};
    auto newest = beginning_of_time;
    for (const auto& x : events) {
      in_time.fold({x});
      newest = std::max(newest, x.at);
      if (random() % 3 == 0)
        in_time.advance(newest - 5s);
    }
    CHECK(in_time.counts.late == 0);
    auto before = in_time.read_all(newest).all;
    in_time.advance(end_of_time);
    auto expected = at_once.read_all(newest).all;
    auto after = in_time.read_all(newest).all;
    REQUIRE(after.size() == expected.size());
    for (const auto& [name, feature] : expected) {
      INFO(name);
      auto value = Approx(feature.value.as_real()).epsilon(1e-12).margin(1e-290);
      CHECK(before.at(name).value.as_real() == value);
      CHECK(after.at(name).value.as_real() == value);
      CHECK(after.at(name).at == feature.at);
    }
  }
}
