#include "features/windows/row_windows_view.hpp"

#include <algorithm>

namespace keyfold::windows {

/// As if all rows that wait had been released.
cell row_windows::running(const state_type& state, const output& x, arena& memory) const {
  const auto& function = set_->function(x.slot);
  temporary_slot all{function, memory};
  if (!x.bounded && state.totals != nullptr)
    function.merge(all.words(), state.totals.get() + set_->offset(x.slot));
  auto oldest = x.size == duration::max() ? beginning_of_time : earlier(state.newest(), x.size);
  const auto& waiting = state.waiting.rows();
  auto kept = x.bounded ? state.history.size() : 0;
  auto rows = kept + waiting.size();
  auto begin = x.rows < static_cast<int64_t>(rows) ? rows - static_cast<size_t>(x.rows) : 0;
  aggregate_set::row_values values;
  for (auto i = begin; i < rows; ++i) {
    const auto& row = i < kept ? *state.history[i] : *waiting[i - kept];
    if (row.at() < oldest)
      continue;
    restore(row, values);
    set_->add(x.slot, all.words(), values, row.at());
  }
  return function.value(all.words(), memory);
}

void row_windows::read(const view_state& state, event_time as_of, std::span<const uint32_t> wanted,
                       std::span<feature_value> out, arena& memory) const {
  const auto& own = static_cast<const state_type&>(state);
  auto over = settings_.time_to_live && as_of != end_of_time
              && later(own.newest(), *settings_.time_to_live) <= as_of;
  std::span<const cell> last;
  if (!own.last.empty())
    last = unpack(own.last, rows_.width(), memory).first;
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i] = {};
    auto is_running = wanted[i] >= outputs_.size();
    if (empty(state) || (!is_running && last.empty()))
      continue;
    out[i].at = is_running ? own.newest() : own.last_at;
    if (over) {
      out[i].status = feature_status::outside_max_age;
      continue;
    }
    out[i].value = is_running ? running(own, outputs_[wanted[i] - outputs_.size()], memory)
                              : memory.copy(last[wanted[i] + 1]);
    out[i].status = out[i].value.is_null() ? feature_status::null_value : feature_status::present;
  }
}

void row_windows::read_all(const view_state& state, event_time as_of, arena& memory,
                           feature_sink& sink) const {
  for (uint32_t i = 0; i < features_.size(); ++i) {
    feature_value value;
    read(state, as_of, {&i, 1}, {&value, 1}, memory);
    if (value.status != feature_status::not_found)
      sink.on_feature(features_[i].name, value);
  }
}

} // namespace keyfold::windows
