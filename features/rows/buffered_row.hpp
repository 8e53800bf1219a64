#pragma once

#include "features/byte_codec.hpp"
#include "features/cell.hpp"
#include "features/data_type.hpp"
#include "features/event_time.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace keyfold {

class row_ptr;

/// A row that outlives its batch: copies of the cells wanted, with all that they point to, in one
/// block of the heap. Immutable but for `mark`. Shared by counting references: by the states of one
/// key, so never by two threads at a time.
class buffered_row {
public:
  /// @param room bytes to leave before the row, in the same block: see `room`
  static row_ptr copy_of(event_time at, std::span<const cell> cells, size_t room = 0);
  /// What `encode` wrote of as many cells as there are `types`. Null, with a bad reader, when it is
  /// malformed or the cells are not of those; a null cell is of every type.
  static row_ptr decode(byte_reader& in, std::span<const data_type> types, arena& scratch,
                        size_t room = 0);

  void encode(byte_writer& out) const;

  event_time at() const noexcept { return at_; }
  std::span<const cell> cells() const noexcept { return {first_cell(), width_}; }
  /// Held by more than two.
  bool shared() const noexcept { return references_ > 2; }
  /// Bytes of the block, without the room.
  size_t memory() const noexcept { return bytes_; }
  /// Memory before the row for something else that lives no longer than the row, aligned as a cell:
  /// among a million keys, what lies in one block is one page to be found. Not initialised.
  std::span<char> room() noexcept { return {reinterpret_cast<char*>(this) - room_, room_}; }

  /// The owner's own: a number, what was found out about the row. 0 at first; encoded.
  uint64_t mark = 0;

private:
  friend class row_ptr;

  buffered_row(event_time at, uint32_t width, uint32_t bytes, uint32_t room) noexcept
      : at_(at), bytes_(bytes), width_(width), room_(room) {}
  const cell* first_cell() const noexcept { return reinterpret_cast<const cell*>(this + 1); }

  event_time at_;
  uint32_t references_ = 0;
  uint32_t bytes_;
  uint32_t width_;
  uint32_t room_;
};

/// Shares a `buffered_row`; may be null.
class row_ptr {
public:
  row_ptr() noexcept = default;
  explicit row_ptr(buffered_row* row) noexcept : row_(row) { take(); }
  row_ptr(const row_ptr& other) noexcept : row_(other.row_) { take(); }
  row_ptr(row_ptr&& other) noexcept : row_(std::exchange(other.row_, nullptr)) {}
  row_ptr& operator=(row_ptr other) noexcept {
    std::swap(row_, other.row_);
    return *this;
  }
  ~row_ptr() {
    if (row_ != nullptr && --row_->references_ == 0)
      ::operator delete(row_->room().data());
  }

  buffered_row* get() const noexcept { return row_; }
  buffered_row& operator*() const noexcept { return *row_; }
  buffered_row* operator->() const noexcept { return row_; }
  explicit operator bool() const noexcept { return row_ != nullptr; }
  friend bool operator==(const row_ptr&, const row_ptr&) noexcept = default;

private:
  void take() const noexcept {
    if (row_ != nullptr)
      ++row_->references_;
  }

  buffered_row* row_ = nullptr;
};

} // namespace keyfold
