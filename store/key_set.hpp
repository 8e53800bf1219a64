#pragma once

#include "store/checksum.hpp"

#include <cstddef>
#include <vector>

namespace keyfold::store {

/// A set of keys, known by their hashes: 16 bytes each in a table at most two thirds full. Not
/// thread-safe.
class key_set {
public:
  /// False if it was there.
  bool insert(key_hash x) {
    if ((size_ + 1) * 3 > slots_.size() * 2)
      grow();
    auto& slot = find(marked(x));
    if (slot.high != 0)
      return false;
    slot = marked(x);
    ++size_;
    return true;
  }
  bool contains(key_hash x) { return size_ != 0 && find(marked(x)).high != 0; }
  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }

private:
  // `high == 0` marks a free slot.
  static key_hash marked(key_hash x) noexcept { return {x.low, x.high | 1}; }
  key_hash& find(key_hash x) {
    auto mask = slots_.size() - 1;
    for (auto i = static_cast<size_t>(x.low) & mask;; i = (i + 1) & mask) {
      auto& slot = slots_[i];
      if (slot.high == 0 || (slot.low == x.low && slot.high == x.high))
        return slot;
    }
  }
  void grow() {
    std::vector<key_hash> old(slots_.empty() ? 1024 : slots_.size() * 2);
    old.swap(slots_);
    for (auto& x : old)
      if (x.high != 0)
        find(x) = x;
  }

  std::vector<key_hash> slots_;
  size_t size_ = 0;
};

} // namespace keyfold::store
