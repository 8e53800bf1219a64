#pragma once

#include "features/byte_codec.hpp"
#include "features/data_type.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keyfold {

/// A cell that owns what it says: a number, a time, a truth value or a text; a list or a map as its
/// bytes (`keep`). Texts of up to 8 bytes take no memory of their own.
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
  void set(const cell& x) {
    if (is_text(x.kind()) || on_heap()) {
      set_text(x);
      return;
    }
    *this = stored_value{x.kind(), x.scale()};
    payload_ = x.kind() == cell_kind::real ? std::bit_cast<uint64_t>(x.as_real())
                                           : static_cast<uint64_t>(x.as_integer());
  }
  /// Its text lives as long as this value stays as it is and where it is.
  cell get() const noexcept {
    if (kind_ == cell_kind::real)
      return cell::real(std::bit_cast<double>(payload_));
    if (kind_ == cell_kind::integer)
      return cell::integer(static_cast<int64_t>(payload_));
    return get_other();
  }
  bool is_null() const noexcept { return kind_ == cell_kind::null; }
  /// Sets this to what `other` has, which becomes null.
  void take(stored_value& other) noexcept;

  /// As `set`, of any cell.
  void keep(const cell& x);
  /// What `keep` was given, a cell of a column of `kind`; its text lives as that of `get`, items of
  /// lists and maps are in `memory`.
  cell kept(type_kind kind, arena& memory) const;

  void clear() noexcept {
    if (on_heap())
      free_text();
    *this = stored_value{};
  }
  /// Bytes on the heap.
  size_t memory() const noexcept { return on_heap() ? size_ : 0; }

private:
  stored_value(cell_kind kind, uint8_t scale) noexcept
      : payload_(0), kind_(kind), scale_(scale), size_(0) {}

  static bool is_text(cell_kind kind) noexcept {
    return kind == cell_kind::string || kind == cell_kind::bytes;
  }
  bool on_heap() const noexcept { return is_text(kind_) && size_ > sizeof payload_; }
  std::string_view text() const noexcept;
  void set_text(const cell& x);
  cell get_other() const noexcept;
  void free_text() noexcept;

  uint64_t payload_;
  cell_kind kind_;
  uint8_t scale_;
  uint32_t size_;
};

static_assert(sizeof(stored_value) == stored_value::words * sizeof(uint64_t));

/// Reads a cell that `byte_writer::value` wrote; fails the reader unless it is a value of `type`.
/// @pre `type` is neither a list nor a map
cell read_cell(byte_reader& in, const data_type& type);

} // namespace keyfold
