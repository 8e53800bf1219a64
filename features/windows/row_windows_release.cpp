#include "features/windows/row_windows_view.hpp"

#include <algorithm>

namespace keyfold::windows {

/// The rows released, as what one aggregate slides along.
class row_windows::row_elements final : public frame_elements {
public:
  row_elements(const row_windows& view, const state_type& state, uint32_t slot)
      : view_(view), state_(state), slot_(slot) {}

  uint32_t size() const noexcept override { return static_cast<uint32_t>(state_.history.size()); }
  int64_t number(uint32_t place) const noexcept override { return state_.first_number + place; }
  uint32_t place_of(int64_t number) const noexcept override {
    auto place = std::clamp<int64_t>(number - state_.first_number, 0, size());
    return static_cast<uint32_t>(place);
  }
  void add_to(uint64_t* words, uint32_t place) const override {
    view_.restore(*state_.history[place], values_);
    view_.set_->add(slot_, words, values_, state_.history[place]->at());
  }
  void take_from(uint64_t* words, uint32_t place) const override {
    view_.restore(*state_.history[place], values_);
    view_.set_->remove(slot_, words, values_);
  }

private:
  const row_windows& view_;
  const state_type& state_;
  uint32_t slot_;
  mutable aggregate_set::row_values values_;
};

void row_windows::advance(view_state& state, fold_context& context) const {
  auto& own = static_cast<state_type&>(state);
  std::vector<row_ptr> peers;
  own.waiting.release(context.watermark, [&](row_ptr row) {
    if (!peers.empty() && (!settings_.peers || peers.back()->at() != row->at())) {
      release(own, peers, context);
      peers.clear();
    }
    peers.push_back(std::move(row));
  });
  if (!peers.empty())
    release(own, peers, context);
  drop_unneeded(own);
  expire(own, context);
  wake(own, context);
}

/// Rows of one time, or one row: each gives an output.
void row_windows::release(state_type& state, std::span<const row_ptr> peers,
                          fold_context& context) const {
  auto at = peers.front()->at();
  if (over_at(state) <= at)
    forget(state);
  state.last_at = at;
  auto keeps = std::any_of(outputs_.begin(), outputs_.end(), [](auto& x) { return x.bounded; });
  if (keeps)
    state.history.insert(state.history.end(), peers.begin(), peers.end());
  auto last = state.first_number + static_cast<int64_t>(state.history.size()) - 1;
  aggregate_set::row_values values;
  for (const auto& row : peers) {
    restore(*row, values);
    for (const auto& slot : total_slots_)
      if (slot.with_peers)
        add_to_totals(state, slot.number, values, at, *context.counts);
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    auto before = context.scratch->now();
    restore(*peers[i], values);
    for (const auto& slot : total_slots_)
      if (!slot.with_peers)
        add_to_totals(state, slot.number, values, at, *context.counts);
    auto number = last - static_cast<int64_t>(peers.size() - 1 - i);
    auto cells = row_values(state, *peers[i], number, last, *context.scratch);
    publish(state, cells, at, at, context);
    context.scratch->rewind(before);
  }
}

void row_windows::add_to_totals(state_type& state, uint32_t slot,
                                const aggregate_set::row_values& values, event_time at,
                                fold_counts& counts) const {
  if (state.totals == nullptr)
    state.totals = std::make_unique<uint64_t[]>(set_->words());
  auto outcome = set_->add(slot, state.totals.get() + set_->offset(slot), values, at);
  counts.skipped += outcome == aggregate_outcome::skipped ? 1 : 0;
  counts.bound_reached += outcome == aggregate_outcome::bounded ? 1 : 0;
}

int64_t row_windows::frame_begin(const state_type& state, const output& x, event_time at,
                                 int64_t number) const noexcept {
  auto oldest = x.size == duration::max() ? beginning_of_time : earlier(at, x.size);
  auto first = std::partition_point(state.history.begin(), state.history.end(),
                                    [&](const auto& row) { return row->at() < oldest; });
  auto begin = state.first_number + (first - state.history.begin());
  return x.rows > number - begin ? begin : std::max(begin, number - x.rows + 1);
}

std::span<cell> row_windows::row_values(state_type& state, const buffered_row& row, int64_t number,
                                        int64_t last_peer, arena& memory) const {
  auto cells = memory.allocate_cells(rows_.width());
  cells[0] = cell::timestamp(row.at());
  if (state.frames.empty())
    for (const auto& x : outputs_)
      state.frames.emplace_back(set_->function(x.slot));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto& x = outputs_[i];
    cells[i + 1] =
        x.bounded ? state.frames[i].value(row_elements{*this, state, x.slot},
                                          frame_begin(state, x, row.at(), number),
                                          x.with_peers ? last_peer : number, memory)
                  : set_->function(x.slot).value(state.totals.get() + set_->offset(x.slot), memory);
  }
  auto kept = row.cells().subspan(set_->argument_types().size());
  std::copy(kept.begin(), kept.end(), cells.begin() + static_cast<ptrdiff_t>(outputs_.size() + 1));
  return cells;
}

