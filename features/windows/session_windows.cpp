#include "features/windows/make_windows.hpp"
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
  auto problem = problem_in(settings);
  windows::window_columns columns{
      {"session_start", "session_end"}, settings.outputs, {}, settings.carry};
  // The columns are spans of vectors, which stay where they are when the settings are moved.
  return windows::make_windows<windows::session_windows>(std::move(settings), problem, columns);
}

namespace windows {

session_windows::session_windows(session_windows_settings settings, aggregate_set set,
                                 publication rows)
    : settings_(std::move(settings)), set_(std::make_shared<const aggregate_set>(std::move(set))),
      rows_(std::move(rows)) {
  about_ = rows_.description(settings_.name, "session_window", settings_.stream);
  auto values = std::span{rows_.changes().values};
  for (const auto& x : values)
    about_.features.push_back({x.name, x.type});
  for (const auto& x : values)
    about_.features.push_back({x.name + ".running", x.type});
  about_.fingerprint = fingerprint_of(settings_, *set_);
}

std::unique_ptr<session_windows_state> session_windows::make_state() const {
  return std::make_unique<state_type>(set_);
}

void session_windows::fold(state_type& own, uint32_t, const event_batch& batch,
                           std::span<const uint32_t> rows, fold_context& context) const {
  fold_each(batch, rows, context,
            [&](std::span<const cell> row, event_time at) { fold_row(own, row, at, context); });
}

void session_windows::fold_row(state_type& state, std::span<const cell> row, event_time at,
                               fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  auto late = at <= context.watermark;
  context.counts->late += late ? 1 : 0;
  auto place = place_for(state, at, late, context);
  if (!place)
    return;
  keep_carried(settings_.carry, row, state.carried);
  set_->add(state.sessions.aggregates(*place), set_->evaluate(row, *context.scratch), at,
            *context.counts);
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

void session_windows::advance(state_type& own, fold_context& context) const {
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
}

void session_windows::close(state_type& state, fold_context& context) const {
  auto cells = session_row(state, 0, *context.scratch);
  auto at = ends_at(state, 0);
  if (rows_.holds(cells, *context.scratch)) {
    pack_into(state.last, cells, at);
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

void session_windows::report(const state_type& own, fold_context& context) const {
  if (own.sessions.size() > 0)
    context.wake(ends_at(own, 0));
  else if (context.watermark != end_of_time && own.last_at != beginning_of_time
           && settings_.readable_for > duration{0})
    context.wake(later(own.last_at, settings_.readable_for));
}

void session_windows::read(const state_type& own, event_time as_of,
                           std::span<const uint32_t> wanted, std::span<feature_value> out,
                           arena& memory) const {
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

void session_windows::collect_changes(state_type& own, event_time watermark,
                                      change_sink& sink) const {
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
void session_windows::encode(const state_type& own, byte_writer& out) const {
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

std::unique_ptr<session_windows_state> session_windows::decode(byte_reader& in, arena&) const {
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
  return state;
}

bool session_windows::empty(const state_type& own) const noexcept {
  return own.sessions.size() == 0
         && (own.last_at == beginning_of_time || settings_.readable_for == duration{0});
}

size_t session_windows::memory(const state_type& own) const noexcept {
  return sizeof own + own.sessions.memory() + own.last.capacity()
         + (own.carried ? sizeof *own.carried + own.carried->capacity() : 0);
}

} // namespace windows

} // namespace keyfold
