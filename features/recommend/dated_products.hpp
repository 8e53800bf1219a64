#pragma once

#include "features/byte_codec.hpp"
#include "features/compact_vector.hpp"
#include "features/event_time.hpp"
#include "features/prefetch.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace keyfold::recommending {

/// A product, named by a hash, and when it was bought or suggested.
struct dated_product {
  uint64_t product;
  event_time at;

  friend bool operator==(const dated_product&, const dated_product&) = default;
};

/// Products in the order of (time, product), 16 bytes each: the same in whichever order they came.
/// Not thread-safe.
/// @tparam Storage a vector; for those below
template <class Storage>
class dated_list {
public:
  bool empty() const noexcept { return all_.empty(); }
  size_t size() const noexcept { return all_.size(); }
  const dated_product& operator[](size_t i) const noexcept { return all_[i]; }
  const dated_product& front() const noexcept { return all_.front(); }
  /// The newest time. @pre there is one
  event_time newest() const noexcept { return newest_; }
  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

  /// Asks for memory for `count` more at once.
  void make_room(size_t count);
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
    all_.erase(std::remove_if(all_.begin(), all_.end(), f), all_.end());
    note_newest();
  }

  /// Asks the processor to load where the first ones are, and the next one will be.
  void prefetch() const noexcept {
    if (all_.empty())
      return;
    prefetch_line(all_.data());
    prefetch_line(all_.data() + all_.size());
  }

  /// Asks for all of them, as far as that is worth it: who then passes over them waits once.
  void prefetch_all() const noexcept {
    constexpr size_t most = 256;
    prefetch_lines(all_.data(), std::min(most, all_.size() + 1) * sizeof(dated_product));
  }

  void encode(byte_writer& out) const;
  /// Reads what `encode` wrote; false when the bytes are malformed.
  bool decode(byte_reader& in);
  /// Bytes on the heap.
  size_t memory() const noexcept;

private:
  void note_newest() noexcept {
    if (!all_.empty())
      newest_ = all_.back().at;
  }

  Storage all_;
  event_time newest_ = beginning_of_time; // here because it is asked for after each row
};

/// Those of which a key has many.
using dated_products = dated_list<compact_vector<dated_product>>;
/// Those that come and go one by one: one is in the object itself.
using passing_products = dated_list<boost::container::small_vector<dated_product, 1>>;

} // namespace keyfold::recommending
