#include "features/latest.hpp"

#include "features/fingerprint.hpp"
#include "features/prefetch.hpp"
#include "features/rows/packed_cells.hpp"
#include "features/rows/row_publication.hpp"
#include "features/settings_check.hpp"
#include "features/view_of.hpp"

#include <set>
#include <tuple>

namespace keyfold {

namespace {

/// The state of one key: the newest row, a deletion that older rows must not undo, or nothing.
struct latest_state final : view_state {
  event_time at = beginning_of_time; // of the row; the beginning of time: there is none
  std::string cells;                 // of the row, packed
  bool deleted = false;
  row_publication publication;

  bool present() const noexcept { return at != beginning_of_time && !deleted; }
};

class latest_view {
public:
  using state_type = latest_state;

  explicit latest_view(latest_settings settings);

  const view_description& description() const noexcept { return about_; }
  std::unique_ptr<state_type> make_state() const { return std::make_unique<state_type>(); }
  void fold(state_type& own, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const;
  void advance(state_type& own, fold_context& context) const;
  void report(const state_type& own, fold_context& context) const;
  void read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const;
  void collect_changes(state_type& own, event_time watermark, change_sink& sink) const;
  void encode(const state_type& own, byte_writer& out) const;
  std::unique_ptr<state_type> decode(byte_reader& in, arena& scratch) const;
  bool empty(const state_type& own) const noexcept;
  void prefetch(const state_type& own) const noexcept { prefetch_line(own.cells.data()); }
  size_t memory(const state_type& own) const noexcept;

private:
  bool is_for_late(event_time at, fold_context& context) const;
  void fold_row(latest_state& state, std::span<const cell> row, event_time at, std::string& packed,
                fold_context& context) const;
  event_time ends_at(const latest_state& state) const noexcept;
  std::span<const cell> cells_of(const latest_state& state, arena& memory) const;

  latest_settings settings_;
  view_description about_;
};

latest_view::latest_view(latest_settings settings) : settings_(std::move(settings)) {
  for (const auto& x : settings_.columns) {
    about_.features.push_back({x.name, x.type});
    about_.changes.values.push_back(x);
  }
  if (!settings_.time_feature.empty()) {
    data_type time;
    time.kind = type_kind::timestamp;
    about_.features.push_back({settings_.time_feature, time});
    about_.changes.values.push_back({settings_.time_feature, time});
  }
  about_.name = settings_.name;
  about_.kind = "latest";
  about_.inputs = {settings_.stream};
  about_.fingerprint = fingerprint_writer{"latest 1"}
                           .add(settings_.stream)
                           .add(std::span<const column>{settings_.columns})
                           .add(settings_.where_text)
                           .add(settings_.delete_text)
                           .take();
}

event_time latest_view::ends_at(const latest_state& state) const noexcept {
  if (state.at == beginning_of_time)
    return end_of_time;
  if (state.deleted)
    return later(state.at, settings_.tombstones);
  return settings_.time_to_live ? later(state.at, *settings_.time_to_live) : end_of_time;
}

void latest_view::report(const state_type& own, fold_context& context) const {
  if (context.watermark != end_of_time)
    context.wake(ends_at(own));
}

void latest_view::fold(state_type& own, uint32_t, const event_batch& batch,
                       std::span<const uint32_t> rows, fold_context& context) const {
  std::string packed;
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    fold_row(own, row, at, packed, context);
  });
}

bool latest_view::is_for_late(event_time at, fold_context& context) const {
  ++context.counts->late;
  const auto& ttl = settings_.time_to_live;
  auto over = ttl && context.watermark != end_of_time && later(at, *ttl) <= context.watermark;
  if (settings_.late == latest_settings::late_rows::fold && !over)
    return true;
  ++context.counts->late_dropped;
  return false;
}

void latest_view::fold_row(latest_state& state, std::span<const cell> row, event_time at,
                           std::string& packed, fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  if (at <= context.watermark && !is_for_late(at, context))
    return;
  ++context.counts->rows;
  if (at < state.at)
    return;
  auto deletes = settings_.delete_when && settings_.delete_when->holds(row, *context.scratch);
  packed.clear();
  byte_writer out{packed};
  if (!deletes)
    pack_cells(row, settings_.column_places, out);
  // At the very same time a deletion wins, then the greater row: whichever came first.
  if (at == state.at && std::tie(deletes, packed) <= std::tie(state.deleted, state.cells))
    return;
  auto had_row = state.present();
  auto same = had_row && !deletes && packed == state.cells && settings_.time_feature.empty();
  state.at = at;
  state.deleted = deletes;
  state.cells = packed;
  if (deletes) {
    state.cells.shrink_to_fit();
    if (had_row)
      state.publication.row_gone(context, at);
  } else if (!same) {
    state.publication.row_changed(context, at, [&] { return cells_of(state, *context.scratch); });
  }
}

void latest_view::advance(state_type& own, fold_context& context) const {
  auto end = ends_at(own);
  // The end of a bounded stream ends nothing.
  if (context.watermark != end_of_time && end <= context.watermark) {
    if (own.present()) {
      ++context.counts->expired;
      own.publication.row_gone(context, end);
    }
    own.at = beginning_of_time;
    own.deleted = false;
    own.cells = {};
  }
}

std::span<const cell> latest_view::cells_of(const latest_state& state, arena& memory) const {
  auto cells = memory.allocate_cells(about_.features.size());
  byte_reader in{state.cells};
  unpack_cells(in, cells.first(settings_.columns.size()), memory);
  if (!settings_.time_feature.empty())
    cells.back() = cell::timestamp(state.at);
  return cells;
}

void latest_view::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                       std::span<feature_value> out, arena& memory) const {
  if (!own.present())
    return;
  auto ended = as_of != end_of_time && ends_at(own) <= as_of;
  auto cells = ended ? std::span<const cell>{} : cells_of(own, memory);
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i].at = own.at;
    out[i].status = feature_status::outside_max_age;
    if (ended)
      continue;
    out[i].value = memory.copy(cells[wanted[i]]);
    out[i].status = out[i].value.is_null() ? feature_status::null_value : feature_status::present;
  }
}

