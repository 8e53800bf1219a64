#include "features/attribution/view.hpp"

#include "features/entity_key.hpp"
#include "features/rows/packed_cells.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <xxhash.h>

namespace keyfold::attributing {

namespace {

using model = attribution_settings::model;

uint32_t tag_of(std::string_view match) noexcept {
  return static_cast<uint32_t>(XXH3_64bits(match.data(), match.size()));
}

std::string_view match_of(const packed_rows::row& touch) noexcept {
  return byte_reader{touch.bytes}.text();
}

/// The place behind the last one of [first, last) that matches; `first` where there is none.
size_t behind_last_match(const touch_list& touches, std::string_view match, size_t first,
                         size_t last) {
  auto tag = tag_of(match);
  last = touches.behind_last_with(tag, first, last);
  while (last > first && match_of(touches.rows()[last - 1]) != match)
    last = touches.behind_last_with(tag, first, last - 1);
  return last;
}

/// What a row has to match, as text; nothing where one of the columns is null: it matches none.
std::optional<std::string_view> match_in(std::span<const cell> row,
                                         std::span<const uint32_t> columns, std::string& text) {
  std::array<cell, 8> cells;
  for (size_t i = 0; i < columns.size(); ++i)
    cells[i] = row[columns[i]];
  text.clear();
  if (!append_entity_key({cells.data(), columns.size()}, text))
    return std::nullopt;
  return text;
}

// A conversion begins with whether it can match at all, so that it is emitted in any case.
constexpr uint8_t matches_some = 1;
constexpr uint8_t matches_none = 0;

} // namespace

void attribution_view::fold(state_type& own, uint32_t input, const event_batch& batch,
                            std::span<const uint32_t> rows, fold_context& context) const {
  // Conversions that wait look at no touch.
  if (input == 0)
    tidy(own, context.watermark);
  std::string match;
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    if (input == 0)
      fold_touch(own, row, at, match, context);
    else
      fold_conversion(own, row, at, match, context);
  });
}

bool attribution_view::accepts_late(event_time at, fold_context& context) const {
  if (at > context.watermark)
    return true;
  ++context.counts->late;
  if (settings_.late == attribution_settings::late_rows::fold)
    return true;
  ++context.counts->late_dropped;
  return false;
}

void attribution_view::fold_touch(attribution_state& state, std::span<const cell> row,
                                  event_time at, std::string& match, fold_context& context) const {
  const auto& role = settings_.touches;
  if (role.where && !role.where->holds(row, *context.scratch))
    return;
  auto matched = match_in(row, role.match_columns, match);
  if (!matched) {
    ++context.counts->skipped;
    return;
  }
  if (!accepts_late(at, context))
    return;
  ++context.counts->rows;
  if (state.touches.rows().size() >= settings_.max_touches) {
    ++context.counts->bound_reached;
    state.touches.erase_front();
  }
  auto kept = state.touches.insert_written(at, tag_of(*matched), [&](byte_writer& out) {
    out.text(*matched);
    pack_cells(row, role.columns, out);
  });
  context.counts->bound_reached += kept ? 0 : 1;
  // A late one may be no longer needed; it is looked at again like those to come.
  state.reduced_until = std::min(state.reduced_until, earlier(at, duration{1}));
}

void attribution_view::fold_conversion(attribution_state& state, std::span<const cell> row,
                                       event_time at, std::string& match,
                                       fold_context& context) const {
  const auto& role = settings_.conversions;
  if (role.where && !role.where->holds(row, *context.scratch))
    return;
  if (!accepts_late(at, context))
    return;
  ++context.counts->rows;
  auto matched = match_in(row, role.match_columns, match);
  auto write = [&](byte_writer& out) {
    out.u8(matched ? matches_some : matches_none);
    out.text(matched.value_or(""));
    pack_cells(row, role.columns, out);
  };
  if (at <= context.watermark) {
    std::string bytes;
    byte_writer out{bytes};
    write(out);
    tidy(state, context.watermark);
    decide(state, {at, 0, bytes}, context);
    return;
  }
  if (state.waiting.size() >= settings_.max_waiting_conversions) {
    ++context.counts->bound_reached;
    decide_first(state, context);
  }
  while (!state.waiting.insert_written(at, 0, write)) {
    ++context.counts->bound_reached;
    if (state.waiting.empty())
      return;
    decide_first(state, context);
  }
}

