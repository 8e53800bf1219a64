#pragma once

#include "features/distinct_counter.hpp"
#include "features/event_time.hpp"
#include "features/prefetch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

/// How the state of a decayed_counters view is kept: compactly, for millions of keys.
namespace keyfold::counters {

/// A group of a view. In a closed set `id` is its place in the set; in an open one the hash of
/// `text`.
struct group_ref {
  uint32_t id = 0;
  std::string_view text; ///< empty in a closed set
};

/// Which parts the entries of a block have, and where. Immutable, shared by all keys.
class entry_layout {
public:
  entry_layout(bool has_text, bool has_start, uint32_t sums, uint32_t distincts) noexcept;

  bool has_text() const noexcept { return text_at_ != 0; }
  bool has_start() const noexcept { return has_start_; }
  /// Whether entries own memory besides their own bytes.
  bool owning() const noexcept { return owning_; }
  uint32_t sums() const noexcept { return sums_; }
  uint32_t distincts() const noexcept { return distincts_; }
  uint32_t stride() const noexcept { return stride_; }

private:
  friend class entry;

  bool has_start_;
  bool owning_;
  uint32_t sums_;
  uint32_t distincts_;
  uint32_t sums_at_;
  uint32_t text_at_;
  uint32_t distincts_at_;
  uint32_t stride_;
};

/// What is kept for a group between two silences of the time to live, or for a window of a group.
/// Points into a block and gives access, like a pointer, whatever its own constness.
class entry {
public:
  enum flag : uint8_t {
    changed = 1,   ///< since changes were collected
    published = 2, ///< somebody outside has a row of it
    collected = 4, ///< by `collect_changes`, which must therefore also report its end
    gone = 8,      ///< expired, waiting for `collect_changes` to say so
  };

  entry(const entry_layout& layout, char* at) noexcept : layout_(&layout), at_(at) {}

  const entry_layout& layout() const noexcept { return *layout_; }
  uint32_t id() const noexcept { return fixed().id; }
  bool has(flag x) const noexcept { return (fixed().flags & x) != 0; }
  unsigned flags() const noexcept { return fixed().flags; }
  void set(unsigned flags) const noexcept {
    fixed().flags = static_cast<uint8_t>(fixed().flags | flags);
  }
  void clear(unsigned flags) const noexcept {
    fixed().flags = static_cast<uint8_t>(fixed().flags & ~flags);
  }
  /// Time of the newest event in it.
  event_time& newest() const noexcept { return fixed().newest; }
  /// Time of its oldest event, or the window's start. @pre the layout has it
  event_time& start() const noexcept { return *reinterpret_cast<event_time*>(at_ + sizeof(parts)); }
  double* sums() const noexcept { return reinterpret_cast<double*>(at_ + layout_->sums_at_); }
  /// The group's text; empty in a closed set.
  std::string_view text() const noexcept;
  group_ref group() const noexcept { return {id(), text()}; }
  /// A `distinct_counter` released. @pre `i < layout.distincts()`
  void*& distinct(uint32_t i) const noexcept {
    return reinterpret_cast<void**>(at_ + layout_->distincts_at_)[i];
  }
  /// Bytes it owns besides its own.
  size_t owned_memory() const noexcept;

private:
  friend class entry_block;
  friend class entry_layout;

  /// What every entry begins with.
  struct parts {
    uint32_t id;
    uint8_t flags;
    uint8_t text_size; // or `outside`
    event_time newest;
  };
  static_assert(sizeof(parts) == 16);
  static constexpr uint32_t inside_size = 16;
  static constexpr uint8_t outside = 255; // the text is behind a pointer, its size before it

  parts& fixed() const noexcept { return *reinterpret_cast<parts*>(at_); }
  void put_text(std::string_view text) const;
  void free_owned() const noexcept;

  const entry_layout* layout_;
  char* at_;
};

/// Works on a `distinct_counter` kept as a plain pointer.
class borrowed_distinct {
public:
  explicit borrowed_distinct(void*& slot) noexcept
      : slot_(&slot), counter_(distinct_counter::adopt(slot)) {}
  borrowed_distinct(const borrowed_distinct&) = delete;
  borrowed_distinct& operator=(const borrowed_distinct&) = delete;
  ~borrowed_distinct() { *slot_ = counter_.release(); }
  distinct_counter* operator->() noexcept { return &counter_; }
  distinct_counter& operator*() noexcept { return counter_; }

private:
  void** slot_;
  distinct_counter counter_;
};

/// The entries of a key side by side, in the order of their groups: by id, then text, then the
/// order in which they were inserted, which callers keep to be that of time. One pointer. The first
/// few may lie in memory that the block was given; otherwise an empty block owns nothing. Whoever
/// destroys a block of an owning layout calls `clear` before.
///
/// All calls take the layout of the view. Places are numbers from 0; they change with `insert` and
/// `erase`.
class entry_block {
public:
  entry_block() noexcept = default;
  /// @param given room for `capacity` entries, aligned to 8 bytes, that lives as long as the block
  entry_block(void* given, uint32_t capacity) noexcept;
  entry_block(const entry_block&) = delete;
  entry_block& operator=(const entry_block&) = delete;
  ~entry_block();

  uint32_t size() const noexcept { return head_ == nullptr ? 0 : head_->size; }
  entry at(const entry_layout& layout, uint32_t place) const noexcept {
    return {layout, reinterpret_cast<char*>(head_ + 1) + size_t{place} * layout.stride()};
  }
  /// The places of the group's entries: first, and one beyond the last; equal when there are none,
  /// and then the place where its first one belongs.
  std::pair<uint32_t, uint32_t> find(const entry_layout& layout,
                                     const group_ref& group) const noexcept;
  /// A new entry, all zeros but for its group.
  entry insert(const entry_layout& layout, uint32_t place, const group_ref& group);
  void erase(const entry_layout& layout, uint32_t place) noexcept;
  void clear(const entry_layout& layout) noexcept;

  /// Not later than the first watermark at which something in the block is due.
  event_time wake_at() const noexcept { return head_ == nullptr ? end_of_time : head_->wake_at; }
  void wake(event_time at) noexcept { head_->wake_at = std::min(head_->wake_at, at); }
  void set_wake(event_time at) noexcept {
    if (head_ != nullptr)
      head_->wake_at = at;
  }
  void prefetch() const noexcept { prefetch_line(head_); }
  /// Bytes on the heap.
  size_t memory(const entry_layout& layout) const noexcept;
  /// Bytes that `capacity` entries take. Nothing for none.
  static size_t room_for(const entry_layout& layout, uint32_t capacity) noexcept {
    return capacity == 0 ? 0 : sizeof(head) + size_t{capacity} * layout.stride();
  }

private:
  struct head {
    uint32_t size;
    uint32_t capacity : 31;
    uint32_t is_given : 1;
    event_time wake_at;
  };

  void grow(const entry_layout& layout);
  void forget() noexcept;

  head* head_ = nullptr;
};

} // namespace keyfold::counters