void row_windows::publish(state_type& state, std::span<const cell> values, event_time at,
                          event_time emitted_at, fold_context& context) const {
  if (settings_.skip_same && !state.last.empty()) {
    auto [before, then] = unpack(state.last, rows_.width(), *context.scratch);
    if (std::equal(values.begin() + 1, values.end(), before.begin() + 1, identical))
      return;
  }
  if (!rows_.holds(values, *context.scratch))
    return;
  state.last = pack(values, at);
  state.changed = true;
  state.gone = false;
  if (emitted_at == at) {
    rows_.publish({}, values, at, context);
    return;
  }
  if (context.changes != nullptr)
    context.changes->upsert({}, values, at);
  if (context.emissions != nullptr)
    context.emissions->emit(values, emitted_at);
}

/// Rows that have left every frame.
void row_windows::drop_unneeded(state_type& state) const {
  auto needed = state.first_number + static_cast<int64_t>(state.history.size());
  for (size_t i = 0; i < state.frames.size(); ++i)
    if (outputs_[i].bounded)
      needed = std::min(needed, state.frames[i].needed_from());
  auto count = needed - state.first_number;
  if (count <= 0)
    return;
  // A frame after a decoding knows nothing: it needs what there is.
  state.history.erase(state.history.begin(), state.history.begin() + count);
  state.first_number = needed;
}

void row_windows::forget(state_type& state) const {
  state.clear_totals();
  state.first_number += static_cast<int64_t>(state.history.size());
  state.history = {};
  std::vector<sliding_frame>{}.swap(state.frames);
  state.last = {};
  state.last_at = beginning_of_time;
}

/// When nothing that has been seen matters any more.
event_time row_windows::over_at(const state_type& state) const noexcept {
  if (state.last_at == beginning_of_time)
    return end_of_time;
  if (settings_.time_to_live)
    return later(state.last_at, *settings_.time_to_live);
  return by_time_only_ ? later(state.last_at, longest_ + duration{1}) : end_of_time;
}

void row_windows::expire(state_type& state, fold_context& context) const {
  // The end of the events ends no key.
  if (context.watermark == end_of_time || over_at(state) > context.watermark)
    return;
  auto published = !state.last.empty();
  auto at = over_at(state);
  auto unsaid = state.changed;
  auto last = std::move(state.last);
  forget(state);
  if (!settings_.time_to_live) {
    // What has been published stays true: it says what was so at its time.
    if (unsaid)
      state.last = std::move(last);
    return;
  }
  ++context.counts->expired;
  state.changed = false;
  state.gone = published;
  if (published && context.changes != nullptr)
    context.changes->erase({}, at);
}

void row_windows::wake(const state_type& state, fold_context& context) const {
  context.wake(state.waiting.earliest());
  if (context.watermark != end_of_time)
    context.wake(over_at(state));
}

void row_windows::collect_changes(view_state& state, event_time watermark,
                                  change_sink& sink) const {
  auto& own = static_cast<state_type&>(state);
  if (own.gone)
    sink.erase({}, watermark);
  if (own.changed && !own.last.empty()) {
    arena memory{512};
    auto [cells, at] = unpack(own.last, rows_.width(), memory);
    sink.upsert({}, cells, at);
    if (own.last_at == beginning_of_time)
      own.last = {};
  }
  own.gone = false;
  own.changed = false;
}

} // namespace keyfold::windows
