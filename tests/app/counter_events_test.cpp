#include "app/commands/counter_events.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace keyfold;

namespace {

std::vector<std::string> all(const counter_event_options& options) {
  std::vector<std::string> lines;
  counter_events events{options};
  while (events.next())
    lines.emplace_back(events.json());
  return lines;
}

/// The expected share of rank 1.
double top_share(uint64_t count, double skew) {
  double sum = 0;
  for (uint64_t rank = 1; rank <= count; ++rank)
    sum += std::pow(static_cast<double>(rank), -skew);
  return 1 / sum;
}

} // namespace

TEST_CASE("generate: the events are a function of the options alone") {
  counter_event_options options{.events = 1000};
  CHECK(all(options) == all(options));
  auto other = options;
  other.seed = 2;
  CHECK(all(options) != all(other));
}

TEST_CASE("generate: every event has the document's fields, and a time within the span") {
  counter_event_options options{
      .events = 2000, .users = 50, .creators = 5, .posts = 7, .start = 1000};
  options.span = std::chrono::seconds{100};
  options.out_of_order = std::chrono::seconds{3};
  std::map<std::string, std::string> category_of_post;
  for (const auto& line : all(options)) {
    auto event = nlohmann::json::parse(line);
    CHECK(event.at("eventTs").get<int64_t>() >= 997);
    CHECK(event.at("eventTs").get<int64_t>() < 1100);
    CHECK(std::stoul(event.at("userId").get<std::string>()) - 1 < 50);
    CHECK(std::stoul(event.at("creatorId").get<std::string>()) - 1 < 5);
    CHECK((event.at("eventName") == "view") == event.contains("duration_ms"));
    auto known = category_of_post.emplace(event.at("postId"), event.at("category"));
    CHECK(known.first->second == event.at("category"));
  }
  CHECK(category_of_post.size() == 7);
}

TEST_CASE("generate: no events, one user and a span of nothing are fine") {
  CHECK(all({.events = 0}).empty());
  counter_event_options options{.events = 10, .users = 1, .creators = 1, .posts = 1};
  options.span = options.out_of_order = std::chrono::seconds{0};
  std::set<std::string> users;
  for (const auto& line : all(options)) {
    auto event = nlohmann::json::parse(line);
    users.insert(event.at("userId"));
    CHECK(event.at("eventTs") == options.start);
  }
  CHECK(users == std::set<std::string>{"1"});
}

TEST_CASE("generate: the most frequent rank has the share that Zipf gives it") {
  for (double skew : {0.0, 0.5, 0.8, 1.0, 1.5}) {
    INFO("skew " << skew);
    constexpr uint64_t count = 100;
    constexpr int draws = 200'000;
    const zipf_ranks ranks{count, skew};
    std::mt19937_64 random{7};
    int top = 0;
    uint64_t lowest = count;
    uint64_t highest = 1;
    for (int i = 0; i < draws; ++i) {
      auto rank = ranks(random);
      top += rank == 1;
      lowest = std::min(lowest, rank);
      highest = std::max(highest, rank);
    }
    auto expected = top_share(count, skew);
    auto deviation = std::sqrt(expected * (1 - expected) / draws);
    CHECK(std::abs(static_cast<double>(top) / draws - expected) < 5 * deviation);
    CHECK(lowest == 1);
    CHECK(highest <= count);
    CHECK(highest > count / 2);
  }
}
