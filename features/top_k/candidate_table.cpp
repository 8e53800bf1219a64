#include "features/top_k/candidate_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <xxhash.h>

namespace keyfold::ranking {

namespace {

constexpr size_t usual = 4; // a key that has one candidate gets others soon

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

double candidate_table::rank_of(const table_rules& rules, const candidate& x) noexcept {
  return rules.by == measure::decayed_count ? timeless(rules.rate, x.value, x.newest) : x.value;
}

double candidate_table::value_at(const table_rules& rules, const candidate& x,
                                 event_time at) noexcept {
  if (rules.by != measure::decayed_count || at == end_of_time || at <= x.newest)
    return x.value;
  return bounded_sum(x.value * decay_factor(rules.rate, x.newest, at));
}

candidate_table::crowd& candidate_table::need_crowd() {
  if (crowd_ == nullptr)
    crowd_ = std::make_unique<crowd>();
  return *crowd_;
}

void candidate_table::forget_last() noexcept {
  if (crowd_ != nullptr)
    crowd_->last.clear();
}

void candidate_table::set_error(uint32_t slot, double error) {
  if (error == error_of(slot))
    return;
  auto& errors = need_crowd().errors;
  errors.resize(std::max(errors.size(), slots_.size()));
  errors[slot] = error;
}

uint32_t candidate_table::append(const table_rules& rules) {
  if (slots_.empty()) {
    slots_.reserve(usual);
    hashes_.reserve(usual);
  }
  slots_.emplace_back();
  hashes_.push_back(0);
  if (rules.by == measure::distinct)
    distinct_.emplace_back();
  if (crowd_ != nullptr && !crowd_->errors.empty())
    crowd_->errors.resize(slots_.size());
  return static_cast<uint32_t>(slots_.size() - 1);
}

void candidate_table::vote_for(const table_rules& rules, const vote& x, uint32_t slot) {
  auto& to = slots_[slot];
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
    distinct_[slot].add(x.hash, rules.exact_bound);
    to.value = static_cast<double>(distinct_[slot].count()) + error_of(slot);
    break;
  }
  to.newest = std::max(to.newest, x.at);
  auto rank = rank_of(rules, to);
  if (rank != to.rank)
    to.reached = x.at;
  to.rank = rank;
}

/// A candidate at its first vote, on top of what it may have had before.
void candidate_table::vote_first(const table_rules& rules, const vote& x, uint64_t hash,
                                 double error, uint32_t slot) {
  auto& made = slots_[slot];
  made.text = x.candidate;
  hashes_[slot] = hash;
  set_error(slot, error);
  if (rules.by == measure::distinct)
    distinct_[slot] = distinct_counter{};
  made.value = rules.by == measure::max ? x.weight : error;
  made.newest = x.at;
  made.reached = beginning_of_time;
  made.rank = std::numeric_limits<double>::quiet_NaN(); // so that the vote is a change of it
  vote_for(rules, x, slot);
}

event_time candidate_table::newest() const noexcept {
  auto newest = beginning_of_time;
  for (const auto& x : slots_)
    newest = std::max(newest, x.newest);
  return newest;
}

uint64_t candidate_table::list_hash() const noexcept {
  uint64_t hash = 0;
  for (auto slot : list_) {
    constexpr uint64_t odd = 0x9e3779b97f4a7c15; // 2^64 divided by the golden ratio
    hash = (hash ^ hashes_[slot]) * odd + 1;
    hash ^= hash >> 32;
  }
  return hash;
}

bool candidate_table::before(uint32_t a, uint32_t b) const noexcept {
  const auto& x = slots_[a];
  const auto& y = slots_[b];
  if (x.rank != y.rank)
    return x.rank > y.rank;
  if (x.reached != y.reached)
    return x.reached < y.reached;
  return x.text < y.text;
}

bool candidate_table::add(const table_rules& rules, const vote& x, fold_counts& counts) {
  if (rules.time_to_live)
    first_end_ = std::min(first_end_, later(x.at, *rules.time_to_live));
  auto hash = hash_of(x.candidate);
  auto slot = find(x.candidate, hash);
  if (slot != nowhere) {
    auto& known = slots_[slot];
    auto rank = known.rank;
    vote_for(rules, x, slot);
    if (known.rank == rank)
      return false;
    auto worse = known.rank < rank;
    if (worse)
      forget_last();
    return place(rules, slot, worse);
  }
  if (slots_.size() >= rules.max_candidates)
    return replace_last(rules, x, hash, counts);
  slot = append(rules);
  vote_first(rules, x, hash, 0, slot);
  index(slot);
  forget_last();
  return place(rules, slot, false);
}

bool candidate_table::replace_last(const table_rules& rules, const vote& x, uint64_t hash,
                                   fold_counts& counts) {
  ++counts.bound_reached;
  lossy_ = true;
  auto slot = last_in_rank();
  auto& last = slots_[slot];
  if (rules.by == measure::max
      && std::tuple{-x.weight, x.at, x.candidate}
             > std::tuple{-last.value, last.reached, std::string_view{last.text}})
    return false;
  auto error = rules.by == measure::max ? 0.0 : value_at(rules, last, x.at);
  unindex(slot);
  crowd_->last.pop_back();
  auto rank = last.rank;
  vote_first(rules, x, hash, error, slot);
  if (!(last.rank > rank))
    forget_last();
  index(slot);
  // There are more candidates than the list is long: the last of them was not in it.
  return place(rules, slot, false);
}

uint32_t candidate_table::last_in_rank() {
  auto& last = need_crowd().last;
  auto& least = crowd_->least;
  // Values only rise, mostly: who had the least rank has it still, or has risen.
  while (!last.empty() && slots_[last.back()].rank != least)
    last.pop_back();
  if (!last.empty())
    return last.back();
  least = slots_.front().rank;
  for (const auto& x : slots_)
    least = std::min(least, x.rank);
  for (uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].rank == least)
      last.push_back(i);
  std::sort(last.begin(), last.end(), [&](auto a, auto b) { return before(a, b); });
  return last.back();
}

