#pragma once

#include "features/prefetch.hpp"

#include <cstddef>
#include <cstdint>

namespace keyfold {

/// Records of equally many 8-byte words in the order of their first words, side by side in one
/// piece of memory: what a view keeps of a key where new things come near the end and old ones go
/// at the front. Knows nothing of what the words own: who drops a record frees that before. Not
/// thread-safe.
class record_queue {
public:
  /// @param words of a record, at least one, less than 2^24
  /// @param home words of memory right behind this object, for the first records: who has few has
  /// them where its owner is
  explicit record_queue(size_t words, size_t home = 0) noexcept
      : width_(static_cast<uint32_t>(words) & 0xff'ffff),
        home_(static_cast<uint32_t>(home / words) & 0xff) {
    go_home();
  }
  record_queue(const record_queue&) = delete;
  record_queue& operator=(const record_queue&) = delete;
  ~record_queue();

  /// Of a record.
  size_t words() const noexcept { return width_; }
  bool empty() const noexcept { return size_ == 0; }
  uint32_t size() const noexcept { return size_; }
  uint64_t* operator[](uint32_t place) noexcept { return words_ + at(place); }
  const uint64_t* operator[](uint32_t place) const noexcept { return words_ + at(place); }
  /// The first word of a record, which is a number.
  int64_t key(uint32_t place) const noexcept { return static_cast<int64_t>(words_[at(place)]); }
  /// The place of the first record whose key is not less; found at once at either end.
  uint32_t place_of(int64_t wanted) const noexcept;
  /// The same for a key that belongs behind the first record, which is not looked at. @pre there is
  /// one
  uint32_t place_behind_first(int64_t wanted) const noexcept;

  /// Puts a record there, its other words zero. Places from there on move by one.
  uint64_t* insert(uint32_t place, int64_t key);
  void erase(uint32_t place) noexcept;
  /// Forgets the first records. Memory for many is given back when the last one goes.
  void drop(uint32_t count) noexcept;
  /// Bytes on the heap.
  size_t memory() const noexcept { return at_home() ? 0 : capacity_ * bytes(); }
  /// Asks the processor to load the first and the last record.
  void prefetch() const noexcept {
    prefetch_first();
    prefetch_last();
  }
  void prefetch_first() const noexcept {
    if (words_ == nullptr)
      return;
    prefetch_line(words_ + at(0));
    prefetch_line(words_ + at(1)); // which will be the first one
  }
  /// With the place where the next one will be.
  void prefetch_last() const noexcept {
    if (words_ == nullptr)
      return;
    const auto* end = reinterpret_cast<const char*>(words_ + at(size_));
    prefetch_line(end);
    prefetch_line(end + bytes() - 1);
    if (size_ == 0)
      return;
    prefetch_line(end - 1);
    prefetch_line(end - bytes()); // its key
  }

private:
  size_t at(uint32_t place) const noexcept { return size_t{first_ + place} * width_; }
  size_t bytes() const noexcept { return width_ * sizeof(uint64_t); }
  uint64_t* home() const noexcept {
    return const_cast<uint64_t*>(reinterpret_cast<const uint64_t*>(this + 1));
  }
  /// Without a home, what lies behind this object may be the very memory that was asked for.
  bool at_home() const noexcept { return home_ != 0 && words_ == home(); }
  void go_home() noexcept {
    words_ = home_ == 0 ? nullptr : home();
    capacity_ = home_;
  }
  void make_room();
  void give_back() noexcept;

  uint64_t* words_ = nullptr;
  uint32_t width_ : 24;
  uint32_t home_ : 8; // records that there is room for right behind this object
  uint32_t first_ = 0;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0; // records that there is memory for
};

} // namespace keyfold
