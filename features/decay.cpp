#include "features/decay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace keyfold {

namespace {

/// In microseconds. Cannot overflow, whatever the times. @pre `from <= to`
double elapsed(event_time from, event_time to) noexcept {
  return static_cast<double>(static_cast<uint64_t>(to.time_since_epoch().count())
                             - static_cast<uint64_t>(from.time_since_epoch().count()));
}

} // namespace

double decay_factor(const decay_rate& rate, event_time from, event_time to) noexcept {
  if (from == to)
    return 1;
  auto lengths = elapsed(from, to) / static_cast<double>(rate.length.count());
  return rate.is_half_life ? std::exp2(-lengths) : std::exp(-lengths);
}

double bounded_sum(double x) noexcept {
  constexpr auto least = 1e-300;
  constexpr auto most = std::numeric_limits<double>::max();
  auto magnitude = std::abs(x);
  if (magnitude >= least && magnitude <= most)
    return x;
  return magnitude < least ? 0 : std::copysign(most, x);
}

void decayed_sums::add(event_time at, std::span<const double> weights) noexcept {
  auto* sum = sums_;
  if (at == *newest_) {
    for (size_t i = 0; i < rates_.size(); ++i)
      for (auto weight : weights) {
        *sum = bounded_sum(*sum + weight);
        ++sum;
      }
    return;
  }
  if (at < *newest_) {
    // Late: the weight ages, the sums need not be rewound.
    for (const auto& rate : rates_) {
      auto factor = decay_factor(rate, at, *newest_);
      for (auto weight : weights) {
        *sum = bounded_sum(*sum + weight * factor);
        ++sum;
      }
    }
    return;
  }
  for (const auto& rate : rates_) {
    auto factor = decay_factor(rate, *newest_, at);
    for (auto weight : weights) {
      *sum = bounded_sum(*sum * factor + weight);
      ++sum;
    }
  }
  *newest_ = at;
}

void decayed_sums::merge(const decayed_sums& other, uint32_t weights) noexcept {
  auto newest = std::max(*newest_, *other.newest_);
  for (size_t i = 0; i < rates_.size(); ++i) {
    auto mine = decay_factor(rates_[i], *newest_, newest);
    auto theirs = decay_factor(rates_[i], *other.newest_, newest);
    for (size_t j = i * weights; j < (i + 1) * weights; ++j)
      sums_[j] = bounded_sum(sums_[j] * mine + other.sums_[j] * theirs);
  }
  *newest_ = newest;
}

} // namespace keyfold
