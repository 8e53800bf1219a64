#include "features/aggregate/exact_sum.hpp"
#include "features/aggregate/functions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace keyfold::aggregates {

namespace {

/// A number in parts whose exact sum it is.
struct exact_parts {
  std::array<double, 6> part{};
  size_t size = 0;

  /// Adds `a * b` (Dekker's product by a fused multiply-add: the rounding error is a double).
  void add_product(double a, double b) noexcept {
    part[size++] = a * b;
    part[size] = std::fma(a, b, -part[size - 1]);
    ++size;
  }
};

/// x to the second, third or fourth power, without rounding.
exact_parts power_of(double x, size_t power) noexcept {
  exact_parts square;
  square.add_product(x, x);
  if (power == 2)
    return square;
  exact_parts out;
  auto high = square.part[0];
  auto low = square.part[1];
  if (power == 3) {
    out.add_product(high, x);
    out.add_product(low, x);
  } else {
    out.add_product(high, high);
    out.add_product(2 * high, low);
    out.add_product(low, low);
  }
  return out;
}

/// Variance and what follows from higher central moments, by exact sums of powers: Σx, Σx², Σx³,
/// Σx⁴. Central moments from them lose digits where the mean is far from 0 beside the deviation;
/// the 113 bits they are computed with leave a double's worth up to a ratio of about 10^7 for the
/// fourth, 10^15 for the second.
class moment_function final : public aggregate_function {
public:
  explicit moment_function(aggregate_kind kind)
      : kind_(kind), powers_(kind == aggregate_kind::kurtosis   ? 4
                             : kind == aggregate_kind::skewness ? 3
                                                                : 2),
        // Beyond, a power would overflow.
        largest_(std::ldexp(1.0, 1000 / static_cast<int>(powers_))) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return powers_ * exact_sum::words; }
  bool retractable() const noexcept override { return true; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& cell, event_time) const override {
    auto x = number_in(cell);
    if (!(std::abs(x) < largest_))
      return aggregate_outcome::skipped;
    sum(slot, 1).add(x);
    for (size_t power = 2; power <= powers_; ++power) {
      auto parts = power_of(x, power);
      for (size_t i = 0; i < parts.size; ++i)
        sum(slot, power).add(parts.part[i]);
    }
    return aggregate_outcome::taken;
  }
  void remove(uint64_t* slot, const cell& cell) const override {
    auto x = number_in(cell);
    if (!(std::abs(x) < largest_))
      return;
    sum(slot, 1).subtract(x);
    for (size_t power = 2; power <= powers_; ++power) {
      auto parts = power_of(x, power);
      for (size_t i = 0; i < parts.size; ++i)
        sum(slot, power).subtract(parts.part[i]);
    }
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    for (size_t power = 1; power <= powers_; ++power)
      sum(to, power).merge(sum(from, power));
    return true;
  }
  void retract(uint64_t* to, const uint64_t* from) const override {
    for (size_t power = 1; power <= powers_; ++power)
      sum(to, power).retract(sum(from, power));
  }
  cell value(const uint64_t* slot, arena&) const override {
    auto count = sum(slot, 1).count();
    auto sample = kind_ == aggregate_kind::var_samp || kind_ == aggregate_kind::stddev_samp;
    if (count == 0 || (sample && count == 1))
      return {};
    auto number = from_moments(slot, static_cast<quad>(count));
    return std::isfinite(number) ? cell::real(number) : cell{};
  }
  void clear(uint64_t* slot) const noexcept override {
    for (size_t power = 1; power <= powers_; ++power)
      sum(slot, power).clear();
  }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    for (size_t power = 1; power <= powers_; ++power)
      sum(slot, power).encode(out);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    for (size_t power = 1; power <= powers_; ++power)
      if (!sum(slot, power).decode(in))
        return false;
    return true;
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    size_t bytes = 0;
    for (size_t power = 1; power <= powers_; ++power)
      bytes += sum(slot, power).memory();
    return bytes;
  }

private:
  static exact_sum& sum(uint64_t* slot, size_t power) noexcept {
    return exact_sum::at(slot + (power - 1) * exact_sum::words);
  }
  static const exact_sum& sum(const uint64_t* slot, size_t power) noexcept {
    return exact_sum::at(slot + (power - 1) * exact_sum::words);
  }

  double from_moments(const uint64_t* slot, quad n) const noexcept {
    auto mean = sum(slot, 1).wide_value() / n;
    auto square = sum(slot, 2).wide_value() / n;
    auto second = std::max<quad>(square - mean * mean, 0);
    if (kind_ == aggregate_kind::var_samp || kind_ == aggregate_kind::stddev_samp)
      second = second * n / (n - 1);
    auto variance = static_cast<double>(second);
    switch (kind_) {
    case aggregate_kind::stddev_samp:
    case aggregate_kind::stddev_pop:
      return std::sqrt(variance);
    case aggregate_kind::skewness: {
      auto cube = sum(slot, 3).wide_value() / n;
      auto third = cube - 3 * mean * square + 2 * mean * mean * mean;
      return static_cast<double>(third) / (variance * std::sqrt(variance));
    }
    case aggregate_kind::kurtosis: {
      auto cube = sum(slot, 3).wide_value() / n;
      auto biquadrate = sum(slot, 4).wide_value() / n;
      auto fourth =
          biquadrate - 4 * mean * cube + 6 * mean * mean * square - 3 * mean * mean * mean * mean;
      return static_cast<double>(fourth / (second * second)) - 3;
    }
    default:
      return variance;
    }
  }

  data_type type_ = type_of(type_kind::float64);
  aggregate_kind kind_;
  size_t powers_;
  double largest_;
};

} // namespace

function_ptr make_moment(aggregate_kind kind) {
  return std::make_shared<moment_function>(kind);
}

} // namespace keyfold::aggregates
