#include "features/prefetch.hpp"
#include "features/recommend/product_marks.hpp"
#include "features/recommend/view.hpp"
#include "features/rows/packed_cells.hpp"

#include <algorithm>
#include <new>

namespace keyfold::recommending {

/// Null where there is no snapshot.
const product_ranking* recommend_view::ranking_of(const table_snapshot* products) const {
  return products == nullptr
             ? nullptr
             : static_cast<const product_ranking*>(&products->index(settings_.ranking));
}

void recommend_view::suggest(recommend_state& state, const product_ranking* ranking,
                             const packed_rows::row& click, event_time at,
                             fold_context& context) const {
  byte_reader in{click.bytes};
  auto viewed = in.u64();
  const auto* place = ranking != nullptr ? ranking->find(viewed) : nullptr;
  std::span<const suggestion> chosen;
  if (place != nullptr) {
    auto& memory = *context.scratch;
    chosen = choose(state, *ranking, place->category, viewed, memory);
    auto sold_out = ranking->category(place->category).products.empty();
    if (chosen.empty() && !sold_out
        && settings_.when_exhausted == recommend_settings::exhausted::restart) {
      state.suggested.erase_if([&](const auto& x) {
        const auto* of = ranking->find(x.product);
        return of != nullptr && of->category == place->category;
      });
      chosen = choose(state, *ranking, place->category, viewed, memory);
    }
  }
  if (chosen.empty()) {
    ++context.counts->skipped;
    return;
  }
  remember(state, chosen, at, context);
  tell(state, chosen, in, at, context);
}

std::span<const recommend_view::suggestion>
recommend_view::choose(const recommend_state& state, const product_ranking& products,
                       uint32_t category, uint64_t viewed, arena& memory) const {
  product_marks marks{state.suggested.size() + state.bought.size() + 1, memory};
  if (settings_.exclude_viewed)
    marks.add(viewed, product_marks::taken);
  for (const auto& x : state.suggested)
    marks.add(x.product, product_marks::taken);
  for (const auto& x : state.bought)
    if (products.may_have(x.product, category))
      products.prefetch(x.product);
  auto from = products.category(category);
  auto among = from.products;
  prefetch_lines(among.data(),
                 std::min(among.size(), state.suggested.size() + settings_.k) * sizeof(uint64_t));
  auto* ranks =
      reinterpret_cast<uint32_t*>(memory.allocate(state.bought.size() * sizeof(uint32_t)));
  auto* last = ranks;
  for (const auto& x : state.bought) {
    const auto* at = products.may_have(x.product, category) ? products.find(x.product) : nullptr;
    auto known = marks.has_any(x.product);
    marks.add(x.product, product_marks::bought);
    if (!known && at != nullptr && at->category == category
        && at->rank != product_ranking::unavailable)
      *last++ = at->rank;
  }
  std::sort(ranks, last);
  auto* chosen = reinterpret_cast<suggestion*>(memory.allocate(settings_.k * sizeof(suggestion)));
  size_t count = 0;
  auto take = [&](size_t rank) { new (chosen + count++) suggestion{among[rank], from.ids[rank]}; };
  for (const auto* rank = ranks; rank != last && count < settings_.k; ++rank)
    take(*rank);
  for (size_t i = 0; i < among.size() && count < settings_.k; ++i)
    if (!marks.has_any(among[i]))
      take(i);
  return {chosen, count};
}

void recommend_view::remember(recommend_state& state, std::span<const suggestion> chosen,
                              event_time at, fold_context& context) const {
  if (!settings_.avoid_repeats)
    return;
  state.suggested.make_room(chosen.size());
  for (const auto& x : chosen)
    state.suggested.insert({x.product, at});
  if (state.suggested.size() <= settings_.max_suggested)
    return;
  auto beyond = state.suggested.size() - settings_.max_suggested;
  context.counts->bound_reached += beyond;
  state.suggested.erase_front(beyond);
}

void recommend_view::tell(recommend_state& state, std::span<const suggestion> chosen,
                          byte_reader& click, event_time at, fold_context& context) const {
  auto& memory = *context.scratch;
  auto items = memory.allocate_cells(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    items[i] = chosen[i].id;
    if (items[i].kind() == cell_kind::string)
      prefetch_line(items[i].as_text().data());
  }
  auto list = cell::list(items);
  if (context.emissions != nullptr) {
    auto row = memory.allocate_cells(about_.emissions.size());
    unpack_cells(click, row.first(settings_.emitted.size()), memory);
    row[row.size() - 2] = list;
    row[row.size() - 1] = time_of(at);
    context.emissions->emit(row, at);
  }
  // Decided before its time, at a bound, a list may be older than the one there is.
  if (at < state.listed_at)
    return;
  state.list.clear();
  byte_writer{state.list}.value(list);
  state.listed_at = at;
  auto time = time_of(at);
  state.publication.row_changed(context, at, [&] {
    auto cells = memory.allocate_cells(2);
    cells[0] = list;
    cells[1] = time;
    return std::span<const cell>{cells};
  });
}

} // namespace keyfold::recommending
