#pragma once

#include "features/event_time.hpp"
#include "features/prefetch.hpp"
#include "features/short_text.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace keyfold::ranking {

/// A candidate with what was counted of it.
struct candidate {
  short_text text;
  double value = 0;                       ///< of `decayed_count`: as of `newest`
  event_time reached = beginning_of_time; ///< when it came to this value
  event_time newest = beginning_of_time;
};

/// Candidates, each in a slot that it is known by, and the ranked list of slots. All of it is one
/// piece of memory, the list in front: among a million keys, each piece and each line of it is a
/// wait. Few candidates are found by 16 bits of their hashes, which lie side by side; for many,
/// whoever owns this needs an index. Not thread-safe.
class candidate_slots {
public:
  static constexpr uint32_t nowhere = 0xffff'ffff;

  candidate_slots() noexcept = default;
  candidate_slots(const candidate_slots& other);
  candidate_slots(candidate_slots&& other) noexcept { swap(other); }
  candidate_slots& operator=(candidate_slots other) noexcept {
    swap(other);
    return *this;
  }
  ~candidate_slots();

  bool empty() const noexcept { return size_ == 0; }
  uint32_t size() const noexcept { return size_; }
  std::span<candidate> all() noexcept { return {slots(), size_}; }
  std::span<const candidate> all() const noexcept { return {slots(), size_}; }
  candidate& operator[](uint32_t slot) noexcept { return slots()[slot]; }
  const candidate& operator[](uint32_t slot) const noexcept { return slots()[slot]; }

  /// Makes a new last slot for a text of this hash.
  /// @param longest the list will get
  /// @param most the slots that there will ever be, if there are not as many already
  uint32_t append(uint64_t hash, uint32_t longest, uint32_t most);
  /// What is in the slot gets another text, of this hash.
  void renamed(uint32_t slot, uint64_t hash) noexcept {
    if (tagged())
      tags()[slot] = tag_of(hash);
  }
  /// Takes a slot out, also of the list; those behind it move up by one.
  void erase(uint32_t slot);

  /// Whether `find` can be asked. Once it cannot, it never can again.
  bool tagged() const noexcept { return capacity_ <= most_tagged; }
  /// The slot of a text, or `nowhere`. @pre `tagged()`
  uint32_t find(std::string_view text, uint64_t hash) const noexcept;

  /// Slots, best first.
  std::span<uint32_t> list() noexcept { return {numbers(), list_size_}; }
  std::span<const uint32_t> list() const noexcept { return {numbers(), list_size_}; }
  /// @pre it is shorter than `longest`, and than there are slots
  void lengthen_list(uint32_t slot) noexcept { numbers()[list_size_++] = slot; }
  /// @pre as above
  void set_list(std::span<const uint32_t> to) noexcept;

  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load all of it if it is little, else what is looked at first.
  void prefetch() const noexcept {
    constexpr uint32_t few = 16;
    prefetch_lines(memory_, slots_at_ + (size_ <= few ? size_ : 1) * sizeof(candidate));
    if (size_ > few)
      prefetch_line(slots() + size_); // where the next one will be
  }

private:
  static constexpr uint32_t most_tagged = 64;

  static uint16_t tag_of(uint64_t hash) noexcept { return static_cast<uint16_t>(hash >> 48); }
  candidate* slots() const noexcept { return reinterpret_cast<candidate*>(memory_ + slots_at_); }
  uint32_t* numbers() const noexcept { return reinterpret_cast<uint32_t*>(memory_); }
  uint16_t* tags() const noexcept {
    return reinterpret_cast<uint16_t*>(memory_ + slots_at_ - tags_bytes(capacity_));
  }
  static uint32_t tags_bytes(uint32_t capacity) noexcept;
  void grow(uint32_t capacity, uint32_t longest);
  void swap(candidate_slots& other) noexcept;

  std::byte* memory_ = nullptr; // list, tags if few, slots
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint32_t slots_at_ = 0; // bytes
  uint32_t list_size_ = 0;
};

} // namespace keyfold::ranking
