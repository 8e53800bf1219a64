#include "actors/emission_recorder.hpp"

#include <iterator>
#include <utility>

namespace keyfold {

void emission_recorder::emit(std::span<const cell> row, event_time at) {
  auto to = builder_.begin_row();
  for (size_t i = 0; i < stream_.columns.size(); ++i)
    to[i] = builder_.text().copy(row[stream_.columns[i]]);
  auto outcome = builder_.finish_row(at);
  if (!outcome || *outcome == event_batch_builder::outcome::filtered)
    ++filtered_;
  ++counts_.emitted;
  if (builder_.size() == batch_rows)
    seal();
}

void emission_recorder::seal() {
  if (builder_.size() == 0)
    return;
  sealed_rows_ += builder_.size();
  sealed_.push_back(builder_.build());
}

std::vector<event_batch_ptr> emission_recorder::take() {
  seal();
  sealed_rows_ = 0;
  return std::exchange(sealed_, {});
}

void emission_recorder::take(emission_recorder& other) {
  filtered_ += other.take_filtered();
  if (other.size() == 0)
    return;
  seal();
  sealed_rows_ += other.size();
  auto theirs = other.take();
  std::move(theirs.begin(), theirs.end(), std::back_inserter(sealed_));
}

} // namespace keyfold
