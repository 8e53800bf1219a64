#include "features/as_of.hpp"

#include "features/fingerprint.hpp"
#include "features/rows/packed_cells.hpp"
#include "features/rows/packed_rows.hpp"
#include "features/rows/row_publication.hpp"
#include "features/settings_check.hpp"
#include "features/view_of.hpp"

#include <set>
#include <xxhash.h>

namespace keyfold {

namespace {

/// The state of one key: versions by time, and rows that wait for the watermark.
struct as_of_state final : view_state {
  packed_rows versions;
  packed_rows waiting;
  row_publication publication; // of the newest version
};

uint64_t hash_of(const packed_rows::row& x) noexcept {
  return XXH3_64bits(x.bytes.data(), x.bytes.size());
}

class as_of_view {
public:
  using state_type = as_of_state;

  explicit as_of_view(as_of_settings settings);

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
  void prefetch(const state_type& own) const noexcept {
    own.versions.prefetch();
    own.waiting.prefetch();
  }
  size_t memory(const state_type& own) const noexcept;

private:
  bool accepts(const as_of_settings::role& role, std::span<const cell> row, event_time at,
               fold_context& context) const;
  void fold_version(as_of_state& state, std::span<const cell> row, event_time at,
                    fold_context& context) const;
  void fold_row(as_of_state& state, std::span<const cell> row, event_time at,
                fold_context& context) const;
  void join_first(as_of_state& state, fold_context& context) const;
  void join(const as_of_state& state, const packed_rows::row& row, fold_context& context) const;
  void tidy(as_of_state& state, fold_context& context) const;
  event_time ends_at(event_time version) const noexcept;
  std::span<const cell> newest(const as_of_state& state, arena& memory) const;

  as_of_settings settings_;
  view_description about_;
};

std::string fingerprint_of(const as_of_settings& x) {
  fingerprint_writer out{"as_of 1"};
  auto add = [&](const as_of_settings::role& role) {
    out.add(role.stream).add(std::span<const column>{role.named}).add(role.where_text);
  };
  add(x.values);
  if (x.rows)
    add(*x.rows);
  return out.take();
}

as_of_view::as_of_view(as_of_settings settings) : settings_(std::move(settings)) {
  about_.name = settings_.name;
  about_.kind = "as_of";
  about_.inputs = {settings_.values.stream};
  about_.fingerprint = fingerprint_of(settings_);
  for (const auto& x : settings_.values.named)
    about_.features.push_back({x.name, x.type});
  about_.changes.values = settings_.values.named;
  if (!settings_.rows)
    return;
  about_.inputs.push_back(settings_.rows->stream);
  about_.emissions = settings_.rows->named;
  about_.emissions.insert(about_.emissions.end(), settings_.values.named.begin(),
                          settings_.values.named.end());
}

bool as_of_view::accepts(const as_of_settings::role& role, std::span<const cell> row, event_time at,
                         fold_context& context) const {
  if (role.where && !role.where->holds(row, *context.scratch))
    return false;
  if (at <= context.watermark) {
    ++context.counts->late;
    if (settings_.late == as_of_settings::late_rows::drop) {
      ++context.counts->late_dropped;
      return false;
    }
  }
  ++context.counts->rows;
  return true;
}

void as_of_view::fold(state_type& own, uint32_t input, const event_batch& batch,
                      std::span<const uint32_t> rows, fold_context& context) const {
  const auto& role = input == 0 ? settings_.values : *settings_.rows;
  tidy(own, context);
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    if (!accepts(role, row, at, context))
      return;
    if (input == 0)
      fold_version(own, row, at, context);
    else
      fold_row(own, row, at, context);
  });
}

void as_of_view::fold_version(as_of_state& state, std::span<const cell> row, event_time at,
                              fold_context& context) const {
  auto& versions = state.versions;
  if (versions.size() >= settings_.max_versions) {
    ++context.counts->bound_reached;
    versions.erase_front();
  }
  auto before = versions.empty() ? 0 : hash_of(versions.back());
  auto write = [&](byte_writer& out) { pack_cells(row, settings_.values.columns, out); };
  while (!versions.insert_written(at, 0, write)) {
    ++context.counts->bound_reached;
    if (versions.empty())
      return;
    versions.erase_front();
  }
  if (hash_of(versions.back()) != before)
    state.publication.row_changed(context, versions.back().at,
                                  [&] { return newest(state, *context.scratch); });
}

void as_of_view::fold_row(as_of_state& state, std::span<const cell> row, event_time at,
                          fold_context& context) const {
  auto write = [&](byte_writer& out) { pack_cells(row, settings_.rows->columns, out); };
  if (at <= context.watermark) {
    std::string bytes;
    byte_writer out{bytes};
    write(out);
    join(state, {at, 0, bytes}, context);
    return;
  }
  if (state.waiting.size() >= settings_.max_waiting_rows) {
    ++context.counts->bound_reached;
    join_first(state, context);
  }
  while (!state.waiting.insert_written(at, 0, write)) {
    ++context.counts->bound_reached;
    if (state.waiting.empty())
      return;
    join_first(state, context);
  }
}

void as_of_view::join_first(as_of_state& state, fold_context& context) const {
  join(state, state.waiting.front(), context);
  state.waiting.erase_front();
}

