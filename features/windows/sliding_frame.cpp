#include "features/windows/sliding_frame.hpp"

#include "features/aggregate/set.hpp"

namespace keyfold::windows {

sliding_frame::sliding_frame(const aggregate_function& function)
    : function_(&function), total_(function.words(), 0) {}

void sliding_frame::forget() noexcept {
  if (!total_.empty())
    function_->clear(total_.data());
  while (!front_.empty())
    pop();
  merged_to_ = merged_from_ = nothing;
}

void sliding_frame::pop() noexcept {
  function_->clear(top());
  front_.resize(front_.size() - function_->words() - 1);
}

cell sliding_frame::value(const frame_elements& elements, int64_t begin, int64_t end,
                          arena& memory) {
  // Nothing that was merged is still in the frame.
  if (merged_to_ != nothing && merged_to_ < begin)
    forget();
  if (function_->retractable()) {
    slide_total(elements, begin, end);
    return function_->value(total_.data(), memory);
  }
  slide_stacks(elements, begin, end);
  if (front_.empty())
    return function_->value(total_.data(), memory);
  temporary_slot all{*function_, memory};
  function_->merge(all.words(), top());
  function_->merge(all.words(), total_.data());
  return function_->value(all.words(), memory);
}

void sliding_frame::slide_total(const frame_elements& elements, int64_t begin, int64_t end) {
  auto from = merged_to_ == nothing ? begin : merged_to_ + 1;
  for (auto place = elements.place_of(from);
       place < elements.size() && elements.number(place) <= end; ++place)
    elements.add_to(total_.data(), place);
  if (merged_to_ != nothing)
    for (auto place = elements.place_of(merged_from_);
         place < elements.size() && elements.number(place) < begin; ++place)
      elements.take_from(total_.data(), place);
  merged_from_ = begin;
  merged_to_ = end;
}

void sliding_frame::slide_stacks(const frame_elements& elements, int64_t begin, int64_t end) {
  while (!front_.empty() && first_number() < begin)
    pop();
  // The newer part cannot lose its oldest: it becomes the older part.
  if (merged_to_ != nothing && front_.empty() && merged_from_ < begin) {
    turn_over(elements, begin, end);
    return;
  }
  if (merged_to_ == nothing)
    merged_from_ = begin;
  auto from = merged_to_ == nothing ? begin : merged_to_ + 1;
  for (auto place = elements.place_of(from);
       place < elements.size() && elements.number(place) <= end; ++place)
    elements.add_to(total_.data(), place);
  merged_to_ = end;
}

void sliding_frame::turn_over(const frame_elements& elements, int64_t begin, int64_t end) {
  function_->clear(total_.data());
  auto first = elements.place_of(begin);
  auto words = function_->words();
  for (auto place = elements.place_of(end + 1); place > first; --place) {
    auto is_last = front_.empty();
    front_.push_back(static_cast<uint64_t>(elements.number(place - 1)));
    front_.resize(front_.size() + words, 0);
    elements.add_to(top(), place - 1);
    if (!is_last)
      function_->merge(top(), top() - words - 1);
  }
  merged_to_ = end;
  merged_from_ = end + 1;
}

size_t sliding_frame::memory() const noexcept {
  auto outside = total_.capacity() > few_words ? total_.capacity() * sizeof(uint64_t) : 0;
  auto sum = outside + front_.capacity() * sizeof(uint64_t) + function_->memory(total_.data());
  for (size_t i = 0; i < front_.size(); i += function_->words() + 1)
    sum += function_->memory(front_.data() + i + 1);
  return sum;
}

} // namespace keyfold::windows
