#include "features/top_k/view.hpp"

#include "features/entity_key.hpp"

#include <cmath>

namespace keyfold::ranking {

std::unique_ptr<top_k_state> top_k_view::make_state() const {
  return std::make_unique<top_k_state>();
}

cell top_k_view::number(double x) const noexcept {
  auto whole = settings_.rules.by == measure::count || settings_.rules.by == measure::distinct;
  // Beyond 2^53 a count is no whole number's double any more; it never gets there.
  return whole ? cell::integer(std::llround(std::min(x, 9e15))) : cell::real(x);
}

cell top_k_view::cell_of(const candidate& x, arena& memory) const {
  auto plain = candidate_types_.size() > 1
               || (candidate_types_.front().kind == type_kind::string
                   && std::string_view{x.text}.find('\\') == std::string_view::npos);
  if (plain)
    return cell::string(memory.copy(x.text));
  auto fields = parse_entity_key(x.text, candidate_types_, memory);
  return fields ? memory.copy(fields->front()) : cell{};
}

cell top_k_view::list_of(const candidate_table& table, feature which, event_time as_of,
                         arena& memory) const {
  auto items = memory.allocate_cells(table.list_size());
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& x = table.listed(i);
    if (which == list)
      items[i] = cell_of(x, memory);
    else if (which == scores)
      items[i] = number(candidate_table::value_at(settings_.rules, x, as_of));
    else
      items[i] = number(table.error(i));
  }
  return cell::list(items);
}

std::span<const cell> top_k_view::published(const top_k_state& state, arena& memory) const {
  auto cells = memory.allocate_cells(about_.changes.values.size());
  cells[0] = list_of(state.table, list, state.changed_at, memory);
  if (settings_.with_scores)
    cells[1] = list_of(state.table, scores, state.changed_at, memory);
  return cells;
}

candidate_table top_k_view::running(const top_k_state& state, event_time as_of) const {
  const auto& rules = settings_.rules;
  auto table = state.table.copy(rules);
  fold_counts counts; // what is counted here is counted when the rows settle
  auto expire_until = [&](event_time at) {
    for (auto end = table.next_end(rules); end <= at && end != end_of_time;
         end = table.next_end(rules))
      table.expire(rules, end, counts);
  };
  for (size_t i = 0; i < state.pending.size(); ++i) {
    auto row = state.pending[i];
    expire_until(row.at);
    table.add(rules, unpack(row), counts);
  }
  if (as_of != end_of_time)
    expire_until(as_of);
  return table;
}

feature_value top_k_view::value_of(const candidate_table& table, feature which, event_time as_of,
                                   arena& memory) const {
  feature_value out;
  out.status = feature_status::present;
  out.at = table.newest();
  out.value = which == exact ? cell::boolean(table.exact()) : list_of(table, which, as_of, memory);
  return out;
}

void top_k_view::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                      std::span<feature_value> out, arena& memory) const {
  if (own.pending.empty() && own.table.size() == 0)
    return;
  std::optional<candidate_table> copied;
  auto ended = as_of != end_of_time && own.table.next_end(settings_.rules) <= as_of;
  if (!own.pending.empty() || ended)
    copied = running(own, as_of);
  const auto& table = copied ? *copied : own.table;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (table.size() > 0)
      out[i] = value_of(table, static_cast<feature>(wanted[i]), as_of, memory);
    else
      out[i].status = feature_status::outside_max_age;
  }
}

void top_k_view::collect_changes(state_type& own, event_time, change_sink& sink) const {
  arena memory{256};
  own.publication.collect(sink, own.changed_at, [&]() -> std::optional<std::span<const cell>> {
    if (own.table.list_size() == 0)
      return std::nullopt;
    return published(own, memory);
  });
}

void top_k_view::encode(const state_type& own, byte_writer& out) const {
  own.publication.encode(out);
  out.time(own.changed_at);
  own.table.encode(settings_.rules, out);
  own.pending.encode(out);
}

std::unique_ptr<top_k_state> top_k_view::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<top_k_state>();
  if (!state->publication.decode(in))
    return nullptr;
  state->changed_at = in.time();
  auto table = candidate_table::decode(settings_.rules, in);
  if (!table || !state->pending.decode(in, [&](const auto& row) { return sound(row); }))
    return nullptr;
  state->table = std::move(*table);
  state->list = state->table.list_hash();
  return state;
}

bool top_k_view::empty(const state_type& own) const noexcept {
  return own.pending.empty() && own.table.size() == 0 && !own.publication.owes_erase(false);
}

size_t top_k_view::memory(const state_type& own) const noexcept {
  return sizeof own + own.pending.memory() + own.table.memory();
}

} // namespace keyfold::ranking