bool candidate_table::place(const table_rules& rules, uint32_t slot, bool worse) {
  auto at = std::find(list_.begin(), list_.end(), slot);
  if (at != list_.end() && worse && slots_.size() > list_.size())
    return rank_all(rules);
  auto changed = false;
  if (at == list_.end()) {
    if (list_.size() < rules.k)
      list_.push_back(slot);
    else if (before(slot, list_.back()))
      list_.back() = slot;
    else
      return false;
    changed = true;
    at = list_.end() - 1;
  }
  for (; at != list_.begin() && before(*at, *(at - 1)); --at, changed = true)
    std::swap(*at, *(at - 1));
  for (; at + 1 != list_.end() && before(*(at + 1), *at); ++at, changed = true)
    std::swap(*at, *(at + 1));
  return changed;
}

bool candidate_table::rank_all(const table_rules& rules) {
  std::vector<uint32_t> all(slots_.size());
  std::iota(all.begin(), all.end(), 0u);
  auto size = std::min<size_t>(rules.k, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(size), all.end(),
                    [&](auto a, auto b) { return before(a, b); });
  all.resize(size);
  auto changed = all != list_;
  list_.assign(all.begin(), all.end());
  return changed;
}

event_time candidate_table::next_end(const table_rules& rules) const noexcept {
  return rules.time_to_live && !slots_.empty() ? first_end_ : end_of_time;
}

bool candidate_table::expire(const table_rules& rules, event_time end, fold_counts& counts) {
  auto ends = [&](const auto& x) { return later(x.newest, *rules.time_to_live); };
  auto first = end_of_time;
  for (const auto& x : slots_)
    first = std::min(first, ends(x));
  first_end_ = first;
  if (first > end)
    return false;
  auto changed = false;
  for (auto slot = static_cast<uint32_t>(slots_.size()); slot-- > 0;) {
    if (ends(slots_[slot]) != first)
      continue;
    ++counts.expired;
    changed |= std::find(list_.begin(), list_.end(), slot) != list_.end();
    remove(slot);
  }
  forget_last();
  rebuild_index();
  rank_all(rules);
  lossy_ = lossy_ && !slots_.empty();
  first_end_ = end_of_time;
  for (const auto& x : slots_)
    first_end_ = std::min(first_end_, ends(x));
  return changed;
}

void candidate_table::remove(uint32_t slot) {
  auto erase_from = [slot](auto& x) {
    if (!x.empty())
      x.erase(x.begin() + static_cast<ptrdiff_t>(slot));
  };
  erase_from(slots_);
  erase_from(hashes_);
  erase_from(distinct_);
  if (crowd_ != nullptr)
    erase_from(crowd_->errors);
  auto gone = std::find(list_.begin(), list_.end(), slot);
  if (gone != list_.end())
    list_.erase(gone);
  for (auto& x : list_)
    x -= x > slot ? 1 : 0;
}

uint32_t candidate_table::find(std::string_view text, uint64_t hash) const noexcept {
  if (crowd_ == nullptr || crowd_->index.empty()) {
    for (uint32_t slot = 0; slot < hashes_.size(); ++slot)
      if (hashes_[slot] == hash && slots_[slot].text == text)
        return slot;
    return nowhere;
  }
  const auto& index = crowd_->index;
  auto mask = index.size() - 1;
  for (auto i = hash & mask; index[i] != 0; i = (i + 1) & mask) {
    auto slot = index[i] - 1;
    if (hashes_[slot] == hash && slots_[slot].text == text)
      return slot;
  }
  return nowhere;
}

void candidate_table::index(uint32_t slot) {
  if (slots_.size() <= unindexed)
    return;
  auto& index = need_crowd().index;
  if (index.size() < 2 * slots_.size()) {
    rebuild_index();
    return;
  }
  auto mask = index.size() - 1;
  auto i = hashes_[slot] & mask;
  while (index[i] != 0)
    i = (i + 1) & mask;
  index[i] = slot + 1;
}

void candidate_table::rebuild_index() {
  if (crowd_ != nullptr)
    crowd_->index = {};
  if (slots_.size() <= unindexed)
    return;
  size_t size = 4 * unindexed;
  while (size < 2 * slots_.size())
    size *= 2;
  need_crowd().index.resize(size);
  for (uint32_t i = 0; i < slots_.size(); ++i)
    index(i);
}

void candidate_table::unindex(uint32_t slot) {
  if (crowd_ == nullptr || crowd_->index.empty())
    return;
  auto& index = crowd_->index;
  auto mask = index.size() - 1;
  auto hole = hashes_[slot] & mask;
  while (index[hole] != slot + 1)
    hole = (hole + 1) & mask;
  // Whoever would no longer be found past the hole moves into it.
  for (auto i = (hole + 1) & mask; index[i] != 0; i = (i + 1) & mask) {
    auto home = hashes_[index[i] - 1] & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      index[hole] = index[i];
      hole = i;
    }
  }
  index[hole] = 0;
}

} // namespace keyfold::ranking
