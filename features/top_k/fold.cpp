#include "features/addend_in.hpp"
#include "features/entity_key.hpp"
#include "features/top_k/view.hpp"

#include <algorithm>
#include <cmath>

namespace keyfold::ranking {

void top_k_view::fold(state_type& own, uint32_t, const event_batch& batch,
                      std::span<const uint32_t> rows, fold_context& context) const {
  std::string text;
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    fold_row(own, row, at, text, context);
  });
}

void top_k_view::fold_row(top_k_state& state, std::span<const cell> row, event_time at,
                          std::string& text, fold_context& context) const {
  auto& counts = *context.counts;
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  auto x = vote_of(row, at, text, context);
  if (!x)
    return;
  if (at > context.watermark) {
    keep(state, *x, context);
    return;
  }
  ++counts.late;
  const auto& ttl = settings_.rules.time_to_live;
  if (settings_.late == top_k_settings::late_rows::drop
      || (ttl && later(at, *ttl) <= context.watermark && context.watermark != end_of_time)) {
    ++counts.late_dropped;
    return;
  }
  ++counts.rows;
  if (state.table.add(settings_.rules, *x, counts))
    list_changed(state, at, context);
}

std::optional<std::string_view> top_k_view::candidate_of(std::span<const cell> row,
                                                         std::string& text) const {
  const auto& columns = settings_.candidate_columns;
  const auto& first = row[columns.front()];
  if (columns.size() == 1 && first.kind() == cell_kind::string) {
    auto one = first.as_text();
    if (std::none_of(one.begin(), one.end(), [](char x) { return x == '|' || x == '\\'; }))
      return one;
  }
  std::array<cell, top_k_settings::max_candidate_columns> cells;
  for (size_t i = 0; i < columns.size(); ++i)
    cells[i] = row[columns[i]];
  text.clear();
  if (!append_entity_key({cells.data(), columns.size()}, text))
    return std::nullopt;
  return text;
}

std::optional<vote> top_k_view::vote_of(std::span<const cell> row, event_time at, std::string& text,
                                        fold_context& context) const {
  auto candidate = candidate_of(row, text);
  if (!candidate) {
    ++context.counts->skipped;
    return std::nullopt;
  }
  if (candidate->size() > settings_.max_candidate_bytes) {
    ++context.counts->bound_reached;
    return std::nullopt;
  }
  vote x{*candidate, at};
  if (!settings_.measured)
    return x;
  auto value = settings_.measured->evaluate(row, *context.scratch);
  auto number = settings_.rules.by == measure::distinct ? std::nullopt : addend_in(value);
  if (settings_.rules.by == measure::distinct ? value.is_null() : !number) {
    ++context.counts->skipped;
    return std::nullopt;
  }
  if (settings_.rules.by == measure::distinct)
    x.hash = distinct_hash(value);
  else
    x.weight = *number;
  return x;
}

void top_k_view::keep(top_k_state& state, const vote& x, fold_context& context) const {
  auto& counts = *context.counts;
  if (state.pending.size() >= settings_.max_pending_rows) {
    ++counts.bound_reached;
    settle_first(state, context);
  }
  while (!state.pending.insert_written(x.at, 0, [&](byte_writer& out) { pack(x, out); })) {
    ++counts.bound_reached;
    settle_first(state, context);
  }
  ++counts.rows;
}

void top_k_view::pack(const vote& x, byte_writer& out) const {
  out.text(x.candidate);
  if (settings_.rules.by == measure::distinct)
    out.u64(x.hash);
  else if (settings_.measured)
    out.f64(x.weight);
}

vote top_k_view::unpack(const packed_rows::row& x) const {
  byte_reader in{x.bytes};
  vote out{in.text(), x.at};
  if (settings_.rules.by == measure::distinct)
    out.hash = in.u64();
  else if (settings_.measured)
    out.weight = in.f64();
  return out;
}

bool top_k_view::sound(const packed_rows::row& x) const {
  auto size = settings_.measured ? sizeof(uint64_t) : 0;
  byte_reader in{x.bytes};
  in.text();
  return in.good() && in.remaining() == size && std::isfinite(unpack(x).weight);
}

void top_k_view::settle_first(top_k_state& state, fold_context& context) const {
  auto at = state.pending.front().at;
  auto changed = expire_until(state, at, context);
  auto count = state.pending.count_until(at);
  for (size_t i = 0; i < count; ++i)
    changed |= state.table.add(settings_.rules, unpack(state.pending[i]), *context.counts);
  state.pending.erase_front(count);
  if (changed)
    list_changed(state, at, context);
}

bool top_k_view::expire_until(top_k_state& state, event_time at, fold_context& context) const {
  for (auto end = state.table.next_end(settings_.rules); end <= at && end != end_of_time;
       end = state.table.next_end(settings_.rules)) {
    if (!state.table.expire(settings_.rules, end, *context.counts))
      continue;
    if (end == at)
      return true;
    list_changed(state, end, context);
  }
  return false;
}

void top_k_view::advance(state_type& own, fold_context& context) const {
  while (!own.pending.empty() && own.pending.front().at <= context.watermark)
    settle_first(own, context);
  // The end of a bounded stream ends nobody's life.
  if (context.watermark != end_of_time && expire_until(own, context.watermark, context))
    list_changed(own, context.watermark, context);
}

void top_k_view::list_changed(top_k_state& state, event_time at, fold_context& context) const {
  auto hash = state.table.list_hash();
  if (hash == state.list)
    return;
  state.list = hash;
  state.changed_at = std::max(state.changed_at, at);
  if (state.table.list_size() == 0) {
    state.publication.row_gone(context, at);
    return;
  }
  auto before = context.scratch->now();
  state.publication.row_changed(context, state.changed_at,
                                [&] { return published(state, *context.scratch); });
  context.scratch->rewind(before);
}

void top_k_view::report(const state_type& own, fold_context& context) const {
  if (!own.pending.empty())
    context.wake(own.pending.front().at);
  if (context.watermark != end_of_time)
    context.wake(own.table.next_end(settings_.rules));
}

} // namespace keyfold::ranking
