#include "features/windows/bucket_windows_view.hpp"
#include "features/windows/make_windows.hpp"

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
  auto problem = problem_in(settings);
  windows::window_columns columns{
      {"window_time"}, windows::aggregates_of(settings.outputs), {}, settings.carry};
  // The columns are spans of vectors, which stay where they are when the settings are moved.
  return windows::make_windows<windows::bucket_windows>(std::move(settings), problem, columns);
}

namespace windows {

bucket_windows::bucket_windows(bucket_windows_settings settings, aggregate_set set,
                               publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)), grid_(settings_.step, settings_.zone) {
  about_ = rows_.description(settings_.name, settings_.kind, settings_.stream);
  for (size_t i = 0; i < settings_.outputs.size(); ++i) {
    const auto& x = settings_.outputs[i];
    outputs_.push_back({set_->slot_of(i), x.size / settings_.step});
    auto size = outputs_.back().buckets;
    largest_ = std::max(largest_, size);
    if (std::find(sizes_.begin(), sizes_.end(), size) == sizes_.end())
      sizes_.push_back(size);
    about_.features.push_back({x.aggregate.name, set_->function(outputs_.back().slot).type()});
  }
  for (size_t i = 0; i < outputs_.size(); ++i)
    about_.features.push_back({about_.features[i].name + ".running", about_.features[i].type});
  about_.fingerprint = fingerprint_of(settings_, *set_);
}

std::unique_ptr<bucket_windows_state> bucket_windows::make_state() const {
  return std::make_unique<state_type>(set_);
}

void bucket_windows::fold(state_type& own, uint32_t, const event_batch& batch,
                          std::span<const uint32_t> rows, fold_context& context) const {
  auto complete = grid_.complete(context.watermark);
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    fold_row(own, row, at, complete, context);
  });
}

void bucket_windows::report(const state_type& own, fold_context& context) const {
  if (own.next_end != step_grid::all_complete)
    context.wake(time_of(own.next_end));
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
                              int64_t complete, fold_context& context) const {
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
    state.fired += bucket <= state.last_end ? 1 : 0;
    state.next_end = std::min(state.next_end, std::max(bucket, complete + 1));
  } else if (bucket <= complete) {
    state.next_end = std::min(state.next_end, complete + 1);
  }
  keep_carried(settings_.carry, row, state.carried);
  buckets.note(place, at);
  set_->add(buckets.aggregates(place), set_->evaluate(row, *context.scratch), at, *context.counts);
  ++context.counts->rows;
}

bool bucket_windows::empty(const state_type& own) const noexcept {
  return own.buckets.size() == 0 && own.next_end == step_grid::all_complete;
}

size_t bucket_windows::memory(const state_type& own) const noexcept {
  auto sum = sizeof own + own.buckets.memory() + own.frames.capacity() * sizeof(sliding_frame);
  for (const auto& text : {own.pending.get(), own.carried.get()})
    sum += text == nullptr ? 0 : sizeof(std::string) + text->capacity();
  for (const auto& frame : own.frames)
    sum += frame.memory();
  return sum;
}

} // namespace windows

} // namespace keyfold
