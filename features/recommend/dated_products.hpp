#pragma once

#include "features/byte_codec.hpp"
#include "features/event_time.hpp"
#include "features/prefetch.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace keyfold::recommending {

/// A product, named by a hash, and when it was bought or suggested.
struct dated_product {
  uint64_t product;
  event_time at;

  friend bool operator==(const dated_product&, const dated_product&) = default;
};

/// Products in the order of (time, product), 16 bytes each: the same in whichever order they came.
/// Not thread-safe.
class dated_products {
public:
  bool empty() const noexcept { return all_.empty(); }
  size_t size() const noexcept { return all_.size(); }
  const dated_product& operator[](size_t i) const noexcept { return all_[i]; }
  const dated_product& front() const noexcept { return all_.front(); }
  /// The newest time. @pre there is one
  event_time newest() const noexcept { return newest_; }
  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

  void insert(const dated_product& x);
  /// As `insert`, but a product is kept once, with its newest time.
  void renew(const dated_product& x);
  /// Takes away the first `count`.
  void erase_front(size_t count);
  /// Takes away those at `at` or earlier; returns how many they were.
  size_t erase_until(event_time at);
  /// Takes away those for which `f` holds.
  template <class F>
  void erase_if(const F& f) {
    std::erase_if(all_, f);
    note_newest();
  }

  /// Asks the processor to load what the next call will read.
  void prefetch() const noexcept {
    prefetch_line(all_.data());
    prefetch_line(all_.data() + all_.size());
  }

  /// Asks for all of them, as far as that is worth it: who then passes over them waits once.
  void prefetch_all() const noexcept {
    constexpr size_t most = 256;
    constexpr size_t of_line = 4;
    for (size_t i = 0; i < std::min(most, all_.size()); i += of_line)
      prefetch_line(all_.data() + i);
  }

  void encode(byte_writer& out) const;
  /// Reads what `encode` wrote; false when the bytes are malformed.
  bool decode(byte_reader& in);
  /// Bytes on the heap.
  size_t memory() const noexcept { return all_.capacity() * sizeof(dated_product); }

private:
  void note_newest() noexcept {
    if (!all_.empty())
      newest_ = all_.back().at;
  }

  std::vector<dated_product> all_;
  event_time newest_ = beginning_of_time; // here because it is asked for after each row
};

} // namespace keyfold::recommending
