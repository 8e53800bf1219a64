#pragma once

#include "features/event_time.hpp"

#include <cstdint>
#include <span>

namespace keyfold {

/// How fast a decayed sum forgets: after the time d a weight counts exp(−d/length), or
/// 2^(−d/length) where the length is a half-life.
struct decay_rate {
  duration length{0}; ///< longer than zero
  bool is_half_life = false;
};

/// The share that is left at `to` of what was added at `from`: 1 down to 0, exactly 1/2 after one
/// half-life. @pre `from <= to`
double decay_factor(const decay_rate& rate, event_time from, event_time to) noexcept;

/// Decayed sums with a common update time: for each weight w added at t, and each rate, the sum of
/// w·decay_factor(rate, t, newest). It depends on what was added and, up to rounding, not on the
/// order. Borrows its numbers; trivially copyable.
///
/// Sums stay finite: they stop at the largest double, and below 1e-300 in magnitude they are 0.
class decayed_sums {
public:
  /// @param newest the time the sums are decayed to
  /// @param sums rates × weights of them, rate by rate
  decayed_sums(std::span<const decay_rate> rates, event_time& newest, double* sums) noexcept
      : rates_(rates), newest_(&newest), sums_(sums) {}

  /// Adds one weight to each sum of a rate. @pre all weights are finite
  void add(event_time at, std::span<const double> weights) noexcept;
  /// Adds all that was added to `other`, of as many rates and weights.
  void merge(const decayed_sums& other, uint32_t weights) noexcept;

private:
  std::span<const decay_rate> rates_;
  event_time* newest_;
  double* sums_;
};

/// `x`, stopped at the largest double; 0 when its magnitude is below 1e-300.
double bounded_sum(double x) noexcept;

} // namespace keyfold
