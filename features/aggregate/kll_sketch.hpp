#pragma once

#include "features/byte_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace keyfold::aggregates {

/// Quantiles of a stream in bounded memory (Karnin, Lang, Liberty, "Optimal quantile approximation
/// in streams", 2016). Exact up to 200 values; beyond, the rank of an answer is within 1.7 % of the
/// one asked for, in 99 of 100 cases, whatever the number of values, and some 600 of them are kept.
/// Coins are tossed by a generator of the sketch's own: equal histories give equal sketches. Not
/// thread-safe.
class kll_sketch {
public:
  /// @pre `x` is a number
  void add(double x);
  void merge(const kll_sketch& other);
  /// The smallest of the values kept that at least `share` of all values do not exceed.
  /// @pre there are values
  double quantile(double share) const;
  uint64_t count() const noexcept { return count_; }

  void encode(byte_writer& out) const;
  /// Into an empty sketch. False where the bytes are malformed.
  bool decode(byte_reader& in);
  /// Bytes on the heap, this object included.
  size_t memory() const noexcept;

private:
  static constexpr size_t width = 200; // values on the top level
  static constexpr size_t narrowest = 8;
  static constexpr size_t most_levels = 60; // 2^60 values

  size_t room(size_t level) const noexcept;
  bool overfull() const noexcept;
  void compress();
  void halve(size_t level);

  std::vector<std::vector<double>> levels_; // a value on level i stands for 2^i
  uint64_t count_ = 0;
  uint64_t coin_ = 0x9e3779b97f4a7c15;
};

} // namespace keyfold::aggregates
