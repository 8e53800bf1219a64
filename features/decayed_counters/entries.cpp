#include "features/decayed_counters/entries.hpp"

#include <cstdlib>
#include <new>

namespace keyfold::counters {

entry_layout::entry_layout(bool has_text, bool has_start, uint32_t sums,
                           uint32_t distincts) noexcept
    : has_start_(has_start), owning_(has_text || distincts > 0), sums_(sums),
      distincts_(distincts) {
  constexpr uint32_t word = sizeof(double);
  sums_at_ = sizeof(entry::parts) + (has_start ? word : 0);
  auto next = sums_at_ + sums * word;
  text_at_ = has_text ? next : 0;
  distincts_at_ = next + (has_text ? entry::inside_size : 0);
  stride_ = distincts_at_ + distincts * word;
}

std::string_view entry::text() const noexcept {
  if (!layout_->has_text())
    return {};
  const auto* text = at_ + layout_->text_at_;
  if (fixed().text_size != outside)
    return {text, fixed().text_size};
  const char* block = nullptr;
  std::memcpy(&block, text, sizeof block);
  size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  return {block + sizeof size, size};
}

void entry::put_text(std::string_view text) const {
  auto* to = at_ + layout_->text_at_;
  if (text.size() <= inside_size) {
    fixed().text_size = static_cast<uint8_t>(text.size());
    std::copy(text.begin(), text.end(), to);
    return;
  }
  auto size = text.size();
  auto* block = static_cast<char*>(std::malloc(sizeof size + size));
  if (block == nullptr)
    throw std::bad_alloc{};
  fixed().text_size = outside;
  std::memcpy(block, &size, sizeof size);
  std::copy(text.begin(), text.end(), block + sizeof size);
  std::memcpy(to, &block, sizeof block);
}

void entry::free_owned() const noexcept {
  if (layout_->has_text() && fixed().text_size == outside) {
    char* block = nullptr;
    std::memcpy(&block, at_ + layout_->text_at_, sizeof block);
    std::free(block);
  }
  for (uint32_t i = 0; i < layout_->distincts(); ++i)
    static_cast<void>(distinct_counter::adopt(distinct(i)));
}

size_t entry::owned_memory() const noexcept {
  size_t sum = 0;
  if (layout_->has_text() && fixed().text_size == outside)
    sum += sizeof(size_t) + text().size();
  for (uint32_t i = 0; i < layout_->distincts(); ++i)
    sum += borrowed_distinct {
      distinct(i)
      } -> memory();
  return sum;
}

entry_block::entry_block(void* given, uint32_t capacity) noexcept {
  if (capacity > 0)
    head_ = new (given) head{0, capacity & 0x7fffffffu, 1, end_of_time};
}

entry_block::~entry_block() {
  if (head_ != nullptr && !head_->is_given)
    std::free(head_);
}

void entry_block::forget() noexcept {
  if (head_ == nullptr)
    return;
  if (head_->is_given) {
    head_->size = 0;
    head_->wake_at = end_of_time;
    return;
  }
  std::free(head_);
  head_ = nullptr;
}

std::pair<uint32_t, uint32_t> entry_block::find(const entry_layout& layout,
                                                const group_ref& group) const noexcept {
  constexpr uint32_t few = 16; // up to here, looking at all in turn is the fastest
  auto end = size();
  uint32_t first = 0;
  if (end <= few) {
    while (first < end && at(layout, first).id() < group.id)
      ++first;
  } else {
    for (auto beyond = end; first < beyond;) {
      auto middle = first + (beyond - first) / 2;
      if (at(layout, middle).id() < group.id)
        first = middle + 1;
      else
        beyond = middle;
    }
  }
  while (layout.has_text() && first < end && at(layout, first).id() == group.id
         && at(layout, first).text() < group.text)
    ++first;
  auto last = first;
  while (last < end && at(layout, last).id() == group.id
         && (!layout.has_text() || at(layout, last).text() == group.text))
    ++last;
  return {first, last};
}

void entry_block::grow(const entry_layout& layout) {
  auto size = this->size();
  // Most keys have few groups and most of the memory is theirs: they get no room to spare.
  auto capacity = size < 4 ? size + 1 : size + size / 2;
  auto given = head_ != nullptr && head_->is_given;
  auto* grown =
      static_cast<head*>(std::realloc(given ? nullptr : head_, room_for(layout, capacity)));
  if (grown == nullptr)
    throw std::bad_alloc{};
  if (given)
    std::memcpy(static_cast<void*>(grown), head_, room_for(layout, size));
  else if (size == 0)
    *grown = {0, 0, 0, end_of_time};
  grown->capacity = capacity & 0x7fffffffu;
  grown->is_given = 0;
  head_ = grown;
}

entry entry_block::insert(const entry_layout& layout, uint32_t place, const group_ref& group) {
  if (head_ == nullptr || head_->size == head_->capacity)
    grow(layout);
  auto result = at(layout, place);
  std::memmove(result.at_ + layout.stride(), result.at_,
               size_t{head_->size - place} * layout.stride());
  std::memset(result.at_, 0, layout.stride());
  ++head_->size;
  result.fixed().id = group.id;
  if (layout.has_text())
    result.put_text(group.text);
  return result;
}

void entry_block::erase(const entry_layout& layout, uint32_t place) noexcept {
  auto erased = at(layout, place);
  erased.free_owned();
  --head_->size;
  std::memmove(erased.at_, erased.at_ + layout.stride(),
               size_t{head_->size - place} * layout.stride());
  if (head_->size == 0)
    forget();
}

void entry_block::clear(const entry_layout& layout) noexcept {
  if (layout.owning())
    for (uint32_t i = 0; i < size(); ++i)
      at(layout, i).free_owned();
  forget();
}

size_t entry_block::memory(const entry_layout& layout) const noexcept {
  if (head_ == nullptr)
    return 0;
  auto sum = head_->is_given ? 0 : room_for(layout, head_->capacity);
  if (layout.owning())
    for (uint32_t i = 0; i < size(); ++i)
      sum += at(layout, i).owned_memory();
  return sum;
}

} // namespace keyfold::counters