void as_of_view::join(const as_of_state& state, const packed_rows::row& row,
                      fold_context& context) const {
  auto valid = state.versions.count_until(row.at);
  auto found = valid > 0 && ends_at(state.versions.at(valid - 1)) > row.at;
  if (!found && settings_.inner) {
    ++context.counts->skipped;
    return;
  }
  if (context.emissions == nullptr)
    return;
  auto& memory = *context.scratch;
  auto before = memory.now();
  auto cells = memory.allocate_cells(about_.emissions.size());
  auto from_rows = settings_.rows->named.size();
  byte_reader in{row.bytes};
  unpack_cells(in, cells.first(from_rows), memory);
  if (found) {
    byte_reader version{state.versions[valid - 1].bytes};
    unpack_cells(version, cells.subspan(from_rows), memory);
  }
  context.emissions->emit(cells, row.at);
  memory.rewind(before);
}

event_time as_of_view::ends_at(event_time version) const noexcept {
  return settings_.time_to_live ? later(version, *settings_.time_to_live) : end_of_time;
}

void as_of_view::advance(state_type& own, fold_context& context) const {
  while (!own.waiting.empty() && own.waiting.earliest() <= context.watermark)
    join_first(own, context);
  tidy(own, context);
}

void as_of_view::tidy(as_of_state& state, fold_context& context) const {
  // The end of a bounded stream ends nothing.
  if (context.watermark == end_of_time || state.versions.empty())
    return;
  auto& versions = state.versions;
  auto passed = versions.count_until(earlier(context.watermark, settings_.history));
  // Of the versions that rows to come can no longer be joined with, the newest may be valid still.
  if (passed > 1)
    versions.erase_front(passed - 1);
  auto end = ends_at(versions.back().at);
  if (end > context.watermark)
    return;
  ++context.counts->expired;
  versions.clear();
  state.publication.row_gone(context, end);
}

void as_of_view::report(const state_type& own, fold_context& context) const {
  context.wake(own.waiting.earliest());
  if (context.watermark == end_of_time || own.versions.empty())
    return;
  context.wake(ends_at(own.versions.back().at));
  if (own.versions.size() > 1)
    context.wake(later(own.versions.at(1), settings_.history));
}

std::span<const cell> as_of_view::newest(const as_of_state& state, arena& memory) const {
  auto cells = memory.allocate_cells(about_.features.size());
  byte_reader in{state.versions.back().bytes};
  unpack_cells(in, cells, memory);
  return cells;
}

void as_of_view::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                      std::span<feature_value> out, arena& memory) const {
  if (own.versions.empty())
    return;
  auto at = own.versions.back().at;
  auto ended = as_of != end_of_time && ends_at(at) <= as_of;
  auto cells = newest(own, memory);
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i].at = at;
    out[i].status = feature_status::outside_max_age;
    if (ended)
      continue;
    out[i].value = memory.copy(cells[wanted[i]]);
    out[i].status = out[i].value.is_null() ? feature_status::null_value : feature_status::present;
  }
}

void as_of_view::collect_changes(state_type& own, event_time watermark, change_sink& sink) const {
  arena memory{256};
  auto at = own.versions.empty() ? watermark : own.versions.back().at;
  own.publication.collect(sink, at, [&]() -> std::optional<std::span<const cell>> {
    if (own.versions.empty())
      return std::nullopt;
    return newest(own, memory);
  });
}

void as_of_view::encode(const state_type& own, byte_writer& out) const {
  own.publication.encode(out);
  own.versions.encode(out);
  own.waiting.encode(out);
}

std::unique_ptr<as_of_state> as_of_view::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<as_of_state>();
  arena memory;
  auto sound = [&](const packed_rows::row& row, const std::vector<column>& columns) {
    byte_reader cells{row.bytes};
    return packed_fit(cells, columns, memory) && cells.at_end();
  };
  auto decoded = state->publication.decode(in) && state->versions.decode(in, [&](const auto& x) {
    return sound(x, settings_.values.named);
  }) && state->waiting.decode(in, [&](const auto& x) {
    return settings_.rows && sound(x, settings_.rows->named);
  });
  if (!decoded)
    return nullptr;
  return state;
}

bool as_of_view::empty(const state_type& own) const noexcept {
  return own.versions.empty() && own.waiting.empty() && !own.publication.owes_erase(false);
}

size_t as_of_view::memory(const state_type& own) const noexcept {
  return sizeof own + own.versions.memory() + own.waiting.memory();
}

std::optional<error> problem_in(const as_of_settings& x) {
  settings_check check{x.name};
  check.require(!x.values.named.empty(), "it keeps no column of `values`: name one or more");
  check.require(!x.rows || !x.rows->named.empty(),
                "it emits no column of `rows`: name one or more");
  std::set<std::string_view> seen;
  auto add = [&](const std::vector<column>& columns) {
    for (const auto& column : columns)
      check.require(seen.insert(column.name).second,
                    "two of its columns are called `{}`: give one another name", column.name);
  };
  add(x.values.named);
  check.condition(x.values.where);
  if (x.rows) {
    add(x.rows->named);
    check.condition(x.rows->where);
  }
  check.require(!x.inner || x.rows, "it has no `rows` to join: leave `join` out");
  check.require(x.history.count() >= 0, "history is less than 0: give it a length, e.g. \"1d\"");
  check.require(!x.time_to_live || x.time_to_live->count() > 0,
                "ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it out");
  check.require(x.max_versions > 0, "max_versions is 0: set it to 1 or more");
  check.require(x.max_waiting_rows > 0, "max_waiting_rows is 0: set it to 1 or more");
  return check.problem();
}

} // namespace

result<std::shared_ptr<const view>> make_as_of(as_of_settings settings) {
  if (auto problem = problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const view_of<as_of_view>>(std::move(settings));
}

} // namespace keyfold
