#include "features/windows/sliding_frame.hpp"

namespace keyfold::windows {

sliding_frame::sliding_frame(const aggregate_function& function, uint32_t slot, int64_t buckets)
    : function_(&function), slot_(slot), buckets_(buckets), total_(function.words(), 0) {}

void sliding_frame::forget() noexcept {
  if (!total_.empty())
    function_->clear(total_.data());
  while (!front_numbers_.empty())
    pop();
  merged_to_ = merged_from_ = nothing;
}

void sliding_frame::pop() noexcept {
  function_->clear(top());
  front_.resize(front_.size() - function_->words());
  front_numbers_.pop_back();
}

cell sliding_frame::value(const bucket_block& blocks, int64_t end, arena& memory) {
  if (merged_to_ != nothing && slid_out(end))
    forget();
  if (function_->retractable()) {
    slide_total(blocks, end);
    return function_->value(total_.data(), memory);
  }
  slide_stacks(blocks, end);
  if (front_numbers_.empty())
    return function_->value(total_.data(), memory);
  temporary_slot all{*function_, memory};
  function_->merge(all.words(), top());
  function_->merge(all.words(), total_.data());
  return function_->value(all.words(), memory);
}

void sliding_frame::slide_total(const bucket_block& blocks, int64_t end) {
  auto begin = end - buckets_ + 1;
  auto from = merged_to_ == nothing ? begin : merged_to_ + 1;
  for (auto place = blocks.place_of(from);
       place < blocks.size() && blocks.number(place) <= end; ++place)
    function_->merge(total_.data(), blocks.slot(place, slot_));
  if (merged_to_ != nothing)
    for (auto place = blocks.place_of(merged_from_);
         place < blocks.size() && blocks.number(place) < begin; ++place)
      function_->retract(total_.data(), blocks.slot(place, slot_));
  merged_from_ = begin;
  merged_to_ = end;
}

void sliding_frame::slide_stacks(const bucket_block& blocks, int64_t end) {
  auto begin = end - buckets_ + 1;
  while (!front_numbers_.empty() && front_numbers_.back() < begin)
    pop();
  // The newer part cannot lose its oldest: it becomes the older part.
  if (merged_to_ != nothing && front_numbers_.empty() && merged_from_ < begin) {
    turn_over(blocks, end);
    return;
  }
  if (merged_to_ == nothing)
    merged_from_ = begin;
  auto from = merged_to_ == nothing ? begin : merged_to_ + 1;
  for (auto place = blocks.place_of(from);
       place < blocks.size() && blocks.number(place) <= end; ++place)
    function_->merge(total_.data(), blocks.slot(place, slot_));
  merged_to_ = end;
}

void sliding_frame::turn_over(const bucket_block& blocks, int64_t end) {
  function_->clear(total_.data());
  auto first = blocks.place_of(end - buckets_ + 1);
  auto words = function_->words();
  for (auto place = blocks.place_of(end + 1); place > first; --place) {
    auto before = front_numbers_.size();
    front_.resize(front_.size() + words, 0);
    function_->merge(top(), blocks.slot(place - 1, slot_));
    if (before > 0)
      function_->merge(top(), top() - words);
    front_numbers_.push_back(blocks.number(place - 1));
  }
  merged_to_ = end;
  merged_from_ = end + 1;
}

size_t sliding_frame::memory() const noexcept {
  auto sum = total_.capacity() * sizeof(uint64_t) + front_.capacity() * sizeof(uint64_t)
             + front_numbers_.capacity() * sizeof(int64_t) + function_->memory(total_.data());
  for (size_t i = 0; i < front_.size(); i += function_->words())
    sum += function_->memory(front_.data() + i);
  return sum;
}

} // namespace keyfold::windows
