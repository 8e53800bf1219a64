#include "features/cell.hpp"

#include "features/decimal.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

namespace keyfold {

namespace {

constexpr size_t largest_regular_block = size_t{1} << 20;

bool identical_items(std::span<const cell> a, std::span<const cell> b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), identical);
}

} // namespace

cell_kind cell_kind_of(type_kind kind) noexcept {
  switch (kind) {
  case type_kind::null:
    return cell_kind::null;
  case type_kind::boolean:
    return cell_kind::boolean;
  case type_kind::int32:
  case type_kind::int64:
    return cell_kind::integer;
  case type_kind::float32:
  case type_kind::float64:
    return cell_kind::real;
  case type_kind::decimal:
    return cell_kind::decimal;
  case type_kind::string:
    return cell_kind::string;
  case type_kind::bytes:
    return cell_kind::bytes;
  case type_kind::timestamp:
    return cell_kind::timestamp;
  case type_kind::list:
    return cell_kind::list;
  case type_kind::map:
    return cell_kind::map;
  }
  return cell_kind::null;
}

bool identical(const cell& a, const cell& b) noexcept {
  if (a.kind() != b.kind())
    return false;
  switch (a.kind()) {
  case cell_kind::null:
    return true;
  case cell_kind::boolean:
  case cell_kind::integer:
  case cell_kind::timestamp:
    return a.as_integer() == b.as_integer();
  case cell_kind::real:
    return a.as_real() == b.as_real() || (std::isnan(a.as_real()) && std::isnan(b.as_real()));
  case cell_kind::decimal:
    return compare_decimals(a, b) == 0;
  case cell_kind::string:
  case cell_kind::bytes:
    return a.as_text() == b.as_text();
  case cell_kind::list:
  case cell_kind::map:
    return identical_items(a.items(), b.items());
  }
  return false;
}

arena::arena(arena&& other) noexcept
    : blocks_(std::move(other.blocks_)), next_(std::exchange(other.next_, nullptr)),
      end_(std::exchange(other.end_, nullptr)), next_block_(other.next_block_),
      last_size_(std::exchange(other.last_size_, 0)), capacity_(std::exchange(other.capacity_, 0)) {
  other.blocks_.clear();
}

arena& arena::operator=(arena&& other) noexcept {
  if (this == &other)
    return *this;
  blocks_ = std::move(other.blocks_);
  other.blocks_.clear();
  next_ = std::exchange(other.next_, nullptr);
  end_ = std::exchange(other.end_, nullptr);
  next_block_ = other.next_block_;
  last_size_ = std::exchange(other.last_size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

std::span<cell> arena::allocate_cells(size_t count) {
  if (count == 0)
    return {};
  auto* memory = allocate(count * sizeof(cell));
  auto* first = reinterpret_cast<cell*>(memory);
  for (size_t i = 0; i < count; ++i)
    new (first + i) cell{};
  return {first, count};
}

cell arena::copy(const cell& x) {
  switch (x.kind()) {
  case cell_kind::string:
    return cell::string(copy(x.as_text()));
  case cell_kind::bytes:
    return cell::bytes(copy(x.as_text()));
  case cell_kind::list:
  case cell_kind::map: {
    auto from = x.items();
    auto to = allocate_cells(from.size());
    for (size_t i = 0; i < from.size(); ++i)
      to[i] = copy(from[i]);
    return x.kind() == cell_kind::list ? cell::list(to) : cell::map(to);
  }
  default:
    return x;
  }
}

void arena::clear() noexcept {
  if (blocks_.empty())
    return;
  // Regular blocks only grow: when the last is not an oversized one, it is the largest.
  if (blocks_.size() > 1) {
    blocks_.front() = std::move(blocks_.back());
    blocks_.resize(1);
  }
  capacity_ = last_size_;
  next_ = blocks_.front().get();
  end_ = next_ + last_size_;
}

void arena::grow(size_t at_least) {
  auto size = (std::max(at_least, next_block_) + 7) & ~size_t{7};
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
  next_ = blocks_.back().get();
  end_ = next_ + size;
  last_size_ = size;
  capacity_ += size;
  next_block_ = std::max(next_block_, std::min(size * 2, largest_regular_block));
}

} // namespace keyfold
