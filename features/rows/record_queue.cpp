#include "features/rows/record_queue.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace keyfold {

namespace {

constexpr size_t least_bytes = 64;  // a key that has one record gets a second one soon
constexpr size_t kept_bytes = 1024; // a key that was busy once does not keep more when it is empty

} // namespace

record_queue::~record_queue() {
  give_back();
}

void record_queue::give_back() noexcept {
  if (!at_home())
    ::operator delete(words_);
  go_home();
}

uint32_t record_queue::place_of(int64_t wanted) const noexcept {
  return size_ == 0 || key(0) >= wanted ? 0 : place_behind_first(wanted);
}

uint32_t record_queue::place_behind_first(int64_t wanted) const noexcept {
  if (size_ == 1 || key(size_ - 1) < wanted)
    return size_;
  // What is asked for is mostly near an end: rows and buckets come to a frame and leave it one
  // after the other. What lies between is not in cache.
  if (key(size_ - 2) < wanted)
    return size_ - 1;
  uint32_t step = 1;
  while (step < size_ - 1 && key(step) < wanted)
    step *= 2;
  auto low = step / 2 + 1;
  for (auto high = std::min(step, size_ - 1); low < high;) {
    auto middle = low + (high - low) / 2;
    if (key(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void record_queue::make_room() {
  if (first_ + size_ < capacity_)
    return;
  // Memory whose first half has been given up is used anew.
  if (first_ > 0 && first_ >= size_) {
    std::memmove(words_, (*this)[0], size_ * bytes());
    first_ = 0;
    return;
  }
  auto least = static_cast<uint32_t>(std::max<size_t>(1, least_bytes / bytes()));
  if (at_home())
    least = 4 * home_; // or it would go there and back for a record or two
  auto capacity = std::max(least, size_ + std::max(1u, size_ / 2));
  auto* made = static_cast<uint64_t*>(::operator new(capacity* bytes()));
  if (size_ > 0)
    std::memcpy(made, (*this)[0], size_ * bytes());
  give_back();
  words_ = made;
  first_ = 0;
  capacity_ = capacity;
}

uint64_t* record_queue::insert(uint32_t place, int64_t key) {
  make_room();
  auto* made = (*this)[place];
  if (place < size_)
    std::memmove(made + width_, made, (size_ - place) * bytes());
  made[0] = static_cast<uint64_t>(key);
  std::fill_n(made + 1, width_ - 1, uint64_t{0});
  ++size_;
  return made;
}

void record_queue::erase(uint32_t place) noexcept {
  std::memmove((*this)[place], (*this)[place] + width_, (size_ - place - 1) * bytes());
  --size_;
}

void record_queue::drop(uint32_t count) noexcept {
  first_ += count;
  size_ -= count;
  if (size_ > 0)
    return;
  first_ = 0;
  if (home_ > 0 || memory() > kept_bytes)
    give_back();
}

} // namespace keyfold