void latest_view::collect_changes(state_type& own, event_time watermark, change_sink& sink) const {
  arena memory{256};
  auto at = own.at == beginning_of_time ? watermark : own.at;
  own.publication.collect(sink, at, [&]() -> std::optional<std::span<const cell>> {
    if (!own.present())
      return std::nullopt;
    return cells_of(own, memory);
  });
}

void latest_view::encode(const state_type& own, byte_writer& out) const {
  own.publication.encode(out);
  out.time(own.at);
  out.u8(own.deleted ? 1 : 0);
  out.text(own.cells);
}

std::unique_ptr<latest_state> latest_view::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<latest_state>();
  if (!state->publication.decode(in))
    return nullptr;
  state->at = in.time();
  auto deleted = in.u8();
  state->deleted = deleted == 1;
  state->cells = in.text();
  if (!in.good() || deleted > 1 || state->at == end_of_time)
    return nullptr;
  arena memory;
  byte_reader cells{state->cells};
  if (state->present() ? !packed_fit(cells, settings_.columns, memory) || !cells.at_end()
                       : !state->cells.empty())
    return nullptr;
  return state;
}

bool latest_view::empty(const state_type& own) const noexcept {
  return own.at == beginning_of_time && !own.publication.owes_erase(false);
}

size_t latest_view::memory(const state_type& own) const noexcept {
  auto outside = own.cells.capacity() > std::string{}.capacity() ? own.cells.capacity() + 1 : 0;
  return sizeof own + outside;
}

std::optional<error> problem_in(const latest_settings& x) {
  settings_check check{x.name};
  check.require(!x.columns.empty() && x.columns.size() == x.column_places.size(),
                "it keeps no column: name one or more in `columns`");
  std::set<std::string_view> seen{x.time_feature};
  for (const auto& column : x.columns)
    check.require(seen.insert(column.name).second,
                  "two features are called `{}`: rename one, or leave it out", column.name);
  check.condition(x.where);
  check.require(!x.delete_when || x.delete_when->type().kind == type_kind::boolean,
                "its `delete_when` is no condition: compare something");
  check.require(!x.time_to_live || x.time_to_live->count() > 0,
                "ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it out");
  check.require(x.tombstones.count() > 0,
                "keep_deletions is not longer than 0: give it a length, e.g. \"1d\"");
  return check.problem();
}

} // namespace

result<std::shared_ptr<const view>> make_latest(latest_settings settings) {
  if (auto problem = problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const view_of<latest_view>>(std::move(settings));
}

} // namespace keyfold
