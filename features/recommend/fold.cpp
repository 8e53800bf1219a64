#include "features/distinct_counter.hpp"
#include "features/recommend/view.hpp"
#include "features/rows/packed_cells.hpp"

#include <algorithm>

namespace keyfold::recommending {

namespace {

using occasion = recommend_settings::occasion;

} // namespace

void recommend_view::fold(recommend_state& own, uint32_t input, const event_batch& batch,
                          std::span<const uint32_t> rows, fold_context& context) const {
  settle_sales(own, context.watermark, context);
  fold_each(batch, rows, context, [&](std::span<const cell> row, event_time at) {
    if (input == 0)
      fold_click(own, row, at, context);
    else
      fold_sale(own, row, at, context);
  });
}

/// When the watermark says that all is known that what is suggested for a click depends on.
event_time recommend_view::due(event_time click) const noexcept {
  if (settings_.per == occasion::click)
    return click;
  auto inside = click.time_since_epoch() % settings_.window;
  if (inside < duration{0})
    inside += settings_.window;
  return click - inside + settings_.window - duration{1};
}

void recommend_view::fold_click(recommend_state& state, std::span<const cell> row, event_time at,
                                fold_context& context) const {
  const auto& role = settings_.clicks;
  if (role.where && !role.where->holds(row, *context.scratch))
    return;
  if (row[role.product].is_null()) {
    ++context.counts->skipped;
    return;
  }
  if (at <= context.watermark) {
    ++context.counts->late;
    // What has been suggested since is newer than what this click would be given.
    if (settings_.late == recommend_settings::late_rows::drop || due(at) <= context.watermark) {
      ++context.counts->late_dropped;
      return;
    }
  }
  ++context.counts->rows;
  keep_click(state, row, at, context);
}

void recommend_view::keep_click(recommend_state& state, std::span<const cell> row, event_time at,
                                fold_context& context) const {
  auto& clicks = state.clicks;
  // Of a window the newest click is all that is needed.
  auto begin = settings_.per == occasion::window ? earlier(due(at), settings_.window) : at;
  auto known = clicks.count_until(begin);
  auto replaces = settings_.per == occasion::window && clicks.count_until(due(at)) > known;
  if (replaces && clicks[known].at > at)
    return;
  if (!replaces && clicks.size() >= settings_.max_pending_rows) {
    ++context.counts->bound_reached;
    decide_first(state, context);
  }
  auto kept = clicks.insert_written(at, 0, [&](byte_writer& out) {
    out.u64(distinct_hash(row[settings_.clicks.product]));
    pack_cells(row, settings_.click_columns, out);
  });
  context.counts->bound_reached += kept ? 0 : 1;
  if (kept && replaces)
    clicks.erase(known); // the lesser of the two
}

void recommend_view::fold_sale(recommend_state& state, std::span<const cell> row, event_time at,
                               fold_context& context) const {
  const auto& role = *settings_.sales;
  if (role.where && !role.where->holds(row, *context.scratch))
    return;
  if (row[role.product].is_null()) {
    ++context.counts->skipped;
    return;
  }
  dated_product sale{distinct_hash(row[role.product]), at};
  if (at <= context.watermark) {
    ++context.counts->late;
    if (settings_.late == recommend_settings::late_rows::drop) {
      ++context.counts->late_dropped;
      return;
    }
    ++context.counts->rows;
    buy(state, sale, context);
    forget(state, context.watermark, context);
    return;
  }
  ++context.counts->rows;
  if (state.sales.size() >= settings_.max_pending_rows) {
    ++context.counts->bound_reached;
    settle_sales(state, state.sales.front().at, context);
  }
  state.sales.insert(sale);
}

void recommend_view::settle_sales(recommend_state& state, event_time until,
                                  fold_context& context) const {
  if (state.sales.empty() || state.sales.front().at > until)
    return;
  for (const auto& sale : state.sales) {
    if (sale.at > until)
      break;
    buy(state, sale, context);
  }
  state.sales.erase_until(until);
}

void recommend_view::buy(recommend_state& state, const dated_product& x,
                         fold_context& context) const {
  state.bought.renew(x);
  if (state.bought.size() <= settings_.max_bought)
    return;
  ++context.counts->bound_reached;
  state.bought.erase_front(1);
}

void recommend_view::advance(recommend_state& own, fold_context& context) const {
  while (!own.clicks.empty() && due(own.clicks.front().at) <= context.watermark)
    decide_first(own, context);
  settle_sales(own, context.watermark, context);
  // The end of a bounded stream ends nothing.
  if (context.watermark != end_of_time) {
    forget(own, context.watermark, context);
    expire_list(own, context);
  }
}

void recommend_view::decide_first(recommend_state& state, fold_context& context) const {
  auto products = settings_.products->current();
  const auto* ranking = ranking_of(products.get());
  auto click = state.clicks.front();
  if (ranking != nullptr)
    ranking->prefetch(byte_reader{click.bytes}.u64());
  prefetch_lines(state.list.data(), state.list.size());
  auto at = due(click.at);
  settle_sales(state, at, context);
  forget(state, at, context);
  auto before = context.scratch->now();
  suggest(state, ranking, click, at, context);
  context.scratch->rewind(before);
  state.clicks.erase_front();
}

void recommend_view::forget(recommend_state& state, event_time at, fold_context& context) const {
  context.counts->expired += state.suggested.erase_until(earlier(at, settings_.forget_after));
  if (settings_.bought_for)
    context.counts->expired += state.bought.erase_until(earlier(at, *settings_.bought_for));
}

event_time recommend_view::list_ends(const recommend_state& state) const noexcept {
  if (!settings_.time_to_live || state.list.empty())
    return end_of_time;
  return later(state.listed_at, *settings_.time_to_live);
}

void recommend_view::expire_list(recommend_state& state, fold_context& context) const {
  auto end = list_ends(state);
  if (end > context.watermark)
    return;
  ++context.counts->expired;
  state.list = {};
  state.listed_at = beginning_of_time;
  state.publication.row_gone(context, end);
}

void recommend_view::report(const recommend_state& state, fold_context& context) const noexcept {
  if (!state.clicks.empty())
    context.wake(due(state.clicks.front().at));
  if (context.watermark == end_of_time)
    return;
  context.wake(list_ends(state));
  // All at once, when the last one has ended: until then those ended are told by their times.
  if (!state.suggested.empty())
    context.wake(later(state.suggested.newest(), settings_.forget_after));
  if (!settings_.bought_for)
    return;
  if (!state.bought.empty())
    context.wake(later(state.bought.newest(), *settings_.bought_for));
  if (!state.sales.empty())
    context.wake(later(state.sales.newest(), *settings_.bought_for));
}

} // namespace keyfold::recommending
