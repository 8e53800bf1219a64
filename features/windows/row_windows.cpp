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
  if (auto problem = problem_in(settings))
    return fail(fmt::format("view `{}`: {}", settings.name, *problem));
  std::vector<aggregate_definition> definitions;
  for (const auto& x : settings.outputs)
    definitions.push_back(x.aggregate);
  auto set = aggregate_set::make(definitions);
  if (!set)
    return fail(fmt::format("view `{}`: {}", settings.name, set.error().message));
  std::vector<column> values{{"row_time", {}}};
  values[0].type.kind = type_kind::timestamp;
  for (size_t i = 0; i < settings.outputs.size(); ++i)
    values.push_back({settings.outputs[i].aggregate.name, set->function(set->slot_of(i)).type()});
  for (const auto& x : settings.keep)
    values.push_back(x.as);
  auto rows = windows::publication::make(std::move(values), {}, settings.having);
  if (!rows)
    return fail(fmt::format("view `{}`: {}", settings.name, rows.error().message));
  return std::make_shared<const windows::row_windows>(std::move(settings), std::move(*set),
                                                      std::move(*rows));
}

namespace windows {

row_windows::row_windows(row_windows_settings settings, aggregate_set set, publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)) {
  for (size_t i = 0; i < settings_.outputs.size(); ++i) {
    const auto& x = settings_.outputs[i];
    auto own_end =
        !settings_.peers || x.rows || x.aggregate.spec.kind == aggregate_kind::row_number;
    outputs_.push_back({set_->slot_of(i), x.size.value_or(duration::max()),
                        x.rows ? int64_t{*x.rows} : std::numeric_limits<int64_t>::max(),
                        x.size || x.rows, !own_end});
    features_.push_back({x.aggregate.name, set_->function(outputs_.back().slot).type()});
    if (!outputs_.back().bounded
        && std::none_of(total_slots_.begin(), total_slots_.end(),
                        [&](const auto& y) { return y.number == outputs_.back().slot; }))
      total_slots_.push_back({outputs_.back().slot, !own_end});
    by_time_only_ = by_time_only_ && x.size.has_value();
    longest_ = std::max(longest_, x.size.value_or(duration{0}));
  }
  for (size_t i = 0; i < outputs_.size(); ++i)
    features_.push_back({features_[i].name + ".running", features_[i].type});
  row_types_.assign(set_->argument_types().begin(), set_->argument_types().end());
  for (const auto& x : settings_.keep)
    row_types_.push_back(x.as.type);
  fingerprint_ = fingerprint_of(settings_, *set_);
}

std::unique_ptr<view_state> row_windows::make_state() const {
  return std::make_unique<state_type>(set_);
}

void row_windows::fold(view_state& state, uint32_t, const event_batch& batch,
                       std::span<const uint32_t> rows, fold_context& context) const {
  auto& own = static_cast<state_type&>(state);
  aggregate_set::row_values values;
  for (auto row : rows) {
    auto before = context.scratch->now();
    fold_row(own, batch.row(row), batch.time(row), values, context);
    context.scratch->rewind(before);
  }
  wake(own, context);
}

void row_windows::fold_row(state_type& state, std::span<const cell> row, event_time at,
                           aggregate_set::row_values& values, fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  if (at <= context.watermark) {
    ++context.counts->late;
    if (settings_.fold_late && !known_over(state, at))
      fold_late_row(state, row, at, values, context);
    else
      ++context.counts->late_dropped;
    return;
  }
  if (state.waiting.size() + state.history.size() >= settings_.max_rows_per_key) {
    ++context.counts->bound_reached;
    return;
  }
  set_->evaluate(row, *context.scratch, values);
  state.waiting.add(keep_row(row, at, values, *context.scratch));
  ++context.counts->rows;
}

/// Whether the row would have been forgotten by now.
bool row_windows::known_over(const state_type& state, event_time at) const noexcept {
  return settings_.time_to_live && later(at, *settings_.time_to_live) <= state.last_at;
}

void row_windows::fold_late_row(state_type& state, std::span<const cell> row, event_time at,
                                aggregate_set::row_values& values, fold_context& context) const {
  set_->evaluate(row, *context.scratch, values);
  for (const auto& slot : total_slots_)
    add_to_totals(state, slot.number, values, at, *context.counts);
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

row_ptr row_windows::keep_row(std::span<const cell> row, event_time at,
                              const aggregate_set::row_values& values, arena& scratch) const {
  auto arguments = set_->argument_types().size();
  auto cells = scratch.allocate_cells(row_types_.size());
  std::copy_n(values.values.begin(), arguments, cells.begin());
  for (size_t i = 0; i < settings_.keep.size(); ++i)
    cells[arguments + i] = row[settings_.keep[i].number];
  auto kept = buffered_row::copy_of(at, 0, cells);
  kept->mark = values.passed;
  return kept;
}

void row_windows::restore(const buffered_row& row, aggregate_set::row_values& out) const {
  std::copy_n(row.cells().begin(), set_->argument_types().size(), out.values.begin());
  out.passed = row.mark;
}

bool row_windows::empty(const view_state& state) const noexcept {
  const auto& own = static_cast<const state_type&>(state);
  return own.waiting.empty() && own.last_at == beginning_of_time;
}

size_t row_windows::memory(const view_state& state) const noexcept {
  const auto& own = static_cast<const state_type&>(state);
  auto sum = sizeof own + own.waiting.memory() + own.history.capacity() * sizeof(row_ptr)
             + own.frames.capacity() * sizeof(sliding_frame) + own.last.capacity();
  for (const auto& row : own.history)
    sum += row->memory();
  for (const auto& frame : own.frames)
    sum += frame.memory();
  if (own.totals != nullptr)
    sum += set_->words() * sizeof(uint64_t) + set_->memory(own.totals.get());
  return sum;
}

/// The state as bytes: the newest row's time, the last row published, the totals, the rows that
/// frames need, the rows that wait.
void row_windows::encode(const view_state& state, byte_writer& out) const {
  const auto& own = static_cast<const state_type&>(state);
  out.time(own.last_at);
  out.text(own.last);
  out.u8(own.totals == nullptr ? 0 : 1);
  if (own.totals != nullptr)
    set_->encode(own.totals.get(), out);
  row_buffer history;
  for (const auto& row : own.history)
    history.add(row);
  history.encode(out);
  own.waiting.encode(out);
}

std::unique_ptr<view_state> row_windows::decode(byte_reader& in, fold_context& context) const {
  auto state = std::make_unique<state_type>(set_);
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
  row_buffer history;
  if (!history.decode(in, row_types_, settings_.max_rows_per_key, *context.scratch)
      || !state->waiting.decode(in, row_types_, settings_.max_rows_per_key, *context.scratch))
    return nullptr;
  state->history = history.rows();
  auto behind = !state->history.empty() && state->history.back()->at() > state->last_at;
  auto ahead = !state->waiting.empty() && state->waiting.earliest() <= state->last_at;
  if (behind || ahead || state->last_at == end_of_time)
    return nullptr;
  wake(*state, context);
  return state;
}

} // namespace windows

} // namespace keyfold
