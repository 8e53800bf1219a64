#pragma once

#include "features/event_time.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace keyfold {

/// The keys of one entity that a router has let go of: they are in the ledger only. Answers whether
/// a key may be among them from a Bloom filter of fixed size, and remembers which want to be
/// advanced. Not thread-safe.
///
/// A key costs nothing here, except one with a timer: its text and a word.
class cold_keys {
public:
  /// Bits of the filter: 8 MiB, allocated with the first key. With ten million keys one lookup of
  /// 16 for a key that does not exist goes to the ledger in vain.
  static constexpr uint64_t filter_bits = uint64_t{64} << 20;

  void add(uint64_t hash);
  void add_timer(event_time at, std::string key) { timers_[at].push_back(std::move(key)); }
  /// False: the key is certainly not in the ledger.
  bool may_contain(uint64_t hash) const noexcept;
  bool any() const noexcept { return !filter_.empty(); }
  /// Takes up to `most` keys whose time has come.
  std::vector<std::string> take_due(event_time watermark, size_t most);

private:
  static std::array<uint64_t, 4> places(uint64_t hash) noexcept;

  std::vector<uint64_t> filter_;
  std::map<event_time, std::vector<std::string>> timers_;
};

} // namespace keyfold
