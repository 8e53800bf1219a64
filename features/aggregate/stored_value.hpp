#pragma once

#include "features/byte_codec.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keyfold {

/// A cell that owns what it says: a number, a time, a truth value or a text; no list or map. Texts
/// of up to 8 bytes take no memory of their own.
///
/// Lives in two 8-byte words that somebody else owns and may move; all zeros is null. `clear` frees
/// what it owns. Not thread-safe.
class stored_value {
public:
  static constexpr size_t words = 2;

  stored_value() noexcept = default;

  static stored_value& at(uint64_t* memory) noexcept {
    return *reinterpret_cast<stored_value*>(memory);
  }
  static const stored_value& at(const uint64_t* memory) noexcept {
    return *reinterpret_cast<const stored_value*>(memory);
  }

  /// @pre `x` is neither a list nor a map; it may be what `get` gave
  void set(const cell& x);
  /// Its text lives as long as this value stays as it is and where it is.
  cell get() const noexcept;
  bool is_null() const noexcept { return kind_ == cell_kind::null; }
  /// Sets this to what `other` has, which becomes null.
  void take(stored_value& other) noexcept;

  void clear() noexcept;
  /// Bytes on the heap.
  size_t memory() const noexcept { return on_heap() ? size_ : 0; }

private:
  stored_value(cell_kind kind, uint8_t scale) noexcept
      : payload_(0), kind_(kind), scale_(scale), size_(0) {}

  bool is_text() const noexcept { return kind_ == cell_kind::string || kind_ == cell_kind::bytes; }
  bool on_heap() const noexcept { return is_text() && size_ > sizeof payload_; }
  std::string_view text() const noexcept;

  uint64_t payload_;
  cell_kind kind_;
  uint8_t scale_;
  uint32_t size_;
};

static_assert(sizeof(stored_value) == stored_value::words * sizeof(uint64_t));

/// Reads a cell that `byte_writer::value` wrote; fails the reader unless it is of `kind`.
/// @pre `kind` is neither a list nor a map
cell read_cell(byte_reader& in, cell_kind kind);

} // namespace keyfold
