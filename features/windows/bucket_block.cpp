#include "features/windows/bucket_block.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace keyfold::windows {

bucket_block::~bucket_block() {
  drop(size_);
  ::operator delete(words_);
}

uint32_t bucket_block::place_of(int64_t wanted) const noexcept {
  // Most rows belong to the newest bucket.
  if (size_ == 0 || number(size_ - 1) < wanted)
    return size_;
  uint32_t low = 0;
  for (auto high = size_ - 1; low < high;) {
    auto middle = low + (high - low) / 2;
    if (number(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void bucket_block::make_room() {
  if (first_ + size_ < capacity_)
    return;
  auto bytes = stride() * sizeof(uint64_t);
  // Memory whose first half has been given up is used anew.
  if (first_ > 0 && first_ >= size_) {
    std::memmove(words_, at(0), size_ * bytes);
    first_ = 0;
    return;
  }
  auto capacity = std::max(1u, size_ + std::max(1u, size_ / 2));
  auto* made = static_cast<uint64_t*>(::operator new(capacity* bytes));
  if (size_ > 0)
    std::memcpy(made, at(0), size_ * bytes);
  ::operator delete(words_);
  words_ = made;
  first_ = 0;
  capacity_ = capacity;
}

void bucket_block::insert(uint32_t place, int64_t number) {
  make_room();
  auto* made = at(place);
  std::memmove(made + stride(), made, (size_ - place) * stride() * sizeof(uint64_t));
  std::fill_n(made, stride(), uint64_t{0});
  made[0] = static_cast<uint64_t>(number);
  made[1] = static_cast<uint64_t>(beginning_of_time.time_since_epoch().count());
  ++size_;
}

void bucket_block::note(uint32_t place, event_time at) noexcept {
  auto latest = std::max(newest(place), at);
  this->at(place)[1] = static_cast<uint64_t>(latest.time_since_epoch().count());
}

void bucket_block::drop(uint32_t count) noexcept {
  if (set_->owning())
    for (uint32_t i = 0; i < count; ++i)
      set_->clear(aggregates(i));
  first_ += count;
  size_ -= count;
  if (size_ == 0)
    first_ = 0;
}

void bucket_block::erase(uint32_t place) noexcept {
  set_->clear(aggregates(place));
  std::memmove(at(place), at(place + 1), (size_ - place - 1) * stride() * sizeof(uint64_t));
  --size_;
}

size_t bucket_block::memory() const noexcept {
  auto sum = capacity_ * stride() * sizeof(uint64_t);
  if (set_->owning())
    for (uint32_t i = 0; i < size_; ++i)
      sum += set_->memory(aggregates(i));
  return sum;
}

} // namespace keyfold::windows