void attribution_view::advance(state_type& own, fold_context& context) const {
  while (!own.waiting.empty() && own.waiting.earliest() <= context.watermark)
    decide_first(own, context);
  tidy(own, context.watermark);
}

void attribution_view::decide_first(attribution_state& state, fold_context& context) const {
  decide(state, state.waiting.front(), context);
  state.waiting.erase_front();
}

void attribution_view::decide(const attribution_state& state, const packed_rows::row& conversion,
                              fold_context& context) const {
  if (context.emissions == nullptr && context.changes == nullptr)
    return;
  auto& memory = *context.scratch;
  auto before = memory.now();
  auto row = memory.allocate_cells(about_.emissions.size());
  auto touch = row.subspan(settings_.conversions.emitted.size());
  byte_reader from{conversion.bytes};
  from.u8();
  from.text();
  unpack_cells(from, row.first(settings_.conversions.emitted.size()), memory);
  auto shares = credit(state, conversion, memory);
  if (!single()) {
    row[row.size() - 3] = cell::integer(0);
    row[row.size() - 2] = cell::integer(static_cast<int64_t>(shares.size()));
  }
  for (const auto& x : shares) {
    byte_reader in{state.touches.rows()[x.touch].bytes};
    in.text();
    unpack_cells(in, touch.first(settings_.touches.emitted.size()), memory);
    if (!single()) {
      row[row.size() - 3] = cell::integer(row[row.size() - 3].as_integer() + 1);
      row[row.size() - 1] = cell::real(x.weight);
    }
    deliver(row, conversion.at, context);
  }
  if (shares.empty())
    deliver(row, conversion.at, context);
  memory.rewind(before);
}

std::span<attribution_view::credited> attribution_view::credit(const attribution_state& state,
                                                               const packed_rows::row& conversion,
                                                               arena& memory) const {
  byte_reader in{conversion.bytes};
  auto can_match = in.u8() == matches_some;
  auto match = in.text();
  if (!can_match)
    return {};
  const auto& touches = state.touches.rows();
  auto first = touches.count_until(earlier(conversion.at, settings_.window + duration{1}));
  auto last = touches.count_until(conversion.at);
  if (settings_.credit == model::last_click) {
    last = behind_last_match(state.touches, match, first, last);
    first = std::max(first, last - std::min<size_t>(last, 1));
  }
  auto most = single() ? std::min<size_t>(last - first, 1) : last - first;
  auto* all = reinterpret_cast<credited*>(memory.allocate(most * sizeof(credited)));
  size_t count = 0;
  auto tag = tag_of(match);
  for (auto i = state.touches.first_with(tag, first, last); i < last;
       i = state.touches.first_with(tag, i + 1, last)) {
    if (match_of(touches[i]) != match)
      continue;
    new (all + count++) credited{i, 1};
    if (single())
      break;
  }
  std::span<credited> out{all, count};
  share(touches, out);
  return out;
}

