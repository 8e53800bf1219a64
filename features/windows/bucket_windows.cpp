#include "features/windows/bucket_windows_view.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold {

namespace {

constexpr duration longest = std::chrono::days{36'525};

std::optional<std::string> problem_in(const bucket_windows_settings& x) {
  if (x.outputs.empty())
    return "it has no aggregates";
  if (x.step <= duration{0} || x.step > longest)
    return "`step` lies between 1us and 36525d";
  for (const auto& output : x.outputs) {
    if (output.size <= duration{0} || output.size > longest || output.size % x.step != duration{0})
      return fmt::format("aggregate `{}`: a window's size is a multiple of the step, at most "
                         "36525d",
                         output.aggregate.name);
  }
  if (!x.empty_window_output && x.skip_same_window_output)
    return "`skip_same_window_output` needs `enable_empty_window_output`: without it nobody would "
           "learn that the last value no longer holds";
  return std::nullopt;
}

std::string fingerprint_of(const bucket_windows_settings& x, const aggregate_set& set) {
  auto out = fmt::format("windows 1\n{}\n{}\n{}\n{}\n", x.stream, x.where_text, x.step.count(),
                         x.zone_name);
  out += set.fingerprint();
  for (size_t i = 0; i < x.outputs.size(); ++i)
    out += fmt::format("{}:{} ", set.slot_of(i), x.outputs[i].size.count());
  for (const auto& column : x.carry)
    out.append("\n").append(column.as.name);
  return out;
}

} // namespace

result<std::shared_ptr<const view>> make_bucket_windows(bucket_windows_settings settings) {
  if (auto problem = problem_in(settings))
    return fail(fmt::format("view `{}`: {}", settings.name, *problem));
  std::vector<aggregate_definition> definitions;
  for (const auto& x : settings.outputs)
    definitions.push_back(x.aggregate);
  auto set = aggregate_set::make(definitions);
  if (!set)
    return fail(fmt::format("view `{}`: {}", settings.name, set.error().message));
  std::vector<column> values{{"window_time", {}}};
  values[0].type.kind = type_kind::timestamp;
  for (size_t i = 0; i < settings.outputs.size(); ++i)
    values.push_back({settings.outputs[i].aggregate.name, set->function(set->slot_of(i)).type()});
  std::vector<column> carried;
  for (const auto& x : settings.carry)
    carried.push_back(x.as);
  auto rows = windows::publication::make(std::move(values), std::move(carried), settings.having);
  if (!rows)
    return fail(fmt::format("view `{}`: {}", settings.name, rows.error().message));
  return std::make_shared<const windows::bucket_windows>(std::move(settings), std::move(*set),
                                                         std::move(*rows));
}

namespace windows {

bucket_windows::bucket_windows(bucket_windows_settings settings, aggregate_set set,
                               publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)), grid_(settings_.step, settings_.zone) {
  for (size_t i = 0; i < settings_.outputs.size(); ++i) {
    const auto& x = settings_.outputs[i];
    outputs_.push_back({set_->slot_of(i), x.size / settings_.step});
    largest_ = std::max(largest_, outputs_.back().buckets);
    features_.push_back({x.aggregate.name, set_->function(outputs_.back().slot).type()});
  }
  for (size_t i = 0; i < outputs_.size(); ++i)
    features_.push_back({features_[i].name + ".running", features_[i].type});
  fingerprint_ = fingerprint_of(settings_, *set_);
}

std::unique_ptr<view_state> bucket_windows::make_state() const {
  return std::make_unique<state_type>(set_);
}

void bucket_windows::fold(view_state& state, uint32_t, const event_batch& batch,
                          std::span<const uint32_t> rows, fold_context& context) const {
  auto& own = static_cast<state_type&>(state);
  auto complete = grid_.complete(context.watermark);
  aggregate_set::row_values values;
  for (auto row : rows) {
    auto before = context.scratch->now();
    fold_row(own, batch.row(row), batch.time(row), complete, values, context);
    context.scratch->rewind(before);
  }
  wake(own, context);
}

void bucket_windows::wake(const state_type& state, fold_context& context) const {
  if (state.next_end != step_grid::all_complete)
    context.wake(time_of(state.next_end));
}

/// Whether the row comes too late for any window.
bool bucket_windows::is_lost(int64_t bucket, event_time at, int64_t complete,
                             fold_context& context) const {
  if (at > context.watermark)
    return false;
  ++context.counts->late;
  if (complete == step_grid::none_complete || bucket + largest_ - 1 > complete)
    return false;
  ++context.counts->late_dropped;
  return true;
}

void bucket_windows::fold_row(state_type& state, std::span<const cell> row, event_time at,
                              int64_t complete, aggregate_set::row_values& values,
                              fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  auto bucket = grid_.bucket(at);
  if (is_lost(bucket, at, complete, context))
    return;
  // A row for a window that has been fired would change what its buckets tell of it.
  if (bucket <= state.last_end) {
    settle(state);
    for (auto& frame : state.frames)
      frame.forget();
  }
  auto& buckets = state.buckets;
  auto place = buckets.place_of(bucket);
  if (place == buckets.size() || buckets.number(place) != bucket) {
    if (buckets.size() >= settings_.max_buckets_per_key) {
      ++context.counts->bound_reached;
      return;
    }
    buckets.insert(place, bucket);
    state.next_end = std::min(state.next_end, std::max(bucket, complete + 1));
  } else if (bucket <= complete) {
    state.next_end = std::min(state.next_end, complete + 1);
  }
  keep_carried(state, row);
  buckets.note(place, at);
  set_->evaluate(row, *context.scratch, values);
  set_->add(buckets.aggregates(place), values, at, *context.counts);
  ++context.counts->rows;
}

void bucket_windows::keep_carried(state_type& state, std::span<const cell> row) const {
  if (settings_.carry.empty() || state.carried)
    return;
  std::vector<cell> cells;
  for (const auto& x : settings_.carry)
    cells.push_back(row[x.number]);
  state.carried = std::make_unique<std::string>(pack(cells, beginning_of_time));
}

bool bucket_windows::empty(const view_state& state) const noexcept {
  return static_cast<const state_type&>(state).buckets.size() == 0
         && static_cast<const state_type&>(state).next_end == step_grid::all_complete;
}

size_t bucket_windows::memory(const view_state& state) const noexcept {
  const auto& own = static_cast<const state_type&>(state);
  auto sum = sizeof own + own.buckets.memory() + own.frames.capacity() * sizeof(sliding_frame);
  for (const auto& text : {own.pending.get(), own.carried.get()})
    sum += text == nullptr ? 0 : sizeof *text + text->capacity();
  for (const auto& frame : own.frames)
    sum += frame.memory();
  return sum;
}

} // namespace windows

} // namespace keyfold
