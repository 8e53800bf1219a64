#include "features/windows/make_windows.hpp"
#include "features/windows/row_windows_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace keyfold {

namespace {

constexpr duration longest = std::chrono::days{36'525};

std::optional<std::string> problem_in(const row_windows_settings& x) {
  if (x.outputs.empty() && x.keep.empty())
    return "it has no aggregates and keeps no columns";
  for (const auto& output : x.outputs) {
    if (output.size && (*output.size < duration{0} || *output.size > longest))
      return fmt::format("aggregate `{}`: `size` is at most 36525d", output.aggregate.name);
    if (output.rows == 0)
      return fmt::format("aggregate `{}`: `rows` is at least 1, the row itself",
                         output.aggregate.name);
    if (x.fold_late && (output.size || output.rows))
      return fmt::format("aggregate `{}`: late rows can be folded only where no frame is bounded",
                         output.aggregate.name);
  }
  if (x.time_to_live && *x.time_to_live <= duration{0})
    return "`ttl` must be longer than 0";
  return std::nullopt;
}

std::string fingerprint_of(const row_windows_settings& x, const aggregate_set& set) {
  auto out = fmt::format("rows 1\n{}\n{}\n{}{}\n", x.stream, x.where_text, x.peers,
                         x.time_to_live.has_value());
  out += set.fingerprint();
  for (size_t i = 0; i < x.outputs.size(); ++i)
    out +=
        fmt::format("{}:{}:{} ", set.slot_of(i), x.outputs[i].size.value_or(duration{-1}).count(),
                    x.outputs[i].rows.value_or(0));
  for (const auto& column : x.keep)
    out += fmt::format("\n{} {}", column.as.name, to_string(column.as.type));
  return out;
}

} // namespace

result<std::shared_ptr<const view>> make_row_windows(row_windows_settings settings) {
  auto problem = problem_in(settings);
  windows::window_columns columns{
      {"row_time"}, windows::aggregates_of(settings.outputs), settings.keep, {}};
  // The columns are spans of vectors, which stay where they are when the settings are moved.
  return windows::make_windows<windows::row_windows>(std::move(settings), problem, columns);
}

namespace windows {

row_windows::row_windows(row_windows_settings settings, aggregate_set set, publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)) {
  about_ = rows_.description(settings_.name, settings_.kind, settings_.stream);
  for (size_t i = 0; i < settings_.outputs.size(); ++i) {
    const auto& x = settings_.outputs[i];
    auto own_end =
        !settings_.peers || x.rows || x.aggregate.spec.kind == aggregate_kind::row_number;
    outputs_.push_back({set_->slot_of(i), x.size.value_or(duration::max()),
                        x.rows ? int64_t{*x.rows} : std::numeric_limits<int64_t>::max(),
                        x.size || x.rows, !own_end});
    about_.features.push_back({x.aggregate.name, set_->function(outputs_.back().slot).type()});
    if (!outputs_.back().bounded
        && std::none_of(total_slots_.begin(), total_slots_.end(),
                        [&](const auto& y) { return y.number == outputs_.back().slot; }))
      total_slots_.push_back({outputs_.back().slot, !own_end});
    by_time_only_ = by_time_only_ && x.size.has_value();
    longest_ = std::max(longest_, x.size.value_or(duration{0}));
  }
  arrange_outputs();
  for (size_t i = 0; i < outputs_.size(); ++i)
    about_.features.push_back({about_.features[i].name + ".running", about_.features[i].type});
  row_types_.assign(set_->argument_types().begin(), set_->argument_types().end());
  for (const auto& x : settings_.keep)
    row_types_.push_back(x.as.type);
  about_.fingerprint = fingerprint_of(settings_, *set_);
}

void row_windows::arrange_outputs() {
  for (uint32_t i = 0; i < outputs_.size(); ++i) {
    const auto& x = outputs_[i];
    if (!x.bounded)
      continue;
    auto known = std::find_if(frames_.begin(), frames_.end(), [&](const auto& frame) {
      const auto& y = outputs_[frame.output];
      return y.size == x.size && y.rows == x.rows && y.with_peers == x.with_peers;
    });
    auto& frame = known != frames_.end() ? *known : frames_.emplace_back(shared_frame{i, {}, {}});
    frame.outputs.push_back(i);
    if (std::find(frame.slots.begin(), frame.slots.end(), x.slot) == frame.slots.end())
      frame.slots.push_back(x.slot);
  }
  for (const auto& x : total_slots_)
    total_peers_[x.with_peers ? 1 : 0] = true;
}

std::unique_ptr<row_windows_state> row_windows::make_state() const {
  return std::make_unique<state_type>(set_, row_types_.size());
}

void row_windows::fold(state_type& own, uint32_t, const event_batch& batch,
                       std::span<const uint32_t> rows, fold_context& context) const {
  fold_each(batch, rows, context,
            [&](std::span<const cell> row, event_time at) { fold_row(own, row, at, context); });
}

void row_windows::fold_row(state_type& state, std::span<const cell> row, event_time at,
                           fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  if (at <= context.watermark) {
    ++context.counts->late;
    if (settings_.fold_late && !known_over(state, at))
      fold_late_row(state, row, at, context);
    else
      ++context.counts->late_dropped;
    return;
  }
  if (state.rows.size() >= settings_.max_rows_per_key) {
    ++context.counts->bound_reached;
    return;
  }
  keep_row(state, row, at, *context.scratch);
  ++context.counts->rows;
}

/// Whether the row would have been forgotten by now.
bool row_windows::known_over(const state_type& state, event_time at) const noexcept {
  return settings_.time_to_live && later(at, *settings_.time_to_live) <= state.last_at;
}

void row_windows::fold_late_row(state_type& state, std::span<const cell> row, event_time at,
                                fold_context& context) const {
  auto values = set_->evaluate(row, *context.scratch);
  for (const auto& slot : total_slots_)
    add_to_total(state, slot.number, values, at, *context.counts);
  ++context.counts->rows;
  auto newest = std::max(state.last_at, at);
  state.last_at = newest;
  auto cells = context.scratch->allocate_cells(rows_.width());
  cells[0] = cell::timestamp(newest);
  for (size_t i = 0; i < outputs_.size(); ++i)
    cells[i + 1] =
        set_->function(outputs_[i].slot)
            .value(state.totals.get() + set_->offset(outputs_[i].slot), *context.scratch);
  for (size_t i = 0; i < settings_.keep.size(); ++i)
    cells[outputs_.size() + 1 + i] = row[settings_.keep[i].number];
  publish(state, cells, newest, later(context.watermark, duration{1}), context);
}

void row_windows::keep_row(state_type& state, std::span<const cell> row, event_time at,
                           arena& scratch) const {
  auto values = set_->evaluate(row, scratch);
  auto place = std::max(state.rows.count_until(at), state.released);
  state.rows.insert(place, at, values.passed);
  size_t number = 0;
  for (const auto& x : values.values)
    state.rows.value(place, number++).keep(x);
  for (const auto& x : settings_.keep)
    state.rows.value(place, number++).keep(row[x.number]);
}

bool row_windows::empty(const state_type& own) const noexcept {
  return own.waiting() == 0 && own.last_at == beginning_of_time;
}

size_t row_windows::memory(const state_type& own) const noexcept {
  auto sum = sizeof own + own.rows.memory() + own.last.capacity();
  if (own.frames) {
    sum += sizeof *own.frames + own.frames->capacity() * sizeof(sliding_frame);
    for (const auto& frame : *own.frames)
      sum += frame.memory();
  }
  if (own.totals != nullptr)
    sum += set_->words() * sizeof(uint64_t) + set_->memory(own.totals.get());
  return sum;
}

/// The state as bytes: the newest row's time, the last row published, the totals, the rows that
/// frames need, the rows that wait.
void row_windows::encode(const state_type& own, byte_writer& out) const {
  out.time(own.last_at);
  out.text(own.last);
  out.u8(own.totals == nullptr ? 0 : 1);
  if (own.totals != nullptr)
    set_->encode(own.totals.get(), out);
  out.varint(own.released);
  own.rows.encode(row_types_, out);
}

std::unique_ptr<row_windows_state> row_windows::decode(byte_reader& in, arena& scratch) const {
  auto state = std::make_unique<state_type>(set_, row_types_.size());
  state->last_at = in.time();
  state->last = in.text();
  auto totals = in.u8();
  if (!in.good() || totals > 1 || (totals == 1 && total_slots_.empty())
      || (!state->last.empty() && !is_packed(state->last, rows_.changes().values)))
    return nullptr;
  if (totals == 1) {
    state->totals = std::make_unique<uint64_t[]>(set_->words());
    if (!set_->decode(state->totals.get(), in))
      return nullptr;
  }
  auto released = in.varint();
  if (!state->rows.decode(row_types_, settings_.max_rows_per_key, in, scratch)
      || released > state->rows.size())
    return nullptr;
  state->released = static_cast<uint32_t>(released);
  auto behind = released > 0 && state->rows.at(state->released - 1) > state->last_at;
  auto ahead = state->waiting() > 0 && state->rows.at(state->released) <= state->last_at;
  if (behind || ahead || state->last_at == end_of_time)
    return nullptr;
  return state;
}

} // namespace windows

} // namespace keyfold
