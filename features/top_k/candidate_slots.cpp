#include "features/top_k/candidate_slots.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace keyfold::ranking {

namespace {

/// The next number of slots to have memory for. Most keys have few candidates, and leave no more
/// than three places empty.
uint32_t next_capacity(uint32_t capacity) noexcept {
  constexpr uint32_t step = 4;
  return capacity < 4 * step ? capacity + step : capacity + capacity / 2;
}

} // namespace

candidate_slots::candidate_slots(const candidate_slots& other) {
  if (other.memory_ == nullptr)
    return;
  auto bytes = other.slots_at_ + other.capacity_ * sizeof(candidate);
  memory_ = static_cast<std::byte*>(::operator new(bytes));
  std::memcpy(memory_, other.memory_, other.slots_at_);
  capacity_ = other.capacity_;
  slots_at_ = other.slots_at_;
  list_size_ = other.list_size_;
  for (const auto& x : other.all())
    new (slots() + size_++) candidate(x);
}

candidate_slots::~candidate_slots() {
  std::destroy_n(slots(), size_);
  ::operator delete(memory_);
}

void candidate_slots::swap(candidate_slots& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(slots_at_, other.slots_at_);
  std::swap(list_size_, other.list_size_);
}

/// Whole words, so that the slots behind them are aligned.
uint32_t candidate_slots::tags_bytes(uint32_t capacity) noexcept {
  constexpr uint32_t word = alignof(candidate);
  if (capacity > most_tagged)
    return 0;
  return (capacity * static_cast<uint32_t>(sizeof(uint16_t)) + word - 1) / word * word;
}

void candidate_slots::grow(uint32_t capacity, uint32_t longest) {
  auto numbers_bytes = (std::min(capacity, longest) + 1) / 2 * 2 * sizeof(uint32_t);
  candidate_slots made;
  made.capacity_ = capacity;
  made.slots_at_ = static_cast<uint32_t>(numbers_bytes) + tags_bytes(capacity);
  made.memory_ =
      static_cast<std::byte*>(::operator new(made.slots_at_ + capacity * sizeof(candidate)));
  made.set_list(list());
  if (size_ > 0 && made.tagged())
    std::copy_n(tags(), size_, made.tags());
  std::uninitialized_move_n(slots(), size_, made.slots());
  made.size_ = size_;
  swap(made);
}

uint32_t candidate_slots::append(uint64_t hash, uint32_t longest, uint32_t most) {
  if (size_ == capacity_) {
    auto next = next_capacity(capacity_);
    grow(capacity_ < most ? std::min(next, most) : next, longest);
  }
  new (slots() + size_) candidate;
  renamed(size_, hash);
  return size_++;
}

void candidate_slots::erase(uint32_t slot) {
  std::move(slots() + slot + 1, slots() + size_, slots() + slot);
  if (tagged())
    std::copy(tags() + slot + 1, tags() + size_, tags() + slot);
  std::destroy_at(slots() + --size_);
  auto kept = std::remove(numbers(), numbers() + list_size_, slot);
  list_size_ = static_cast<uint32_t>(kept - numbers());
  for (auto& x : list())
    x -= x > slot ? 1 : 0;
}

uint32_t candidate_slots::find(std::string_view text, uint64_t hash) const noexcept {
  constexpr uint32_t few = 16;
  auto wanted = tag_of(hash);
  const auto* tag = tags();
  if (size_ > few) {
    // A loop without a way out: the compiler compares eight at a time.
    auto any = false;
    for (uint32_t slot = 0; slot < size_; ++slot)
      any |= tag[slot] == wanted;
    if (!any)
      return nowhere;
  }
  for (uint32_t slot = 0; slot < size_; ++slot)
    if (tag[slot] == wanted && std::string_view{(*this)[slot].text} == text)
      return slot;
  return nowhere;
}

void candidate_slots::set_list(std::span<const uint32_t> to) noexcept {
  std::copy(to.begin(), to.end(), numbers());
  list_size_ = static_cast<uint32_t>(to.size());
}

size_t candidate_slots::memory() const noexcept {
  auto sum = slots_at_ + capacity_ * sizeof(candidate);
  for (const auto& x : all())
    sum += x.text.memory();
  return sum;
}

} // namespace keyfold::ranking
