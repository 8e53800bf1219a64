#include "features/top_k/candidate_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <xxhash.h>

namespace keyfold::ranking {

namespace {

/// The logarithm of a decayed value, moved so that it does not change as time passes: two
/// candidates compare alike at every moment.
double timeless(const decay_rate& rate, double value, event_time at) noexcept {
  auto lengths =
      static_cast<double>(at.time_since_epoch().count()) / static_cast<double>(rate.length.count());
  return rate.is_half_life ? std::log2(value) + lengths : std::log(value) + lengths;
}

} // namespace

uint64_t candidate_table::hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

double candidate_table::value_at(const table_rules& rules, const candidate& x,
                                 event_time at) noexcept {
  if (rules.by != measure::decayed_count || at == end_of_time || at <= x.newest)
    return x.value;
  return bounded_sum(x.value * decay_factor(rules.rate, x.newest, at));
}

candidate_table::extras& candidate_table::need_extras() {
  if (extras_ == nullptr)
    extras_ = std::make_unique<extras>();
  return *extras_;
}

void candidate_table::forget_last() noexcept {
  if (extras_ != nullptr)
    extras_->last.clear();
}

void candidate_table::set_error(uint32_t slot, double error) {
  if (error == error_of(slot))
    return;
  auto& errors = need_extras().errors;
  errors.resize(std::max<size_t>(errors.size(), slots_.size()));
  errors[slot] = error;
}

/// A new slot for a text of this hash, which has yet to be written and put into the index.
uint32_t candidate_table::append(const table_rules& rules, uint64_t hash) {
  auto slot = slots_.append(hash, rules.k, rules.max_candidates);
  if (rules.by == measure::distinct)
    need_extras().distinct.resize(slots_.size());
  if (rules.by == measure::decayed_count)
    need_extras().ranks.resize(slots_.size());
  if (extras_ != nullptr && !extras_->errors.empty())
    extras_->errors.resize(slots_.size());
  return slot;
}

void candidate_table::vote_for(const table_rules& rules, const vote& x, uint32_t slot) {
  auto& to = slots_[slot];
  auto was = rank(rules, slot);
  switch (rules.by) {
  case measure::count:
    to.value += 1;
    break;
  case measure::sum:
    to.value = bounded_sum(to.value + x.weight);
    break;
  case measure::max:
    to.value = std::max(to.value, x.weight);
    break;
  case measure::decayed_count: {
    auto newest = std::max(to.newest, x.at);
    to.value = bounded_sum(to.value * decay_factor(rules.rate, to.newest, newest)
                           + decay_factor(rules.rate, x.at, newest));
    break;
  }
  case measure::distinct:
    extras_->distinct[slot].add(x.hash, rules.exact_bound);
    to.value = static_cast<double>(extras_->distinct[slot].count()) + error_of(slot);
    break;
  }
  to.newest = std::max(to.newest, x.at);
  note_rank(rules, slot);
  if (rank(rules, slot) != was)
    to.reached = x.at;
}

void candidate_table::note_rank(const table_rules& rules, uint32_t slot) {
  const auto& x = slots_[slot];
  if (rules.by == measure::decayed_count)
    extras_->ranks[slot] = timeless(rules.rate, x.value, x.newest);
}

/// A candidate at its first vote, on top of what it may have had before.
void candidate_table::vote_first(const table_rules& rules, const vote& x, uint64_t hash,
                                 double error, uint32_t slot) {
  auto& made = slots_[slot];
  made.text = short_text{x.candidate};
  slots_.renamed(slot, hash);
  set_error(slot, error);
  if (rules.by == measure::distinct)
    extras_->distinct[slot] = distinct_counter{};
  made.value = rules.by == measure::max ? x.weight : error;
  made.newest = x.at;
  vote_for(rules, x, slot);
  made.reached = x.at;
}

event_time candidate_table::newest() const noexcept {
  auto newest = beginning_of_time;
  for (const auto& x : slots_.all())
    newest = std::max(newest, x.newest);
  return newest;
}

uint64_t candidate_table::list_hash() const noexcept {
  uint64_t hash = 0;
  for (auto slot : slots_.list()) {
    constexpr uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 divided by the golden ratio
    hash = (hash ^ hash_of(slots_[slot].text)) * odd + 1;
    hash ^= hash >> 32;
  }
  return hash;
}

bool candidate_table::before(const table_rules& rules, uint32_t a, uint32_t b) const noexcept {
  auto of_a = rank(rules, a);
  auto of_b = rank(rules, b);
  if (of_a != of_b)
    return of_a > of_b;
  const auto& x = slots_[a];
  const auto& y = slots_[b];
  if (x.reached != y.reached)
    return x.reached < y.reached;
  return std::string_view{x.text} < std::string_view{y.text};
}

bool candidate_table::add(const table_rules& rules, const vote& x, fold_counts& counts) {
  if (rules.time_to_live)
    first_end_ = std::min(first_end_, later(x.at, *rules.time_to_live));
  auto hash = hash_of(x.candidate);
  auto slot = find(x.candidate, hash);
  if (slot != nowhere) {
    auto was = rank(rules, slot);
    vote_for(rules, x, slot);
    auto now = rank(rules, slot);
    if (now == was)
      return false;
    if (now < was)
      forget_last();
    return place(rules, slot, now < was);
  }
  if (slots_.size() >= rules.max_candidates)
    return replace_last(rules, x, hash, counts);
  slot = append(rules, hash);
  vote_first(rules, x, hash, 0, slot);
  index(slot, hash);
  forget_last();
  return place(rules, slot, false);
}

bool candidate_table::replace_last(const table_rules& rules, const vote& x, uint64_t hash,
                                   fold_counts& counts) {
  ++counts.bound_reached;
  need_extras().lossy = true;
  auto slot = last_in_rank(rules);
  const auto& last = slots_[slot];
  if (rules.by == measure::max
      && std::tuple{-x.weight, x.at, x.candidate}
             > std::tuple{-last.value, last.reached, std::string_view{last.text}})
    return false;
  auto error = rules.by == measure::max ? 0.0 : value_at(rules, last, x.at);
  unindex(slot);
  extras_->last.pop_back();
  auto was = rank(rules, slot);
  vote_first(rules, x, hash, error, slot);
  if (!(rank(rules, slot) > was))
    forget_last();
  index(slot, hash);
  // There are more candidates than the list is long: the last of them was not in it.
  return place(rules, slot, false);
}

/// @pre there are extras
uint32_t candidate_table::last_in_rank(const table_rules& rules) {
  auto& last = extras_->last;
  auto& least = extras_->least;
  // Values only rise, mostly: who had the least rank has it still, or has risen.
  while (!last.empty() && rank(rules, last.back()) != least)
    last.pop_back();
  if (!last.empty())
    return last.back();
  least = rank(rules, 0);
  for (uint32_t i = 0; i < slots_.size(); ++i)
    least = std::min(least, rank(rules, i));
  for (uint32_t i = 0; i < slots_.size(); ++i)
    if (rank(rules, i) == least)
      last.push_back(i);
  std::sort(last.begin(), last.end(), [&](auto a, auto b) { return before(rules, a, b); });
  return last.back();
}

bool candidate_table::place(const table_rules& rules, uint32_t slot, bool worse) {
  auto list = slots_.list();
  auto at = std::find(list.begin(), list.end(), slot);
  if (at != list.end() && worse && slots_.size() > list.size())
    return rank_all(rules);
  auto changed = false;
  if (at == list.end()) {
    if (list.size() < rules.k)
      slots_.lengthen_list(slot);
    else if (before(rules, slot, list.back()))
      list.back() = slot;
    else
      return false;
    changed = true;
    list = slots_.list();
    at = list.end() - 1;
  }
  for (; at != list.begin() && before(rules, *at, *(at - 1)); --at, changed = true)
    std::swap(*at, *(at - 1));
  for (; at + 1 != list.end() && before(rules, *(at + 1), *at); ++at, changed = true)
    std::swap(*at, *(at + 1));
  return changed;
}

bool candidate_table::rank_all(const table_rules& rules) {
  std::vector<uint32_t> all(slots_.size());
  std::iota(all.begin(), all.end(), 0u);
  auto size = std::min<size_t>(rules.k, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(size), all.end(),
                    [&](auto a, auto b) { return before(rules, a, b); });
  all.resize(size);
  auto list = slots_.list();
  auto changed = !std::equal(all.begin(), all.end(), list.begin(), list.end());
  slots_.set_list(all);
  return changed;
}

event_time candidate_table::next_end(const table_rules& rules) const noexcept {
  return rules.time_to_live && !slots_.empty() ? first_end_ : end_of_time;
}

bool candidate_table::expire(const table_rules& rules, event_time end, fold_counts& counts) {
  auto ends = [&](const auto& x) { return later(x.newest, *rules.time_to_live); };
  auto first = end_of_time;
  for (const auto& x : slots_.all())
    first = std::min(first, ends(x));
  first_end_ = first;
  if (first > end)
    return false;
  auto changed = false;
  for (auto slot = slots_.size(); slot-- > 0;) {
    if (ends(slots_[slot]) != first)
      continue;
    ++counts.expired;
    auto list = slots_.list();
    changed |= std::find(list.begin(), list.end(), slot) != list.end();
    remove(slot);
  }
  forget_last();
  rank_all(rules);
  if (slots_.empty() && extras_ != nullptr)
    extras_->lossy = false;
  first_end_ = end_of_time;
  for (const auto& x : slots_.all())
    first_end_ = std::min(first_end_, ends(x));
  return changed;
}

void candidate_table::remove(uint32_t slot) {
  unindex(slot);
  slots_.erase(slot);
  if (extras_ == nullptr)
    return;
  for (auto& x : extras_->index)
    x.place -= x.place > slot + 1 ? 1 : 0;
  auto erase_from = [slot](auto& x) {
    if (!x.empty())
      x.erase(x.begin() + static_cast<ptrdiff_t>(slot));
  };
  erase_from(extras_->errors);
  erase_from(extras_->ranks);
  erase_from(extras_->distinct);
}

uint32_t candidate_table::find(std::string_view text, uint64_t hash) const noexcept {
  if (slots_.tagged())
    return slots_.find(text, hash);
  const auto& index = extras_->index;
  auto mask = index.size() - 1;
  for (auto i = hash & mask; index[i].place != 0; i = (i + 1) & mask) {
    auto slot = index[i].place - 1;
    if (index[i].hash == static_cast<uint32_t>(hash) && std::string_view{slots_[slot].text} == text)
      return slot;
  }
  return nowhere;
}

/// Puts a slot into the index, if there is one.
void candidate_table::index(uint32_t slot, uint64_t hash) {
  if (slots_.tagged())
    return;
  if (need_extras().index.size() < 2 * size_t{slots_.size()}) {
    build_index();
    return;
  }
  auto& index = extras_->index;
  auto mask = index.size() - 1;
  auto i = hash & mask;
  while (index[i].place != 0)
    i = (i + 1) & mask;
  index[i] = {static_cast<uint32_t>(hash), slot + 1};
}

/// An index of all slots. @pre there are extras
void candidate_table::build_index() {
  size_t size = 128;
  while (size < 2 * size_t{slots_.size()})
    size *= 2;
  extras_->index.assign(size, {0, 0});
  for (uint32_t i = 0; i < slots_.size(); ++i)
    index(i, hash_of(slots_[i].text));
}

/// Takes a slot out of the index, if there is one.
void candidate_table::unindex(uint32_t slot) {
  if (slots_.tagged())
    return;
  auto& index = extras_->index;
  auto mask = index.size() - 1;
  auto hole = hash_of(slots_[slot].text) & mask;
  while (index[hole].place != slot + 1)
    hole = (hole + 1) & mask;
  // Whoever would no longer be found past the hole moves into it.
  for (auto i = (hole + 1) & mask; index[i].place != 0; i = (i + 1) & mask) {
    auto home = index[i].hash & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      index[hole] = index[i];
      hole = i;
    }
  }
  index[hole].place = 0;
}

} // namespace keyfold::ranking
