#include "features/pattern/matcher.hpp"

#include "features/prefetch.hpp"

#include <algorithm>
#include <iterator>

namespace keyfold::patterns {

namespace {

using contiguity = pattern_element::contiguity;
using effect = guard::effect;
using skip = pattern_settings::skip;

constexpr uint64_t nothing_cut = ~uint64_t{0};

bool has(uint64_t bits, size_t i) noexcept {
  return (bits >> i & 1) != 0;
}

} // namespace

void matcher::take(event_time at, uint64_t fitting, std::span<const cell> cells) {
  expire(at);
  at_ = at;
  row_ = cells;
  lasting_ = {};
  bits_ = fitting;
  sequence_ = state_.rows++;
  state_.newest = at;
  if (state_.partial.empty() && (bits_ & code_.states.start) == 0)
    return;
  partial_matches next;
  cut_ = nothing_cut;
  auto heeding = pass_heedless();
  std::for_each(heeding, state_.partial.end(), [&](auto& x) { advance(x, next); });
  begin(next);
  state_.partial.erase(heeding, state_.partial.end());
  state_.partial.insert(state_.partial.end(), std::make_move_iterator(next.begin()),
                        std::make_move_iterator(next.end()));
  resolve(at);
  keep_bounds();
}

/// The first partial match that the row may change. Those before it stay where they are: the row
/// has only come between them and the one that they wait for.
compact_vector<partial_match>::iterator matcher::pass_heedless() {
  auto heeds = [&](const auto& x) {
    const auto& at = code_.states.positions[x.position];
    return at.restless || (at.heeded & bits_) != 0;
  };
  auto first = std::find_if(state_.partial.begin(), state_.partial.end(), heeds);
  std::for_each(state_.partial.begin(), first, [](auto& x) {
    if (x.fresh) // else the cache line stays as memory has it
      x.fresh = false;
  });
  // Their conditions look at what they have taken.
  std::for_each(first, state_.partial.end(), [&](const auto& x) {
    if (heeds(x))
      prefetch_line(x.last.get());
  });
  return first;
}

/// Partial matches that take the row share one copy of it.
const row_ptr& matcher::lasting_row() {
  if (!lasting_) {
    lasting_ = buffered_row::copy_of(at_, row_, match_node::size(code_.terms.width()));
    lasting_->mark = sequence_;
  }
  return lasting_;
}

event_time deadline_of(const pattern_settings& settings, event_time started) noexcept {
  if (!settings.within)
    return end_of_time;
  return later(started, *settings.within + duration{settings.within_inclusive ? 1 : 0});
}

void matcher::expire(event_time at) {
  auto& partial = state_.partial;
  while (!partial.empty() && deadline(partial.front()) <= at && settings_.within) {
    auto now = deadline(partial.front());
    auto end = partial.begin();
    partial_matches ended;
    for (; end != partial.end() && deadline(*end) <= now; ++end)
      ended.push_back(std::move(*end));
    partial.erase(partial.begin(), end);
    cut_ = nothing_cut;
    for (const auto& x : ended)
      end_silently(x);
    resolve(now);
  }
}

/// What `within` ends is a match where all that was left is that something has not come.
void matcher::end_silently(const partial_match& x) {
  const auto& at = code_.states.positions[x.position];
  if ((x.alive & (at.silent_end | at.next_end)) == 0)
    ++counts_.expired;
  else if (x.start != cut_)
    complete(x.last, x.start);
}

void matcher::finish() {
  if (settings_.possessive || !skips())
    return;
  state_.partial.clear();
  resolve(state_.newest);
}

bool matcher::fits(uint16_t condition, const match_node* taken) {
  const auto& x = code_.conditions[condition];
  return has(bits_, condition) && (!x.of_match || evaluate(x, taken));
}

bool matcher::evaluate(const condition& x, const match_node* taken) {
  auto before = scratch_.now();
  auto cells = scratch_.allocate_cells(row_.size() + code_.terms.all().size());
  std::copy(row_.begin(), row_.end(), cells.begin());
  for (auto term : x.terms)
    cells[row_.size() + term] = code_.terms.value(term, {taken, row_, x.as}, scratch_);
  auto holds = x.of_match->holds(cells, scratch_);
  scratch_.rewind(before);
  return holds;
}

/// A partial match meets the row: what goes on by taking it comes before what goes on without.
void matcher::advance(partial_match& x, partial_matches& next) {
  if (x.start == cut_)
    return;
  const auto& at = code_.states.positions[x.position];
  auto alive = x.alive;
  for (size_t i = 0; i < at.edges.size() && cut_ != x.start; ++i) {
    const auto& way = at.edges[i];
    if (!has(alive, i))
      continue;
    if (ended(way, x.fresh, x.last.get())) {
      alive &= ~(uint64_t{1} << i);
      continue;
    }
    if (way.target == end_of_pattern) {
      if (has(at.next_end, i)) {
        alive &= ~(uint64_t{1} << i);
        complete(x.last, x.start);
      }
      continue;
    }
    auto fitting = fits(code_.states.positions[way.target].variable, x.last.get());
    if (fitting && !kept_out(way, x.last.get()))
      take_edge(x, way, next);
    if (way.contiguity == contiguity::strict || (way.contiguity == contiguity::relaxed && fitting))
      alive &= ~(uint64_t{1} << i);
  }
  if (alive == 0 || cut_ == x.start)
    return;
  x.alive = alive;
  x.fresh = false;
  next.push_back(std::move(x));
}

bool matcher::ended(const edge& way, bool fresh, const match_node* taken) {
  for (const auto& x : way.guards)
    if ((x.what == effect::ends || (x.what == effect::ends_first && fresh))
        && fits(x.condition, taken) && !(x.unless && fits(*x.unless, taken)))
      return true;
  return false;
}

bool matcher::kept_out(const edge& way, const match_node* taken) {
  for (const auto& x : way.guards)
    if (x.what == effect::keeps_out && fits(x.condition, taken))
      return true;
  return false;
}

void matcher::take_edge(const partial_match& from, const edge& way, partial_matches& next) {
  const auto& to = code_.states.positions[way.target];
  partial_match made{{}, from.started, from.start, to.alive, way.target, true};
  // What is preferred to ending here may still come; the rest is not wanted any more, in standard
  // SQL.
  if (to.accepts && skips() && !settings_.possessive)
    made.alive &= to.preferred;
  if (superfluous(made, next))
    return;
  auto before = scratch_.now();
  auto running = scratch_.allocate_cells(code_.terms.width());
  const auto& row = lasting_row();
  code_.terms.accumulate(from.last.get(), *row, to.variable, running, scratch_);
  made.last = match_node::make(from.last, row, to.variable, running, state_.nodes);
  scratch_.rewind(before);
  if (!to.accepts) {
    next.push_back(std::move(made));
    return;
  }
  auto last = made.last;
  auto start = made.start;
  if (made.alive != 0)
    next.push_back(std::move(made));
  complete(std::move(last), start);
}

/// Standard SQL wants one match: where one preferred to this has come to the same place, and what
/// came before does not matter, it will do whatever this one could. (Thompson's and Pike's way to
/// run regular expressions without their number of paths.)
bool matcher::superfluous(const partial_match& x, const partial_matches& next) const {
  if (!skips() || settings_.possessive || code_.looks_back)
    return false;
  for (auto other = next.rbegin(); other != next.rend() && other->start == x.start; ++other)
    if (other->position == x.position && other->alive == x.alive && other->fresh)
      return true;
  return false;
}

void matcher::begin(partial_matches& next) {
  if ((bits_ & code_.states.start) == 0)
    return;
  partial_match from{{}, at_, sequence_, 0, 0, true};
  for (const auto& way : code_.states.positions.front().edges) {
    if (cut_ == sequence_)
      return;
    if (!ended(way, true, nullptr) && fits(code_.states.positions[way.target].variable, nullptr)
        && !kept_out(way, nullptr))
      take_edge(from, way, next);
  }
}

void matcher::complete(node_ptr last, uint64_t start) {
  auto& done = state_.complete;
  auto place = std::upper_bound(done.begin(), done.end(), start,
                                [](uint64_t a, const auto& b) { return a < b.start; });
  if (skips() && !settings_.possessive) {
    // It was still preferred to the one found before.
    if (place != done.begin() && std::prev(place)->start == start)
      place = done.erase(std::prev(place));
    cut_ = start;
  }
  done.insert(place, {std::move(last), start});
}

/// A match is published when no other one can come before it.
bool matcher::decided(const complete_match& x) const noexcept {
  if (!skips() || state_.partial.empty())
    return true;
  auto first = state_.partial.front().start;
  return settings_.possessive ? x.start <= first : x.start < first;
}

void matcher::resolve(event_time at) {
  auto& done = state_.complete;
  if (!skips()) {
    for (const auto& x : done)
      publish(x.last.get(), at);
    done.clear();
    return;
  }
  while (!done.empty() && decided(done.front())) {
    auto match = std::move(done.front());
    done.erase(done.begin());
    publish(match.last.get(), at);
    prune({rows_.data(), rows_.size()});
  }
}

void matcher::publish(const match_node* last, event_time at) {
  rows_.clear();
  for (; last != nullptr; last = last->previous())
    rows_.push_back(last);
  std::reverse(rows_.begin(), rows_.end());
  sink_.on_match({rows_.data(), rows_.size()}, at);
}

/// Drops what the skip leaves out: all that began before the row skipped to.
void matcher::prune(std::span<const match_node* const> rows) {
  uint64_t from = 0; // the first row that may still begin a match
  auto is_target = [&](const auto* x) { return x->variable() == settings_.skip_to; };
  switch (settings_.after) {
  case skip::none:
    return;
  case skip::to_next:
    from = rows.front()->sequence() + 1;
    break;
  case skip::past_last:
    from = rows.back()->sequence() + 1;
    break;
  case skip::to_first:
    if (auto x = std::find_if(rows.begin(), rows.end(), is_target); x != rows.end())
      from = (*x)->sequence();
    break;
  case skip::to_last:
    if (auto x = std::find_if(rows.rbegin(), rows.rend(), is_target); x != rows.rend())
      from = (*x)->sequence();
    break;
  }
  auto begins_before = [from](const auto& x) { return x.start >= from; };
  auto& partial = state_.partial;
  partial.erase(partial.begin(), std::find_if(partial.begin(), partial.end(), begins_before));
  auto& done = state_.complete;
  done.erase(done.begin(), std::find_if(done.begin(), done.end(), begins_before));
}

/// The oldest partial matches go first: what came lately matters more.
void matcher::keep_bounds() {
  auto& partial = state_.partial;
  auto too_many = [&] {
    return partial.size() + state_.complete.size() > settings_.max_partial_matches;
  };
  auto begin = partial.begin();
  if (too_many()) {
    auto excess = partial.size() + state_.complete.size() - settings_.max_partial_matches;
    begin += static_cast<ptrdiff_t>(std::min(excess, partial.size()));
  }
  if (begin == partial.begin() && state_.nodes.nodes <= settings_.max_matched_rows)
    return;
  counts_.bound_reached += static_cast<uint64_t>(begin - partial.begin());
  partial.erase(partial.begin(), begin);
  while (!partial.empty() && state_.nodes.nodes > settings_.max_matched_rows) {
    ++counts_.bound_reached;
    partial.erase(partial.begin());
  }
  resolve(at_);
  while (state_.complete.size() > settings_.max_partial_matches) {
    ++counts_.bound_reached;
    state_.complete.pop_back();
  }
}

} // namespace keyfold::patterns
