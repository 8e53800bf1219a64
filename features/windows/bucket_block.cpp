#include "features/windows/bucket_block.hpp"

#include <algorithm>

namespace keyfold::windows {

void bucket_block::insert(uint32_t place, int64_t number) {
  auto* made = records_.insert(place, number);
  made[1] = static_cast<uint64_t>(beginning_of_time.time_since_epoch().count());
  if (place == 0)
    first_ = number;
}

void bucket_block::note(uint32_t place, event_time at) noexcept {
  auto latest = std::max(newest(place), at);
  records_[place][1] = static_cast<uint64_t>(latest.time_since_epoch().count());
}

void bucket_block::drop(uint32_t count) noexcept {
  if (count == 0)
    return;
  if (set_->owning())
    for (uint32_t i = 0; i < count; ++i)
      set_->clear(aggregates(i));
  records_.drop(count);
  note_first();
}

void bucket_block::erase(uint32_t place) noexcept {
  set_->clear(aggregates(place));
  records_.erase(place);
  note_first();
}

size_t bucket_block::memory() const noexcept {
  auto sum = records_.memory();
  if (set_->owning())
    for (uint32_t i = 0; i < size(); ++i)
      sum += set_->memory(aggregates(i));
  return sum;
}

} // namespace keyfold::windows
