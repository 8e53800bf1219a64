#include "features/rows/packed_rows.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace keyfold {

namespace {

// What an empty one may keep for the next row: a key that gets a row now and then should not ask
// for memory each time.
constexpr size_t kept_when_empty = 256;
constexpr size_t least_capacity = 64;
constexpr size_t least_waste = 256;

/// What a row's size takes before its bytes.
size_t bytes_of_size(size_t size) noexcept {
  size_t out = 1;
  for (; size >= 0x80; size >>= 7)
    ++out;
  return out;
}

} // namespace

packed_rows::row packed_rows::row_of(const place& x) const noexcept {
  byte_reader in{{block_.get() + x.begin, used_ - x.begin}};
  return {x.at, x.tag, in.text()};
}

bool packed_rows::before(const place& x, const row& added) const noexcept {
  if (x.at != added.at)
    return x.at < added.at;
  if (x.tag != added.tag)
    return x.tag < added.tag;
  return row_of(x).bytes < added.bytes;
}

size_t packed_rows::count_until(event_time at) const noexcept {
  // Mostly it is asked about the first ones or the last ones, and what lies between is not in
  // cache: looked at are the last, the second last, the fourth last and so on.
  constexpr size_t near = 16;
  if (earliest_ > at || empty())
    return 0;
  size_t first = 0;
  size_t last = size_;
  for (size_t back = 1; back <= std::min<size_t>(near, size_); back *= 2) {
    if (this->at(size_ - back) <= at) {
      first = size_ - back + 1;
      break;
    }
    last = size_ - back;
  }
  auto found = std::upper_bound(begin() + static_cast<ptrdiff_t>(first),
                                begin() + static_cast<ptrdiff_t>(last), at,
                                [](auto time, const auto& x) { return time < x.at; });
  return static_cast<size_t>(found - begin());
}

std::optional<size_t> packed_rows::insert(event_time at, uint32_t tag, std::string_view bytes) {
  auto wanted = bytes_of_size(bytes.size()) + bytes.size();
  if (used_ + wanted > max_bytes) {
    // Room is made for many rows at once, since all of them have to be moved.
    constexpr auto most_left = max_bytes / 8 * 7;
    if (used_ - wasted_ + wanted > most_left)
      return std::nullopt;
    move_to(capacity_);
  }
  make_room(wanted + sizeof(place));
  row added{at, tag, bytes};
  auto to = end();
  if (!empty() && !before(to[-1], added))
    to = std::lower_bound(begin(), to, added,
                          [this](const auto& x, const auto& y) { return before(x, y); });
  auto behind = static_cast<size_t>(end() - to);
  auto* lowest = end_of_memory() - first_ - size_ - 1;
  if (behind > 0)
    std::memmove(lowest, lowest + 1, behind * sizeof(place));
  new (lowest + behind) place{at, tag, used_};
  write_row(bytes);
  ++size_;
  earliest_ = std::min(earliest_, at);
  return size_ - 1 - behind;
}

void packed_rows::write_row(std::string_view bytes) noexcept {
  auto* to = block_.get() + used_;
  auto size = bytes.size();
  for (; size >= 0x80; size >>= 7)
    *to++ = static_cast<char>(static_cast<uint8_t>(size) | 0x80u);
  *to++ = static_cast<char>(size);
  std::copy(bytes.begin(), bytes.end(), to);
  used_ = static_cast<uint32_t>(to - block_.get() + static_cast<ptrdiff_t>(bytes.size()));
}

void packed_rows::make_room(size_t wanted) {
  if (used_ + places_bytes() + wanted <= capacity_)
    return;
  auto needed = kept_bytes() + wanted;
  // Moving pays when it leaves room for more than one row.
  auto enough = needed + needed / 4 <= capacity_;
  move_to(enough ? capacity_ : std::max(least_capacity, needed + needed / 2));
}

/// Moves the rows to memory of their own, without those taken away.
void packed_rows::move_to(size_t capacity) {
  constexpr auto step = sizeof(place);
  capacity = (capacity + step - 1) / step * step;
  auto made = std::make_unique_for_overwrite<char[]>(capacity);
  auto* places = reinterpret_cast<place*>(made.get() + capacity);
  uint32_t used = 0;
  for (auto i = begin(); i != end(); ++i) {
    const auto* bytes = block_.get() + i->begin;
    auto text = row_of(*i).bytes;
    auto size = static_cast<uint32_t>(text.data() + text.size() - bytes);
    std::memcpy(made.get() + used, bytes, size);
    new (--places) place{i->at, i->tag, used};
    used += size;
  }
  block_ = std::move(made);
  capacity_ = static_cast<uint32_t>(capacity);
  used_ = used;
  wasted_ = 0;
  first_ = 0;
}

void packed_rows::erase(size_t i) {
  if (i == 0) {
    erase_front();
    return;
  }
  auto at = begin() + static_cast<ptrdiff_t>(i);
  waste(*at);
  auto* lowest = end_of_memory() - first_ - size_;
  std::memmove(lowest + 1, lowest, (size_ - i - 1) * sizeof(place));
  --size_;
  give_back();
}

void packed_rows::erase_front(size_t count) {
  for (size_t i = 0; i < count; ++i)
    waste(begin()[static_cast<ptrdiff_t>(i)]);
  first_ += static_cast<uint32_t>(count);
  size_ -= static_cast<uint32_t>(count);
  earliest_ = empty() ? end_of_time : at(0);
  give_back();
}

void packed_rows::waste(const place& x) noexcept {
  auto size = row_of(x).bytes.size();
  wasted_ += static_cast<uint32_t>(bytes_of_size(size) + size);
}

void packed_rows::clear() noexcept {
  block_ = nullptr;
  earliest_ = end_of_time;
  capacity_ = used_ = wasted_ = first_ = size_ = 0;
}

void packed_rows::give_back() {
  if (empty()) {
    if (capacity_ > kept_when_empty)
      clear();
    used_ = wasted_ = first_ = 0;
    return;
  }
  auto wasted = wasted_ + sizeof(place) * first_;
  if (wasted > least_waste && wasted > (used_ + places_bytes()) / 2)
    move_to(kept_bytes() + kept_bytes() / 4);
}

void packed_rows::encode(byte_writer& out) const {
  out.varint(size());
  for (size_t i = 0; i < size(); ++i) {
    auto x = (*this)[i];
    out.time(x.at);
    out.varint(x.tag);
    out.text(x.bytes);
  }
}

} // namespace keyfold
