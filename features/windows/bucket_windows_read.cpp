#include "features/windows/bucket_windows_view.hpp"

#include <algorithm>

namespace keyfold::windows {

cell bucket_windows::window_value(const bucket_block& buckets, const output& x, int64_t end,
                                  arena& memory) const {
  const auto& function = set_->function(x.slot);
  auto first = buckets.place_of(end - x.buckets + 1);
  auto last = first;
  while (last < buckets.size() && buckets.number(last) <= end)
    ++last;
  if (last == first + 1)
    return function.value(buckets.slot(first, x.slot), memory);
  temporary_slot all{function, memory};
  for (; first < last; ++first)
    function.merge(all.words(), buckets.slot(first, x.slot));
  return function.value(all.words(), memory);
}

/// The row published last, from the buckets. @pre they have not changed since
std::span<cell> bucket_windows::published_row(const state_type& state, arena& memory) const {
  auto cells = memory.allocate_cells(rows_.width());
  cells[0] = stamp(state.published_end);
  // Rows that came since for a window that was empty are not in its row.
  auto end = state.published_empty ? step_grid::none_complete : state.last_end;
  for (size_t i = 0; i < outputs_.size(); ++i)
    cells[i + 1] = window_value(state.buckets, outputs_[i], end, memory);
  return cells;
}

event_time bucket_windows::newest_in(const bucket_block& buckets, const output& x,
                                     int64_t end) const noexcept {
  auto after = buckets.place_of(end + 1);
  if (after == 0 || buckets.number(after - 1) <= end - x.buckets)
    return beginning_of_time;
  return buckets.newest(after - 1);
}

/// The window that the moment is in, or the newest event if that is later.
feature_value bucket_windows::running(const state_type& state, const output& x, event_time as_of,
                                      arena& memory) const {
  const auto& buckets = state.buckets;
  if (buckets.size() == 0)
    return {};
  auto end = buckets.number(buckets.size() - 1);
  if (as_of != end_of_time && as_of != beginning_of_time)
    end = std::max(end, grid_.bucket(as_of));
  feature_value out;
  out.value = window_value(buckets, x, end, memory);
  out.at = newest_in(buckets, x, end);
  out.status = out.value.is_null() ? feature_status::null_value : feature_status::present;
  return out;
}

void bucket_windows::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                          std::span<feature_value> out, arena& memory) const {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= outputs_.size()) {
      out[i] = running(own, outputs_[wanted[i] - outputs_.size()], as_of, memory);
      continue;
    }
    out[i] = {};
    if (own.last_end == step_grid::none_complete)
      continue;
    const auto& x = outputs_[wanted[i]];
    out[i].value = window_value(own.buckets, x, own.last_end, memory);
    out[i].at = newest_in(own.buckets, x, own.last_end);
    out[i].status = out[i].value.is_null() ? feature_status::null_value : feature_status::present;
  }
}

} // namespace keyfold::windows
