#include "app/commands/counter_events.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <numeric>

namespace keyfold {

namespace {

/// (e^x - 1) / x, also where x is near 0.
double expm1_ratio(double x) {
  return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x / 2;
}

/// log(1 + x) / x, also where x is near 0.
double log1p_ratio(double x) {
  return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x / 2;
}

// The distributions of <random> differ between libraries; these do not.
double unit(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}
uint64_t below(std::mt19937_64& random, uint64_t count) {
  return static_cast<uint64_t>(unit(random) * static_cast<double>(count));
}

/// Scatters ranks over the identifiers 1 to `count`, so that popular ones are not neighbours.
uint64_t scatter(uint64_t rank, uint64_t count) {
  auto step = static_cast<uint64_t>(static_cast<double>(count) * 0.618) | 1;
  while (std::gcd(step, count) != 1)
    step += 2;
  return rank * step % count + 1;
}

struct kind_of_event {
  std::string_view name;
  double share;
};
constexpr std::array<kind_of_event, 4> kinds{
    {{"view", 0.7}, {"like", 0.15}, {"comment", 0.1}, {"share", 0.05}}};
constexpr std::array<std::string_view, 8> categories{"music", "sports", "news", "travel",
                                                     "food",  "games",  "art",  "science"};

std::string_view draw_kind(std::mt19937_64& random) {
  auto u = unit(random);
  for (const auto& kind : kinds) {
    if (u < kind.share)
      return kind.name;
    u -= kind.share;
  }
  return kinds.front().name;
}

} // namespace

zipf_ranks::zipf_ranks(uint64_t count, double skew)
    : count_(static_cast<double>(count)), skew_(skew), first_area_(area(1.5) - 1),
      last_area_(area(count_ + 0.5)), always_accepted_(2 - inverse_area(area(2.5) - height(2))) {}

double zipf_ranks::height(double x) const {
  return std::exp(-skew_ * std::log(x));
}

double zipf_ranks::area(double x) const {
  auto log_x = std::log(x);
  return expm1_ratio((1 - skew_) * log_x) * log_x;
}

double zipf_ranks::inverse_area(double x) const {
  auto t = std::max(x * (1 - skew_), -1.0);
  return std::exp(log1p_ratio(t) * x);
}

uint64_t zipf_ranks::operator()(std::mt19937_64& random) const {
  while (true) {
    auto u = last_area_ + unit(random) * (first_area_ - last_area_);
    auto x = inverse_area(u);
    auto rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
    if (rank - x <= always_accepted_ || u >= area(rank + 0.5) - height(rank))
      return static_cast<uint64_t>(rank);
  }
}

counter_events::counter_events(const counter_event_options& options)
    : options_(options), users_(options.users, options.skew),
      creators_(options.creators, options.skew), posts_(options.posts, options.skew),
      random_(options.seed) {}

bool counter_events::next() {
  if (made_ == options_.events)
    return false;
  auto place = static_cast<double>(made_++) / static_cast<double>(options_.events);
  auto late = below(random_, static_cast<uint64_t>(options_.out_of_order.count()) + 1);
  auto time = options_.start
              + static_cast<int64_t>(place * static_cast<double>(options_.span.count()))
              - static_cast<int64_t>(late);
  user_ = std::to_string(scatter(users_(random_), options_.users));
  auto kind = draw_kind(random_);
  auto post = scatter(posts_(random_), options_.posts);
  json_.clear();
  auto out = std::back_inserter(json_);
  fmt::format_to(out, R"({{"eventName":"{}","userId":"{}","creatorId":"{}","postId":"p{}")", kind,
                 user_, scatter(creators_(random_), options_.creators), post);
  // A post stays in its category.
  fmt::format_to(out, R"(,"category":"{}")", categories[post % categories.size()]);
  if (kind == "view")
    fmt::format_to(out, R"(,"duration_ms":{})", 200 + below(random_, 30'000));
  fmt::format_to(out, R"(,"eventTs":{}}})", time);
  return true;
}

} // namespace keyfold
