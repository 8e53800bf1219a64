#include "features/recommend/view.hpp"

#include "features/rows/packed_cells.hpp"
#include "features/typed_cell.hpp"

namespace keyfold::recommending {

cell recommend_view::list_of(const recommend_state& state, arena& memory) const {
  byte_reader in{state.list};
  return in.value(memory);
}

/// A list of a window has the time of its end, which is no part of it.
cell recommend_view::time_of(event_time at) const noexcept {
  return cell::timestamp(
      settings_.per == recommend_settings::occasion::window ? later(at, duration{1}) : at);
}

std::span<const cell> recommend_view::published(const recommend_state& state, arena& memory) const {
  auto cells = memory.allocate_cells(2);
  cells[0] = list_of(state, memory);
  cells[1] = time_of(state.listed_at);
  return cells;
}

void recommend_view::read(const recommend_state& own, event_time as_of,
                          std::span<const uint32_t> wanted, std::span<feature_value> out,
                          arena& memory) const {
  if (own.list.empty())
    return;
  auto ended = as_of != end_of_time && list_ends(own) <= as_of;
  auto cells = ended ? std::span<const cell>{} : published(own, memory);
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i].at = own.listed_at;
    out[i].status = ended ? feature_status::outside_max_age : feature_status::present;
    if (!ended)
      out[i].value = memory.copy(cells[wanted[i]]);
  }
}

void recommend_view::collect_changes(recommend_state& own, event_time watermark,
                                     change_sink& sink) const {
  arena memory{256};
  auto at = own.list.empty() ? watermark : own.listed_at;
  own.publication.collect(sink, at, [&]() -> std::optional<std::span<const cell>> {
    if (own.list.empty())
      return std::nullopt;
    return published(own, memory);
  });
}

void recommend_view::encode(const recommend_state& own, byte_writer& out) const {
  own.publication.encode(out);
  out.time(own.listed_at);
  out.text(own.list);
  own.clicks.encode(out);
  own.sales.encode(out);
  own.bought.encode(out);
  own.suggested.encode(out);
}

/// Whether the list and its time are what this view would have written.
bool recommend_view::sound(const recommend_state& state) const {
  if (state.list.empty())
    return state.listed_at == beginning_of_time;
  arena memory;
  byte_reader in{state.list};
  auto list = in.value(memory);
  return in.good() && in.at_end() && !list.is_null() && fits(list, about_.features[0].type)
         && state.listed_at != beginning_of_time && state.listed_at != end_of_time;
}

std::unique_ptr<recommend_state> recommend_view::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<recommend_state>();
  if (!state->publication.decode(in))
    return nullptr;
  state->listed_at = in.time();
  state->list = in.text();
  auto is_click = [&](const packed_rows::row& x) {
    arena memory;
    byte_reader bytes{x.bytes};
    bytes.u64();
    return x.tag == 0 && packed_fit(bytes, settings_.emitted, memory) && bytes.at_end();
  };
  if (!in.good() || !sound(*state) || !state->clicks.decode(in, is_click)
      || !state->sales.decode(in) || !state->bought.decode(in) || !state->suggested.decode(in))
    return nullptr;
  return state;
}

bool recommend_view::empty(const recommend_state& own) const noexcept {
  return own.clicks.empty() && own.sales.empty() && own.bought.empty() && own.suggested.empty()
         && own.list.empty() && !own.publication.owes_erase(false);
}

size_t recommend_view::memory(const recommend_state& own) const noexcept {
  auto outside = own.list.capacity() > std::string{}.capacity() ? own.list.capacity() + 1 : 0;
  return sizeof own + own.clicks.memory() + own.sales.memory() + own.bought.memory()
         + own.suggested.memory() + outside;
}

} // namespace keyfold::recommending
