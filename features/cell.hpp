#pragma once

#include "features/data_type.hpp"
#include "features/event_time.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace keyfold {

/// What a cell holds. Narrower than `type_kind`: integers are one kind, reals another.
enum class cell_kind : uint8_t {
  null,
  boolean,
  integer,
  real,
  decimal,
  string,
  bytes,
  timestamp,
  list,
  map
};

/// One value of a row: 16 bytes, trivially copyable, owning nothing. Strings, lists and maps point
/// into memory that somebody else keeps: the batch, an `arena`, a literal.
class cell {
public:
  constexpr cell() noexcept : integer_(0) {}

  static cell boolean(bool x) noexcept { return make(cell_kind::boolean, x ? 1 : 0); }
  static cell integer(int64_t x) noexcept { return make(cell_kind::integer, x); }
  static cell real(double x) noexcept {
    cell c;
    c.kind_ = cell_kind::real;
    c.real_ = x;
    return c;
  }
  /// @param unscaled the value times 10^scale
  static cell decimal(int64_t unscaled, uint8_t scale) noexcept {
    auto c = make(cell_kind::decimal, unscaled);
    c.scale_ = scale;
    return c;
  }
  static cell timestamp(event_time x) noexcept {
    return make(cell_kind::timestamp, x.time_since_epoch().count());
  }
  static cell string(std::string_view x) noexcept { return view(cell_kind::string, x); }
  static cell bytes(std::string_view x) noexcept { return view(cell_kind::bytes, x); }
  static cell list(std::span<const cell> items) noexcept {
    return view(cell_kind::list, items.data(), items.size());
  }
  /// @param entries key, value, key, value …; keys are strings
  static cell map(std::span<const cell> entries) noexcept {
    return view(cell_kind::map, entries.data(), entries.size());
  }

  cell_kind kind() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == cell_kind::null; }
  /// @pre the kind is the accessor's
  bool as_boolean() const noexcept { return integer_ != 0; }
  int64_t as_integer() const noexcept { return integer_; }
  double as_real() const noexcept { return real_; }
  int64_t unscaled() const noexcept { return integer_; }
  uint8_t scale() const noexcept { return scale_; }
  event_time as_timestamp() const noexcept { return event_time{duration{integer_}}; }
  /// Of a string or bytes.
  std::string_view as_text() const noexcept { return {text_, size_}; }
  /// Of a list: its items; of a map: key, value, key, value ….
  std::span<const cell> items() const noexcept { return {items_, size_}; }

private:
  static cell make(cell_kind kind, int64_t x) noexcept {
    cell c;
    c.kind_ = kind;
    c.integer_ = x;
    return c;
  }
  static cell view(cell_kind kind, std::string_view x) noexcept {
    cell c;
    c.kind_ = kind;
    c.size_ = static_cast<uint32_t>(x.size());
    c.text_ = x.data();
    return c;
  }
  static cell view(cell_kind kind, const cell* items, size_t size) noexcept {
    cell c;
    c.kind_ = kind;
    c.size_ = static_cast<uint32_t>(size);
    c.items_ = items;
    return c;
  }

  cell_kind kind_ = cell_kind::null;
  uint8_t scale_ = 0;
  uint32_t size_ = 0;
  union {
    int64_t integer_;
    double real_;
    const char* text_;
    const cell* items_;
  };
};

static_assert(sizeof(cell) == 16);

/// The kind of cell that holds values of `kind`.
cell_kind cell_kind_of(type_kind kind) noexcept;

/// Equal kind and equal value; NaN equals NaN, null equals null.
bool identical(const cell& a, const cell& b) noexcept;

/// Memory that only grows, freed as a whole: what cells of a batch, an answer or an evaluation
/// point into. Not thread-safe; what it handed out stays where it is until `clear` or destruction,
/// also when the arena is moved.
class arena {
public:
  explicit arena(size_t first_block = 0) : next_block_(first_block == 0 ? 1024 : first_block) {}
  /// What is moved from is empty, and may be used again.
  arena(arena&& other) noexcept;
  arena& operator=(arena&& other) noexcept;

  /// Memory aligned to 8 bytes, not initialised.
  char* allocate(size_t size) {
    size = (size + 7) & ~size_t{7};
    if (static_cast<size_t>(end_ - next_) < size)
      grow(size);
    // Text grows from the front of a block, the rest from its end: neither has to be padded.
    end_ -= static_cast<ptrdiff_t>(size);
    return end_;
  }
  /// As `allocate`, without alignment: for text.
  char* allocate_text(size_t size) {
    if (static_cast<size_t>(end_ - next_) < size)
      grow(size);
    auto* result = next_;
    next_ += size;
    return result;
  }
  std::string_view copy(std::string_view text) {
    auto* to = allocate_text(text.size());
    if (!text.empty())
      std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  std::span<cell> allocate_cells(size_t count);
  /// A copy of `x` and of all that it points to.
  cell copy(const cell& x);
  /// Forgets everything, keeps the largest block.
  void clear() noexcept;
  /// A moment to go back to.
  struct mark {
    size_t blocks = 0;
    char* next = nullptr;
    char* end = nullptr;
  };
  mark now() const noexcept { return {blocks_.size(), next_, end_}; }
  /// Forgets what was handed out since `then`, as far as that is in the block of that moment.
  void rewind(const mark& then) noexcept {
    if (then.blocks != blocks_.size())
      return;
    next_ = then.next;
    end_ = then.end;
  }
  /// Bytes held.
  size_t capacity() const noexcept { return capacity_; }

private:
  void grow(size_t at_least);

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  size_t next_block_;
  size_t last_size_ = 0;
  size_t capacity_ = 0;
};

} // namespace keyfold