void attribution_view::share(const packed_rows& touches, std::span<credited> out) const {
  if (out.empty())
    return;
  auto newest = touches.at(out.back().touch);
  auto sum = 0.0;
  for (size_t i = 0; i < out.size(); ++i) {
    auto& weight = out[i].weight;
    // Taken at the newest touch, the shares cannot all fade to nothing.
    if (settings_.credit == model::time_decay)
      weight = decay_factor(settings_.rate, touches[out[i].touch].at, newest);
    else if (settings_.credit == model::position_based && out.size() > 1)
      weight = i == 0                ? settings_.first_share
               : i + 1 == out.size() ? settings_.last_share
                                     : (1 - settings_.first_share - settings_.last_share)
                                           / static_cast<double>(out.size() - 2);
    sum += weight;
  }
  // Between two touches, first and last, what is left for others is shared in their proportion.
  for (auto& x : out)
    x.weight = sum > 0 ? x.weight / sum : 1 / static_cast<double>(out.size());
}

void attribution_view::deliver(std::span<const cell> row, event_time at,
                               fold_context& context) const {
  if (context.emissions != nullptr)
    context.emissions->emit(row, at);
  if (context.changes == nullptr || group_.empty())
    return;
  auto& memory = *context.scratch;
  auto pick = [&](const std::vector<uint32_t>& places) {
    auto out = memory.allocate_cells(places.size());
    std::transform(places.begin(), places.end(), out.begin(), [&](auto i) { return row[i]; });
    return out;
  };
  context.changes->upsert(pick(group_), pick(values_), at);
}

void attribution_view::tidy(attribution_state& state, event_time watermark) const {
  // Conversions to come are later than the watermark: nobody looks further back than this.
  auto ended = state.touches.rows().count_until(earlier(watermark, settings_.window));
  if (ended > 0)
    state.touches.erase_front(ended);
  if (single())
    reduce(state, watermark);
}

void attribution_view::reduce(attribution_state& state, event_time watermark) const {
  const auto& touches = state.touches.rows();
  if (watermark <= state.reduced_until)
    return;
  for (auto i = touches.count_until(state.reduced_until);
       i < touches.size() && touches.at(i) <= watermark;) {
    // Of a first click only those of its time matter, which mostly are none.
    auto first = settings_.credit == model::last_click ? 0 : i;
    while (first > 0 && touches.at(first - 1) == touches.at(i))
      --first;
    auto before = first;
    if (first < i)
      before = behind_last_match(state.touches, match_of(touches[i]), first, i);
    // A conversion to come is after both: the last click before it is not the earlier one. The
    // first one may be either, as the window moves, unless both have the same time.
    if (before == first)
      ++i;
    else
      state.touches.erase(settings_.credit == model::last_click ? before - 1 : i);
  }
  state.reduced_until = watermark;
}

void attribution_view::report(const state_type& own, fold_context& context) const {
  context.wake(own.waiting.earliest());
  if (context.watermark != end_of_time)
    context.wake(later(own.touches.rows().earliest(), settings_.window));
}

void attribution_view::encode(const state_type& own, byte_writer& out) const {
  out.time(own.reduced_until);
  own.touches.encode(out);
  own.waiting.encode(out);
}

bool attribution_view::sound(const packed_rows::row& x,
                             const attribution_settings::role& of) const {
  byte_reader in{x.bytes};
  auto is_touch = &of == &settings_.touches;
  if (!is_touch && in.u8() > matches_some)
    return false;
  auto match = in.text();
  arena memory;
  return packed_fit(in, of.emitted, memory) && in.at_end() && (!is_touch || x.tag == tag_of(match));
}

std::unique_ptr<attribution_state> attribution_view::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<attribution_state>();
  state->reduced_until = in.time();
  auto decoded = state->touches.decode(in, [&](const auto& x) {
    return sound(x, settings_.touches);
  }) && state->waiting.decode(in, [&](const auto& x) { return sound(x, settings_.conversions); });
  if (!decoded)
    return nullptr;
  return state;
}

bool attribution_view::empty(const state_type& own) const noexcept {
  return own.touches.rows().empty() && own.waiting.empty();
}

size_t attribution_view::memory(const state_type& own) const noexcept {
  return sizeof own + own.touches.memory() + own.waiting.memory();
}

} // namespace keyfold::attributing
