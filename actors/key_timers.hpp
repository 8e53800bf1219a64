#pragma once

#include "features/event_time.hpp"

#include <algorithm>
#include <boost/sort/spreadsort/integer_sort.hpp>
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
      late_.push_back({at, hash});
      std::push_heap(late_.begin(), late_.end(), after);
    } else {
      far_[stretch_of(at)].push_back({at, hash});
    }
  }
  /// Whether a key's time has come.
  bool any_due(event_time watermark) {
    // The stretch that is next becomes the near one when none is left and time has come to it.
    while (next_ == near_.size() && late_.empty() && !far_.empty()
           && far_.begin()->first <= watermark) {
      auto next = far_.extract(far_.begin());
      near_ = std::move(next.mapped());
      next_ = 0;
      near_end_ = later(next.key(), stretch);
      order(near_);
    }
    return (next_ != near_.size() && near_[next_].at <= watermark)
           || (!late_.empty() && late_.front().at <= watermark);
  }

  /// Takes the keys whose time has come, with that time, into `f`: the earlier time first.
  template <class F>
  void take_due(event_time watermark, F&& f) {
    while (any_due(watermark)) {
      auto first = take_first();
      --size_;
      f(first.at, first.hash);
    }
  }
  /// Timers held, also those whose keys have got another or are gone.
  size_t size() const noexcept { return size_; }
  void clear() noexcept {
    near_.clear();
    next_ = 0;
    late_.clear();
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
  /// As `after` has it. Most timers of a stretch are of one time, a window's end: their hashes are
  /// sorted by digits, which takes a fraction of what comparing takes.
  static void order(std::vector<timer>& timers) {
    boost::sort::spreadsort::integer_sort(
        timers.begin(), timers.end(),
        [](const timer& x, unsigned shift) { return x.hash >> shift; },
        [](const timer& a, const timer& b) { return a.hash < b.hash; });
    auto sooner = [](const timer& a, const timer& b) { return a.at < b.at; };
    if (!std::is_sorted(timers.begin(), timers.end(), sooner))
      std::stable_sort(timers.begin(), timers.end(), sooner);
  }
  /// @pre there is a near or a late one
  timer take_first() {
    if (late_.empty() || (next_ != near_.size() && after(late_.front(), near_[next_]))) {
      auto first = near_[next_++];
      if (next_ == near_.size()) {
        near_ = {};
        next_ = 0;
      }
      return first;
    }
    std::pop_heap(late_.begin(), late_.end(), after);
    auto first = late_.back();
    late_.pop_back();
    return first;
  }
  /// Where the stretch of time begins that `at` is in.
  static event_time stretch_of(event_time at) noexcept {
    auto into = at.time_since_epoch() % stretch;
    return earlier(at, into.count() < 0 ? into + stretch : into);
  }

  // Millions of timers in one ordered structure would cost a walk through cold memory for each:
  // only those of the stretch that time is in are ordered, the others wait by stretch.
  std::vector<timer> near_; ///< in order, from `next_` on; all before `near_end_`
  size_t next_ = 0;
  std::vector<timer> late_; ///< a heap, the earliest in front: set when time was in their stretch
  event_time near_end_ = beginning_of_time;
  std::map<event_time, std::vector<timer>> far_; ///< by the beginning of their stretch
  size_t size_ = 0;
};

} // namespace keyfold
