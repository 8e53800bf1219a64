#include "features/windows/row_windows_view.hpp"

#include <algorithm>

namespace keyfold::windows {

/// The rows released, as what one aggregate slides along.
class row_windows::row_elements final : public frame_elements {
public:
  row_elements(const row_windows& view, const state_type& state, arena& memory)
      : set_(*view.set_), state_(state), row_(view, state, memory) {}

  /// What the next calls are about.
  void slide(uint32_t slot) noexcept {
    slot_ = slot;
    argument_ = set_.argument_of(slot);
  }

  uint32_t size() const noexcept override { return state_.released; }
  int64_t number(uint32_t place) const noexcept override { return state_.first_number + place; }
  uint32_t place_of(int64_t number) const noexcept override {
    auto place = std::clamp<int64_t>(number - state_.first_number, 0, size());
    return static_cast<uint32_t>(place);
  }
  void add_to(uint64_t* words, uint32_t place) const override {
    set_.add(slot_, words, row_.only(argument_, place), state_.rows.at(place));
  }
  void take_from(uint64_t* words, uint32_t place) const override {
    set_.remove(slot_, words, row_.only(argument_, place));
  }

private:
  const aggregate_set& set_;
  const state_type& state_;
  uint32_t slot_ = 0;
  uint32_t argument_ = 0;
  mutable row_reader row_;
};

void row_windows::advance(state_type& own, fold_context& context) const {
  // Behind a watermark that has gone back, as it does after a restart, there are rows released.
  auto count = std::max(own.released, own.rows.count_until(context.watermark)) - own.released;
  while (count > 0) {
    uint32_t peers = 1;
    while (settings_.peers && peers < count
           && own.rows.at(own.released + peers) == own.rows.at(own.released))
      ++peers;
    release(own, peers, context);
    count -= peers;
  }
  drop_unneeded(own);
  expire(own, context);
}

/// Rows of one time, or one row: each gives an output.
void row_windows::release(state_type& state, uint32_t peers, fold_context& context) const {
  auto at = state.rows.at(state.released);
  if (over_at(state) <= at)
    forget(state);
  state.last_at = at;
  auto first = state.released;
  state.released += peers;
  arrange_frames(state);
  for (auto place = first; total_peers_[1] && place < state.released; ++place)
    add_to_totals(state, true, place, context);
  for (auto place = first; place < state.released; ++place) {
    if (total_peers_[0])
      add_to_totals(state, false, place, context);
    auto before = context.scratch->now();
    publish(state, row_values(state, place, state.released - 1, *context.scratch), at, at, context);
    context.scratch->rewind(before);
  }
}

/// Adds a row to the totals of frames that end with it, or with the last row of its time.
void row_windows::add_to_totals(state_type& state, bool with_peers, uint32_t place,
                                fold_context& context) const {
  auto before = context.scratch->now();
  row_reader row{*this, state, *context.scratch};
  const auto& values = row(place);
  for (const auto& slot : total_slots_)
    if (slot.with_peers == with_peers)
      add_to_total(state, slot.number, values, state.rows.at(place), *context.counts);
  context.scratch->rewind(before);
}

void row_windows::add_to_total(state_type& state, uint32_t slot,
                               const aggregate_set::row_values& values, event_time at,
                               fold_counts& counts) const {
  if (state.totals == nullptr)
    state.totals = std::make_unique<uint64_t[]>(set_->words());
  auto outcome = set_->add(slot, state.totals.get() + set_->offset(slot), values, at);
  counts.skipped += outcome == aggregate_outcome::skipped ? 1 : 0;
  counts.bound_reached += outcome == aggregate_outcome::bounded ? 1 : 0;
}

/// The place of the first row of the frame that ends with the row at `place`.
uint32_t row_windows::frame_begin(const state_type& state, const output& x,
                                  uint32_t place) const noexcept {
  uint32_t begin = 0;
  if (x.size != duration::max())
    begin = std::min(state.rows.place_of(earlier(state.rows.at(place), x.size)), place);
  return x.rows > int64_t{place} - begin ? begin : place + 1 - static_cast<uint32_t>(x.rows);
}

void row_windows::arrange_frames(state_type& state) const {
  if (state.released <= few_rows / 2)
    state.frames.reset();
  if (state.released <= few_rows || state.frames)
    return;
  state.frames = std::make_unique<std::vector<sliding_frame>>();
  state.frames->reserve(outputs_.size());
  for (const auto& x : outputs_)
    state.frames->emplace_back(set_->function(x.slot));
}

/// The values of the outputs of the frame that belongs to the row at `place`, and ends with the row
/// at `last`.
void row_windows::frame_values(state_type& state, const shared_frame& x, uint32_t place,
                               uint32_t last, std::span<cell> out, arena& memory) const {
  auto begin = frame_begin(state, outputs_[x.output], place);
  if (state.frames) {
    row_elements elements{*this, state, memory};
    for (auto i : x.outputs) {
      elements.slide(outputs_[i].slot);
      out[i] = (*state.frames)[i].value(elements, state.first_number + begin,
                                        state.first_number + last, memory);
    }
    return;
  }
  temporary_block all{*set_, x.slots, memory};
  row_reader row{*this, state, memory};
  for (; begin <= last; ++begin) {
    const auto& values = row(begin);
    for (auto slot : x.slots)
      set_->add(slot, all.words(slot), values, state.rows.at(begin));
  }
  for (auto i : x.outputs)
    out[i] = set_->function(outputs_[i].slot).value(all.words(outputs_[i].slot), memory);
}

std::span<cell> row_windows::row_values(state_type& state, uint32_t place, uint32_t last_peer,
                                        arena& memory) const {
  auto cells = memory.allocate_cells(rows_.width());
  cells[0] = cell::timestamp(state.rows.at(place));
  auto values = cells.subspan(1, outputs_.size());
  for (const auto& x : frames_)
    frame_values(state, x, place, outputs_[x.output].with_peers ? last_peer : place, values,
                 memory);
  for (size_t i = 0; !total_slots_.empty() && i < outputs_.size(); ++i)
    if (auto slot = outputs_[i].slot; !outputs_[i].bounded)
      values[i] = set_->function(slot).value(state.totals.get() + set_->offset(slot), memory);
  auto arguments = set_->argument_types().size();
  for (size_t i = 0; i < settings_.keep.size(); ++i)
    cells[outputs_.size() + 1 + i] =
        state.rows.value(place, arguments + i).kept(settings_.keep[i].as.type.kind, memory);
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
  pack_into(state.last, values, at);
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
  if (state.released == 0)
    return;
  auto unneeded = state.released;
  for (const auto& x : frames_)
    unneeded = std::min(unneeded, frame_begin(state, outputs_[x.output], state.released - 1));
  state.drop(unneeded);
}

void row_windows::forget(state_type& state) const {
  state.clear_totals();
  state.drop(state.released);
  state.frames.reset();
  state.last.clear();
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
  auto at = over_at(state);
  if (!settings_.time_to_live) {
    // What has been published stays true: it says what was so at its time.
    auto unsaid = state.changed ? std::move(state.last) : std::string{};
    forget(state);
    state.last = std::move(unsaid);
    return;
  }
  auto published = !state.last.empty();
  forget(state);
  ++context.counts->expired;
  state.changed = false;
  state.gone = published;
  if (published && context.changes != nullptr)
    context.changes->erase({}, at);
}

void row_windows::report(const state_type& own, fold_context& context) const {
  if (own.waiting() > 0)
    context.wake(own.rows.at(own.released));
  if (context.watermark != end_of_time)
    context.wake(over_at(own));
}

void row_windows::collect_changes(state_type& own, event_time watermark, change_sink& sink) const {
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
