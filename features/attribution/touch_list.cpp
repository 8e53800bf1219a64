#include "features/attribution/touch_list.hpp"

#include <algorithm>

namespace keyfold::attributing {

namespace {

constexpr size_t stride = 32; // looked at together, which compilers make a few instructions of

bool any_is(const uint16_t* halves, uint16_t wanted) noexcept {
  uint16_t found = 0;
  for (size_t i = 0; i < stride; ++i)
    found = static_cast<uint16_t>(found | (halves[i] == wanted ? 1 : 0));
  return found != 0;
}

size_t first_half(const uint16_t* halves, uint16_t wanted, size_t first, size_t last) noexcept {
  while (last - first >= stride && !any_is(halves + first, wanted))
    first += stride;
  while (first < last && halves[first] != wanted)
    ++first;
  return first;
}

size_t behind_last_half(const uint16_t* halves, uint16_t wanted, size_t first,
                        size_t last) noexcept {
  while (last - first >= stride && !any_is(halves + last - stride, wanted))
    last -= stride;
  while (last > first && halves[last - 1] != wanted)
    --last;
  return last;
}

} // namespace

size_t touch_list::first_with(uint32_t tag, size_t first, size_t last) const noexcept {
  auto next = [&](size_t from) {
    return has_halves() ? first_half(halves(), static_cast<half>(tag), from, last) : from;
  };
  for (first = next(first); first < last && rows_.tag(first) != tag;)
    first = next(first + 1);
  return first;
}

size_t touch_list::behind_last_with(uint32_t tag, size_t first, size_t last) const noexcept {
  auto next = [&](size_t until) {
    return has_halves() ? behind_last_half(halves(), static_cast<half>(tag), first, until) : until;
  };
  for (last = next(last); last > first && rows_.tag(last - 1) != tag;)
    last = next(last - 1);
  return last;
}

void touch_list::insert_half(size_t place, uint32_t tag) {
  if (!has_halves()) {
    keep_halves();
    return;
  }
  if (halves_.size() == halves_.capacity()) {
    auto kept = halves_.size() - gone_;
    if (gone_ > kept / 8) {
      halves_.erase(halves_.begin(), halves_.begin() + gone_);
      gone_ = 0;
    } else {
      halves_.reserve(halves_.size() + kept / 4);
    }
  }
  halves_.insert(halves_.begin() + static_cast<ptrdiff_t>(gone_ + place), static_cast<half>(tag));
}

void touch_list::keep_halves() {
  if (rows_.size() < many)
    return;
  halves_.reserve(rows_.size() + rows_.size() / 4);
  for (size_t i = 0; i < rows_.size(); ++i)
    halves_.push_back(static_cast<half>(rows_.tag(i)));
}

void touch_list::shrink_halves() {
  if (rows_.size() >= many / 2 && halves_.capacity() <= 4 * rows_.size())
    return;
  halves_ = std::vector<half>();
  gone_ = 0;
  keep_halves();
}

void touch_list::erase(size_t i) {
  rows_.erase(i);
  if (!has_halves())
    return;
  halves_.erase(halves_.begin() + static_cast<ptrdiff_t>(gone_ + i));
  shrink_halves();
}

void touch_list::erase_front(size_t count) {
  rows_.erase_front(count);
  if (!has_halves())
    return;
  gone_ += static_cast<uint32_t>(count);
  shrink_halves();
}

} // namespace keyfold::attributing
