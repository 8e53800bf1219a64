#include "features/windows/session_windows_view.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold {

namespace {

constexpr duration longest = std::chrono::days{36'525};

std::optional<std::string> problem_in(const session_windows_settings& x) {
  if (x.outputs.empty())
    return "it has no aggregates";
  if (x.gap <= duration{0} || x.gap > longest)
    return "`gap` lies between 1us and 36525d";
  return std::nullopt;
}

std::string fingerprint_of(const session_windows_settings& x, const aggregate_set& set) {
  auto out = fmt::format("sessions 1\n{}\n{}\n{}\n", x.stream, x.where_text, x.gap.count());
  out += set.fingerprint();
  for (size_t i = 0; i < x.outputs.size(); ++i)
    out += fmt::format("{} ", set.slot_of(i));
  for (const auto& column : x.carry)
    out.append("\n").append(column.as.name);
  return out;
}

} // namespace

result<std::shared_ptr<const view>> make_session_windows(session_windows_settings settings) {
  if (auto problem = problem_in(settings))
    return fail(fmt::format("view `{}`: {}", settings.name, *problem));
  auto set = aggregate_set::make(settings.outputs);
  if (!set)
    return fail(fmt::format("view `{}`: {}", settings.name, set.error().message));
  data_type timestamp;
  timestamp.kind = type_kind::timestamp;
  std::vector<column> values{{"session_start", timestamp}, {"session_end", timestamp}};
  for (size_t i = 0; i < settings.outputs.size(); ++i)
    values.push_back({settings.outputs[i].name, set->function(set->slot_of(i)).type()});
  std::vector<column> carried;
  for (const auto& x : settings.carry)
    carried.push_back(x.as);
  auto rows = windows::publication::make(std::move(values), std::move(carried), settings.having);
  if (!rows)
    return fail(fmt::format("view `{}`: {}", settings.name, rows.error().message));
  return std::make_shared<const windows::session_windows>(std::move(settings), std::move(*set),
                                                          std::move(*rows));
}

namespace windows {

session_windows::session_windows(session_windows_settings settings, aggregate_set set,
                                 publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)) {
  auto values = std::span{rows_.changes().values};
  for (const auto& x : values)
    features_.push_back({x.name, x.type});
  for (const auto& x : values)
    features_.push_back({x.name + ".running", x.type});
  fingerprint_ = fingerprint_of(settings_, *set_);
}

std::unique_ptr<view_state> session_windows::make_state() const {
  return std::make_unique<state_type>(set_);
}

void session_windows::fold(view_state& state, uint32_t, const event_batch& batch,
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

void session_windows::fold_row(state_type& state, std::span<const cell> row, event_time at,
                               aggregate_set::row_values& values, fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  auto late = at <= context.watermark;
  context.counts->late += late ? 1 : 0;
  auto place = place_for(state, at, late, context);
  if (!place)
    return;
  if (!settings_.carry.empty() && !state.carried) {
    std::vector<cell> cells;
    for (const auto& x : settings_.carry)
      cells.push_back(row[x.number]);
    state.carried = std::make_unique<std::string>(pack(cells, beginning_of_time));
  }
  set_->evaluate(row, *context.scratch, values);
  set_->add(state.sessions.aggregates(*place), values, at, *context.counts);
  ++context.counts->rows;
}

/// The session that the row belongs to: one that it prolongs, two that it joins, or a new one.
std::optional<uint32_t> session_windows::place_for(state_type& state, event_time at, bool late,
                                                   fold_context& context) const {
  auto& sessions = state.sessions;
  auto after = sessions.place_of(at.time_since_epoch().count());
  auto follows = after > 0 && at <= ends_at(state, after - 1);
  auto precedes = after < sessions.size() && state.start(after) <= later(at, settings_.gap);
  if (follows) {
    sessions.note(after - 1, at);
    if (precedes) {
      sessions.note(after - 1, sessions.newest(after));
      set_->merge(sessions.aggregates(after - 1), sessions.aggregates(after), *context.counts);
      sessions.erase(after);
    }
    return after - 1;
  }
  if (precedes) {
    sessions.renumber(after, at.time_since_epoch().count());
    sessions.note(after, at);
    return after;
  }
  if (late && later(at, settings_.gap) <= context.watermark) {
    ++context.counts->late_dropped;
    return std::nullopt;
  }
  if (sessions.size() >= settings_.max_sessions_per_key) {
    ++context.counts->bound_reached;
    return std::nullopt;
  }
  sessions.insert(after, at.time_since_epoch().count());
  sessions.note(after, at);
  return after;
}

void session_windows::advance(view_state& state, fold_context& context) const {
  auto& own = static_cast<state_type&>(state);
  while (own.sessions.size() > 0 && ends_at(own, 0) <= context.watermark) {
    auto before = context.scratch->now();
    close(own, context);
    context.scratch->rewind(before);
  }
  // What can no longer be read, and has been told, is forgotten.
  if (context.watermark != end_of_time && own.last_at != beginning_of_time && !own.changed
      && later(own.last_at, settings_.readable_for) <= context.watermark) {
    own.last = {};
    own.last_at = beginning_of_time;
  }
  wake(own, context);
}

void session_windows::close(state_type& state, fold_context& context) const {
  auto cells = session_row(state, 0, *context.scratch);
  auto at = ends_at(state, 0);
  if (rows_.holds(cells, *context.scratch)) {
    state.last = pack(cells, at);
    state.last_at = at;
    state.changed = true;
    std::span<const cell> carried;
    if (context.emissions != nullptr && state.carried)
      carried = unpack(*state.carried, settings_.carry.size(), *context.scratch).first;
    rows_.publish(carried, cells, at, context);
  }
  state.sessions.drop(1);
}

std::span<cell> session_windows::session_row(const state_type& state, uint32_t place,
                                             arena& memory) const {
  auto cells = memory.allocate_cells(rows_.width());
  cells[0] = cell::timestamp(state.start(place));
  cells[1] = cell::timestamp(state.sessions.newest(place));
  for (size_t i = 0; i < settings_.outputs.size(); ++i) {
    auto slot = set_->slot_of(i);
    cells[i + 2] = set_->function(slot).value(state.sessions.slot(place, slot), memory);
  }
  return cells;
}

void session_windows::wake(const state_type& state, fold_context& context) const {
  if (state.sessions.size() > 0)
    context.wake(ends_at(state, 0));
  else if (context.watermark != end_of_time && state.last_at != beginning_of_time
           && settings_.readable_for > duration{0})
    context.wake(later(state.last_at, settings_.readable_for));
}

void session_windows::read(const view_state& state, event_time as_of,
                           std::span<const uint32_t> wanted, std::span<feature_value> out,
                           arena& memory) const {
  const auto& own = static_cast<const state_type&>(state);
  std::span<const cell> last;
  if (!own.last.empty())
    last = unpack(own.last, rows_.width(), memory).first;
  std::span<const cell> open;
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i] = {};
    auto is_open = wanted[i] >= rows_.width();
    auto sessions = own.sessions.size();
    if (is_open ? sessions == 0 : last.empty())
      continue;
    if (is_open && open.empty())
      open = session_row(own, sessions - 1, memory);
    out[i].at = is_open ? own.sessions.newest(sessions - 1) : last[1].as_timestamp();
    out[i].value = is_open ? open[wanted[i] - rows_.width()] : memory.copy(last[wanted[i]]);
    out[i].status = out[i].value.is_null() ? feature_status::null_value : feature_status::present;
    if (is_open && as_of != end_of_time && ends_at(own, sessions - 1) < as_of) {
      out[i].value = {};
      out[i].status = feature_status::outside_max_age;
    }
  }
}

