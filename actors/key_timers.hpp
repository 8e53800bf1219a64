#pragma once

#include "features/event_time.hpp"

#include <algorithm>
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
    ++size_;
    if (at < near_end_) {
      near_.push_back({at, hash});
      std::push_heap(near_.begin(), near_.end(), after);
    } else {
      far_[stretch_of(at)].push_back({at, hash});
    }
  }
  /// Whether a key's time has come.
  bool any_due(event_time watermark) {
    // The stretch that is next becomes the near one when none is left and time has come to it.
    while (near_.empty() && !far_.empty() && far_.begin()->first <= watermark) {
      auto next = far_.extract(far_.begin());
      near_ = std::move(next.mapped());
      near_end_ = later(next.key(), stretch);
      std::make_heap(near_.begin(), near_.end(), after);
    }
    return !near_.empty() && near_.front().at <= watermark;
  }

  /// Takes the keys whose time has come, with that time, into `f`: the earlier time first.
  template <class F>
  void take_due(event_time watermark, F&& f) {
    while (any_due(watermark)) {
      std::pop_heap(near_.begin(), near_.end(), after);
      auto first = near_.back();
      near_.pop_back();
      --size_;
      f(first.at, first.hash);
    }
  }
  /// Timers held, also those whose keys have got another or are gone.
  size_t size() const noexcept { return size_; }
  void clear() noexcept {
    near_.clear();
    far_.clear();
    near_end_ = beginning_of_time;
    size_ = 0;
  }

private:
  struct timer {
    event_time at;
    uint64_t hash;
  };
  static constexpr duration stretch = std::chrono::seconds{1};

  /// Of one time the keys come by their hashes, whatever the order they were set in.
  static bool after(const timer& a, const timer& b) noexcept {
    return a.at != b.at ? a.at > b.at : a.hash > b.hash;
  }
  /// Where the stretch of time begins that `at` is in.
  static event_time stretch_of(event_time at) noexcept {
    auto into = at.time_since_epoch() % stretch;
    return earlier(at, into.count() < 0 ? into + stretch : into);
  }

  // Millions of timers in one ordered structure would cost a walk through cold memory for each:
  // only those of the stretch that time is in are ordered, the others wait by stretch.
  std::vector<timer> near_; ///< a heap, the earliest in front; all before `near_end_`
  event_time near_end_ = beginning_of_time;
  std::map<event_time, std::vector<timer>> far_; ///< by the beginning of their stretch
  size_t size_ = 0;
};

} // namespace keyfold
