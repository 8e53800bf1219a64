#include "features/prefetch.hpp"
#include "features/recommend/product_marks.hpp"
#include "features/recommend/view.hpp"
#include "features/rows/packed_cells.hpp"

#include <algorithm>
#include <new>

namespace keyfold::recommending {

void recommend_view::suggest(recommend_state& state, const packed_rows::row& click, event_time at,
                             fold_context& context) const {
  state.suggested.prefetch_all();
  state.bought.prefetch_all();
  byte_reader in{click.bytes};
  auto viewed = in.u64();
  auto products = settings_.products->current();
  const auto* ranking =
      products ? static_cast<const product_ranking*>(&products->index(settings_.ranking)) : nullptr;
  const auto* place = ranking != nullptr ? ranking->find(viewed) : nullptr;
  std::span<const ranked> chosen;
  if (place != nullptr) {
    auto& memory = *context.scratch;
    chosen = choose(state, *ranking, place->category, viewed, memory);
    auto sold_out = ranking->category(place->category).empty();
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

std::span<const product_ranking::ranked> recommend_view::choose(const recommend_state& state,
                                                                const product_ranking& products,
                                                                uint32_t category, uint64_t viewed,
                                                                arena& memory) const {
  product_marks marks{state.suggested.size() + state.bought.size() + 1, memory};
  if (settings_.exclude_viewed)
    marks.add(viewed, product_marks::taken);
  for (const auto& x : state.suggested)
    marks.add(x.product, product_marks::taken);
  for (const auto& x : state.bought)
    products.prefetch(x.product);
  auto among = products.category(category);
  prefetch_lines(among.data(),
                 std::min(among.size(), state.suggested.size() + settings_.k) * sizeof(ranked));
  auto* ranks =
      reinterpret_cast<uint32_t*>(memory.allocate(state.bought.size() * sizeof(uint32_t)));
  auto* last = ranks;
  for (const auto& x : state.bought) {
    const auto* at = products.find(x.product);
    auto known = marks.has_any(x.product);
    marks.add(x.product, product_marks::bought);
    if (!known && at != nullptr && at->category == category
        && at->rank != product_ranking::unavailable)
      *last++ = at->rank;
  }
  std::sort(ranks, last);
  auto* chosen = reinterpret_cast<ranked*>(memory.allocate(settings_.k * sizeof(ranked)));
  size_t count = 0;
  for (const auto* rank = ranks; rank != last && count < settings_.k; ++rank)
    new (chosen + count++) ranked{among[*rank]};
  for (size_t i = 0; i < among.size() && count < settings_.k; ++i)
    if (!marks.has_any(among[i].product))
      new (chosen + count++) ranked{among[i]};
  return {chosen, count};
}

void recommend_view::remember(recommend_state& state, std::span<const ranked> chosen, event_time at,
                              fold_context& context) const {
  if (!settings_.avoid_repeats)
    return;
  for (const auto& x : chosen)
    state.suggested.insert({x.product, at});
  if (state.suggested.size() <= settings_.max_suggested)
    return;
  auto beyond = state.suggested.size() - settings_.max_suggested;
  context.counts->bound_reached += beyond;
  state.suggested.erase_front(beyond);
}

void recommend_view::tell(recommend_state& state, std::span<const ranked> chosen,
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
