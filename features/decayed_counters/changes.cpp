#include "features/decayed_counters/view.hpp"

namespace keyfold::counters {

void decayed_counters::touch(const entry_block& block, uint32_t place,
                             fold_context& context) const {
  // What came in late for a stretch that a newer one has followed is no longer to be seen.
  if (settings_.time_to_live && !newest_of_group(layout_->groups, block, place))
    return;
  auto x = block.at(layout_->groups, place);
  x.set(entry::changed);
  if (context.changes == nullptr)
    return;
  publish(x, *context.changes, *context.scratch);
  x.set(entry::published);
}

void decayed_counters::publish(const entry& x, change_sink& sink, arena& memory) const {
  auto before = memory.now();
  auto cells = memory.allocate_cells(changes_.values.size());
  auto next = cells.begin();
  *next++ = cell::timestamp(x.newest());
  for (const auto& value : names_.values) {
    if (value.where.from == counter_names::place::source::sum) {
      *next++ = cell::real(x.sums()[value.where.decay * sums_ + value.where.number]);
    } else {
      borrowed_distinct counter{x.distinct(value.where.number)};
      *next++ = cell::integer(static_cast<int64_t>(counter->count()));
    }
  }
  sink.upsert(groups_.cells(x.group(), memory), cells, x.newest());
  memory.rewind(before);
}

void decayed_counters::collect_changes(view_state& state, event_time, change_sink& sink) const {
  const auto& layout = layout_->groups;
  auto& groups = static_cast<counters_state&>(state).groups;
  arena memory{256};
  for (uint32_t place = 0; place < groups.size();) {
    auto x = groups.at(layout, place);
    if (x.has(entry::gone)) {
      sink.erase(groups_.cells(x.group(), memory), x.start());
      groups.erase(layout, place);
      continue;
    }
    if (x.has(entry::changed)
        && (!settings_.time_to_live || newest_of_group(layout, groups, place))) {
      publish(x, sink, memory);
      x.set(entry::published | entry::collected);
    }
    x.clear(entry::changed);
    ++place;
  }
}

} // namespace keyfold::counters
