#pragma once

#include "features/event_time.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace keyfold {

/// When keys of one entity want to be told the watermark: one ordered structure per router instead
/// of a timer per key. Names keys by hash, so that a key may go without being taken out; a timer
/// too many is harmless. Not thread-safe.
class key_timers {
public:
  /// The moment at which a timer for `at` will go off: `at` itself when it is near, a minute's end
  /// when it is more than an hour away, so that distant timers share their entries.
  static event_time rounded(event_time at, event_time watermark) noexcept {
    if (at == end_of_time || watermark == beginning_of_time
        || at < later(watermark, std::chrono::hours{1}))
      return at;
    constexpr auto minute = duration{std::chrono::minutes{1}};
    auto beyond = at.time_since_epoch() % minute;
    return beyond.count() == 0 ? at : later(at, minute - beyond);
  }

  void set(event_time at, uint64_t hash) {
    due_[at].push_back(hash);
    ++size_;
  }
  bool any_due(event_time watermark) const noexcept {
    return !due_.empty() && due_.begin()->first <= watermark;
  }
  /// Takes the keys whose time has come, with that time, into `f`.
  template <class F>
  void take_due(event_time watermark, F&& f) {
    while (any_due(watermark)) {
      auto first = due_.extract(due_.begin());
      size_ -= first.mapped().size();
      for (auto hash : first.mapped())
        f(first.key(), hash);
    }
  }
  /// Timers held, also those whose keys have got another or are gone.
  size_t size() const noexcept { return size_; }
  void clear() noexcept {
    due_.clear();
    size_ = 0;
  }

private:
  std::map<event_time, std::vector<uint64_t>> due_;
  size_t size_ = 0;
};

} // namespace keyfold
