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
  auto end = state.rows.size();
  auto begin = x.bounded ? 0 : state.released;
  if (x.rows < int64_t{end} - begin)
    begin = end - static_cast<uint32_t>(x.rows);
  row_reader row{*this, state, memory};
  for (; begin < end; ++begin)
    if (state.rows.at(begin) >= oldest)
      set_->add(x.slot, all.words(), row(begin), state.rows.at(begin));
  return function.value(all.words(), memory);
}

void row_windows::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                       std::span<feature_value> out, arena& memory) const {
  auto over = settings_.time_to_live && as_of != end_of_time
              && later(own.newest(), *settings_.time_to_live) <= as_of;
  std::span<const cell> last;
  if (!own.last.empty())
    last = unpack(own.last, rows_.width(), memory).first;
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i] = {};
    auto is_running = wanted[i] >= outputs_.size();
    if (empty(own) || (!is_running && last.empty()))
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

} // namespace keyfold::windows
