#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace keyfold {

/// How long to wait before another attempt: a random part of a bound that doubles with each failure
/// ("full jitter"), so that many clients of a service that was away do not come back at once.
class backoff {
public:
  using milliseconds = std::chrono::milliseconds;

  explicit backoff(uint32_t seed, milliseconds first = milliseconds{100},
                   milliseconds last = milliseconds{10'000})
      : random_(seed), first_(first), last_(last), bound_(first) {}

  /// @param asked_for what the service wants; the wait is never shorter, unless that is more than a
  /// minute
  milliseconds next(std::chrono::seconds asked_for = std::chrono::seconds{0}) {
    std::uniform_int_distribution<int64_t> upto{1, bound_.count()};
    milliseconds wait{upto(random_)};
    bound_ = std::min(2 * bound_, last_);
    return std::max<milliseconds>(wait, std::min(asked_for, most_asked_for));
  }
  void reset() noexcept { bound_ = first_; }

private:
  static constexpr std::chrono::seconds most_asked_for{60};

  std::minstd_rand random_;
  milliseconds first_;
  milliseconds last_;
  milliseconds bound_;
};

} // namespace keyfold
