#include "features/windows/bucket_windows_view.hpp"

#include <algorithm>
#include <xxhash.h>

namespace keyfold::windows {

namespace {

/// Up to so many buckets, merging them anew for every window costs less than keeping frames.
constexpr uint32_t few_buckets = 8;

uint64_t hash_of(std::span<const cell> values, std::string& text) {
  text.clear();
  byte_writer out{text};
  for (const auto& x : values)
    out.value(x);
  return XXH3_64bits(text.data(), text.size()) | 1; // 0 says that there is none
}

/// The buckets, as what one aggregate slides along.
class bucket_elements final : public frame_elements {
public:
  bucket_elements(const bucket_windows_state& state, uint32_t slot)
      : state_(state), buckets_(state.buckets), slot_(slot),
        function_(buckets_.set().function(slot)) {}

  uint32_t size() const noexcept override { return buckets_.size(); }
  int64_t number(uint32_t place) const noexcept override { return buckets_.number(place); }
  /// What a frame asks for first is what has come since the last window: known without a search
  /// through memory that is not in cache.
  uint32_t place_of(int64_t number) const noexcept override {
    return number == state_.last_end + 1 ? state_.fired : buckets_.place_of(number);
  }
  void add_to(uint64_t* words, uint32_t place) const override {
    function_.merge(words, buckets_.slot(place, slot_));
  }
  void take_from(uint64_t* words, uint32_t place) const override {
    function_.retract(words, buckets_.slot(place, slot_));
  }

private:
  const bucket_windows_state& state_;
  const bucket_block& buckets_;
  uint32_t slot_;
  const aggregate_function& function_;
};

} // namespace

void bucket_windows::advance(state_type& own, fold_context& context) const {
  auto complete = grid_.complete(context.watermark);
  while (own.next_end <= complete && own.next_end != step_grid::all_complete) {
    auto before = context.scratch->now();
    fire(own, own.next_end, context);
    context.scratch->rewind(before);
  }
}

void bucket_windows::fire(state_type& state, int64_t end, fold_context& context) const {
  auto& buckets = state.buckets;
  auto first = buckets.place_of(end - largest_ + 1);
  for (const auto& frame : state.frames)
    frame.prefetch();
  auto behind = buckets.place_of(end + 1);
  auto is_empty = first == behind;
  if (!is_empty) {
    arrange_frames(state);
    publish(state, end, window_row(state, end, *context.scratch), false, context);
    state.last_end = end;
  } else {
    if (settings_.empty_window_output && state.last_end != step_grid::none_complete)
      publish(state, end, window_row(state, end, *context.scratch), true, context);
    else if (state.changed)
      settle(state);
    state.last_end = step_grid::none_complete;
    state.published_hash = 0;
    state.forget_frames();
  }
  buckets.drop(first);
  state.fired = is_empty ? 0 : behind - first;
  state.next_end = next_end(state, end);
}

std::span<cell> bucket_windows::window_row(state_type& state, int64_t end, arena& memory) const {
  auto cells = memory.allocate_cells(rows_.width());
  cells[0] = stamp(end);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto& x = outputs_[i];
    cells[i + 1] = state.frames.empty() ? window_value(state.buckets, x, end, memory)
                                        : state.frames[i].value(bucket_elements{state, x.slot},
                                                                end - x.buckets + 1, end, memory);
  }
  return cells;
}

cell bucket_windows::stamp(int64_t end) const noexcept {
  return cell::timestamp(std::chrono::floor<std::chrono::milliseconds>(grid_.last(end)));
}

void bucket_windows::publish(state_type& state, int64_t end, std::span<const cell> values,
                             bool is_empty, fold_context& context) const {
  if (settings_.skip_same_window_output) {
    std::string text;
    auto hash = hash_of(values.subspan(1), text);
    if (hash == state.published_hash)
      return;
    state.published_hash = hash;
  }
  if (!rows_.holds(values, *context.scratch)) {
    // The row before it is still the last one published, and its buckets are about to go.
    settle(state);
    return;
  }
  state.published_end = end;
  state.published_empty = is_empty;
  state.changed = true;
  state.pending.reset();
  if (rows_.selective())
    state.pending = std::make_unique<std::string>(pack(values, time_of(end)));
  std::span<const cell> carried;
  if (context.emissions != nullptr && state.carried)
    carried = unpack(*state.carried, settings_.carry.size(), *context.scratch).first;
  rows_.publish(carried, values, time_of(end), context);
}

/// Writes down the row published last while the buckets still tell it.
void bucket_windows::settle(state_type& state) const {
  if (!state.changed || state.pending)
    return;
  arena memory{512};
  state.pending = std::make_unique<std::string>(
      pack(published_row(state, memory), time_of(state.published_end)));
}

int64_t bucket_windows::next_end(const state_type& state, int64_t end) const noexcept {
  const auto& buckets = state.buckets;
  if (state.last_end == end)
    return settings_.skip_same_window_output ? next_change(state, end) : end + 1;
  return buckets.size() == 0 ? step_grid::all_complete : buckets.number(0);
}

/// The next window in which a bucket comes or goes: those before it are all the same.
int64_t bucket_windows::next_change(const state_type& state, int64_t end) const noexcept {
  const auto& buckets = state.buckets;
  auto next = step_grid::all_complete;
  if (state.fired < buckets.size())
    next = buckets.number(state.fired);
  for (auto size : sizes_) {
    auto going = buckets.place_of(end - size + 1);
    if (going < buckets.size())
      next = std::min(next, buckets.number(going) + size);
  }
  return next;
}

void bucket_windows::arrange_frames(state_type& state) const {
  if (state.buckets.size() <= few_buckets / 2 && !state.frames.empty())
    state.forget_frames();
  if (state.buckets.size() <= few_buckets || !state.frames.empty())
    return;
  state.frames.reserve(outputs_.size());
  for (const auto& x : outputs_)
    state.frames.emplace_back(set_->function(x.slot));
}

void bucket_windows::collect_changes(state_type& own, event_time, change_sink& sink) const {
  if (!own.changed)
    return;
  arena memory{512};
  if (own.pending) {
    auto [cells, at] = unpack(*own.pending, rows_.width(), memory);
    sink.upsert({}, cells, at);
  } else {
    sink.upsert({}, published_row(own, memory), time_of(own.published_end));
  }
  own.changed = false;
  own.pending.reset();
}

} // namespace keyfold::windows