void session_windows::read_all(const view_state& state, event_time as_of, arena& memory,
                               feature_sink& sink) const {
  for (uint32_t i = 0; i < features_.size(); ++i) {
    feature_value value;
    read(state, as_of, {&i, 1}, {&value, 1}, memory);
    if (value.status != feature_status::not_found)
      sink.on_feature(features_[i].name, value);
  }
}

void session_windows::collect_changes(view_state& state, event_time watermark,
                                      change_sink& sink) const {
  auto& own = static_cast<state_type&>(state);
  if (own.changed) {
    arena memory{512};
    auto [cells, at] = unpack(own.last, rows_.width(), memory);
    sink.upsert({}, cells, at);
    own.changed = false;
  }
  if (watermark != end_of_time && own.last_at != beginning_of_time
      && later(own.last_at, settings_.readable_for) <= watermark) {
    own.last = {};
    own.last_at = beginning_of_time;
  }
}

/// The state as bytes: the last row published and when, the columns carried, the open sessions by
/// their first and newest times and their aggregates.
void session_windows::encode(const view_state& state, byte_writer& out) const {
  const auto& own = static_cast<const state_type&>(state);
  out.time(own.last_at);
  out.text(own.last);
  out.text(own.carried ? *own.carried : std::string{});
  out.varint(own.sessions.size());
  for (uint32_t i = 0; i < own.sessions.size(); ++i) {
    out.signed_varint(own.sessions.number(i));
    out.varint(static_cast<uint64_t>((own.sessions.newest(i) - own.start(i)).count()));
    set_->encode(own.sessions.aggregates(i), out);
  }
}

std::unique_ptr<view_state> session_windows::decode(byte_reader& in, fold_context& context) const {
  auto state = std::make_unique<state_type>(set_);
  state->last_at = in.time();
  state->last = in.text();
  auto carried = in.text();
  if (!in.good() || state->last.empty() != (state->last_at == beginning_of_time)
      || (!state->last.empty() && !is_packed(state->last, rows_.changes().values))
      || (!carried.empty()
          && !is_packed(std::string{carried}, rows_.emissions().first(settings_.carry.size()))))
    return nullptr;
  if (!carried.empty())
    state->carried = std::make_unique<std::string>(carried);
  auto size = in.varint();
  for (uint32_t i = 0; i < size; ++i) {
    auto start = in.signed_varint();
    auto length = in.varint();
    constexpr auto bound = std::numeric_limits<int64_t>::max() / 4;
    if (!in.good() || i >= settings_.max_sessions_per_key || start > bound || start < -bound
        || length > static_cast<uint64_t>(bound)
        || (i > 0 && event_time{duration{start}} <= ends_at(*state, i - 1)))
      return nullptr;
    state->sessions.insert(i, start);
    state->sessions.note(i, event_time{duration{start + static_cast<int64_t>(length)}});
    if (!set_->decode(state->sessions.aggregates(i), in))
      return nullptr;
  }
  if (!in.good())
    return nullptr;
  wake(*state, context);
  return state;
}

bool session_windows::empty(const view_state& state) const noexcept {
  const auto& own = static_cast<const state_type&>(state);
  return own.sessions.size() == 0
         && (own.last_at == beginning_of_time || settings_.readable_for == duration{0});
}

size_t session_windows::memory(const view_state& state) const noexcept {
  const auto& own = static_cast<const state_type&>(state);
  return sizeof own + own.sessions.memory() + own.last.capacity()
         + (own.carried ? sizeof *own.carried + own.carried->capacity() : 0);
}

} // namespace windows

} // namespace keyfold
