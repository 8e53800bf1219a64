#pragma once

#include "features/event_time.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace keyfold {

/// The keys of one entity that a router has let go of: they are in the ledger only. Answers whether
/// a key may be among them from a Bloom filter of fixed size, and remembers which want to be
/// advanced. Not thread-safe.
///
/// A key costs nothing here, except one with a timer: its text and some words.
class cold_keys {
public:
  /// Bits of the filter: 8 MiB, allocated with the first key. With ten million keys one lookup of
  /// 16 for a key that does not exist goes to the ledger in vain.
  static constexpr uint64_t filter_bits = uint64_t{64} << 20;

  void add(uint64_t hash);
  /// The key wants to be advanced at `at`. @pre it has no timer
  void add_timer(event_time at, uint64_t hash, std::string key);
  /// The key is in memory again: its timer is there.
  void remove_timer(uint64_t hash, const std::string& key);
  /// False: the key is certainly not in the ledger.
  bool may_contain(uint64_t hash) const noexcept;
  bool any() const noexcept { return !filter_.empty(); }
  bool any_due(event_time watermark) const noexcept {
    return !due_.empty() && due_.begin()->first <= watermark;
  }
  /// Takes up to `most` keys whose time has come.
  std::vector<std::string> take_due(event_time watermark, size_t most);
  /// Keys with a timer.
  size_t timers() const noexcept { return timers_.size(); }
  /// Entries held for them, some of which are of timers that are gone: at most twice as many and a
  /// thousand.
  size_t entries() const noexcept { return entries_; }

private:
  struct timer {
    event_time at;
    std::string key;
  };

  static std::array<uint64_t, 4> places(uint64_t hash) noexcept;
  void drop_stale_entries();

  std::vector<uint64_t> filter_;
  std::unordered_multimap<uint64_t, timer> timers_; // by hash
  std::map<event_time, std::vector<uint64_t>> due_; // hashes; also of timers that are gone
  size_t entries_ = 0;                              // of `due_`
};

} // namespace keyfold
