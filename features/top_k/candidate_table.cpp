#include "features/top_k/candidate_table.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <xxhash.h>

namespace keyfold::ranking {

namespace {

constexpr size_t unindexed = 4; // so few are found as fast by looking at each

uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

/// The logarithm of a decayed value, moved so that it does not change as time passes: two
/// candidates compare alike at every moment.
double timeless(const decay_rate& rate, double value, event_time at) noexcept {
  auto lengths =
      static_cast<double>(at.time_since_epoch().count()) / static_cast<double>(rate.length.count());
  return rate.is_half_life ? std::log2(value) + lengths : std::log(value) + lengths;
}

double rank_of(const table_rules& rules, const candidate& x) noexcept {
  return rules.by == measure::decayed_count ? timeless(rules.rate, x.value, x.newest) : x.value;
}

void vote_for(const table_rules& rules, const vote& x, candidate& to) {
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
    to.distinct.add(x.hash, rules.exact_bound);
    to.value = static_cast<double>(to.distinct.count()) + to.error;
    break;
  }
  to.newest = std::max(to.newest, x.at);
  auto rank = rank_of(rules, to);
  if (rank != to.rank)
    to.reached = x.at;
  to.rank = rank;
}

/// A candidate at its first vote, on top of what it may have had before.
candidate first_vote(const table_rules& rules, const vote& x, uint64_t hash, double error) {
  candidate made;
  made.text = x.candidate;
  made.hash = hash;
  made.error = error;
  made.value = rules.by == measure::max ? x.weight : error;
  made.newest = x.at;
  made.rank = std::numeric_limits<double>::quiet_NaN(); // so that the vote is a change of it
  vote_for(rules, x, made);
  return made;
}

} // namespace

double candidate_table::value_at(const table_rules& rules, const candidate& x,
                                 event_time at) noexcept {
  if (rules.by != measure::decayed_count || at == end_of_time || at <= x.newest)
    return x.value;
  return bounded_sum(x.value * decay_factor(rules.rate, x.newest, at));
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
    hash = (hash ^ slots_[slot].hash) * odd + 1;
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
    vote_for(rules, x, known);
    if (known.rank == rank)
      return false;
    auto worse = known.rank < rank;
    if (worse)
      last_.clear();
    return place(rules, slot, worse);
  }
  if (slots_.size() >= rules.max_candidates)
    return replace_last(rules, x, hash, counts);
  slot = static_cast<uint32_t>(slots_.size());
  if (slot == 0)
    slots_.reserve(unindexed);
  slots_.push_back(first_vote(rules, x, hash, 0));
  index(slot);
  last_.clear();
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
  last_.pop_back();
  auto rank = last.rank;
  last = first_vote(rules, x, hash, error);
  if (!(last.rank > rank))
    last_.clear();
  index(slot);
  // There are more candidates than the list is long: the last of them was not in it.
  return place(rules, slot, false);
}

uint32_t candidate_table::last_in_rank() {
  // Values only rise, mostly: who had the least rank has it still, or has risen.
  while (!last_.empty() && slots_[last_.back()].rank != least_)
    last_.pop_back();
  if (!last_.empty())
    return last_.back();
  least_ = slots_.front().rank;
  for (const auto& x : slots_)
    least_ = std::min(least_, x.rank);
  for (uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].rank == least_)
      last_.push_back(i);
  std::sort(last_.begin(), last_.end(), [&](auto a, auto b) { return before(a, b); });
  return last_.back();
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
  last_.clear();
  rebuild_index();
  rank_all(rules);
  lossy_ = lossy_ && !slots_.empty();
  first_end_ = end_of_time;
  for (const auto& x : slots_)
    first_end_ = std::min(first_end_, ends(x));
  return changed;
}

void candidate_table::remove(uint32_t slot) {
  slots_.erase(slots_.begin() + static_cast<ptrdiff_t>(slot));
  auto gone = std::find(list_.begin(), list_.end(), slot);
  if (gone != list_.end())
    list_.erase(gone);
  for (auto& x : list_)
    x -= x > slot ? 1 : 0;
}

uint32_t candidate_table::find(std::string_view text, uint64_t hash) const noexcept {
  auto is = [&](const auto& x) { return x.hash == hash && x.text == text; };
  if (index_.empty()) {
    auto found = std::find_if(slots_.begin(), slots_.end(), is);
    return found == slots_.end() ? nowhere : static_cast<uint32_t>(found - slots_.begin());
  }
  auto mask = index_.size() - 1;
  for (auto i = hash & mask; index_[i] != 0; i = (i + 1) & mask)
    if (is(slots_[index_[i] - 1]))
      return index_[i] - 1;
  return nowhere;
}

void candidate_table::index(uint32_t slot) {
  if (slots_.size() <= unindexed)
    return;
  if (index_.size() < 2 * slots_.size()) {
    rebuild_index();
    return;
  }
  auto mask = index_.size() - 1;
  auto i = slots_[slot].hash & mask;
  while (index_[i] != 0)
    i = (i + 1) & mask;
  index_[i] = slot + 1;
}

void candidate_table::rebuild_index() {
  index_ = {};
  if (slots_.size() <= unindexed)
    return;
  size_t size = 4 * unindexed;
  while (size < 2 * slots_.size())
    size *= 2;
  index_.resize(size);
  for (uint32_t i = 0; i < slots_.size(); ++i)
    index(i);
}

void candidate_table::unindex(uint32_t slot) {
  if (index_.empty())
    return;
  auto mask = index_.size() - 1;
  auto hole = slots_[slot].hash & mask;
  while (index_[hole] != slot + 1)
    hole = (hole + 1) & mask;
  // Whoever would no longer be found past the hole moves into it.
  for (auto i = (hole + 1) & mask; index_[i] != 0; i = (i + 1) & mask) {
    auto home = slots_[index_[i] - 1].hash & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      index_[hole] = index_[i];
      hole = i;
    }
  }
  index_[hole] = 0;
}

candidate_table candidate_table::copy(const table_rules& rules) const {
  candidate_table out;
  out.slots_.reserve(slots_.size());
  for (const auto& x : slots_) {
    auto& made = out.slots_.emplace_back();
    made.text = x.text;
    made.hash = x.hash;
    made.value = x.value;
    made.error = x.error;
    made.rank = x.rank;
    made.reached = x.reached;
    made.newest = x.newest;
    made.distinct.merge(x.distinct, rules.exact_bound);
  }
  out.list_ = list_;
  out.index_ = index_;
  out.first_end_ = first_end_;
  out.lossy_ = lossy_;
  return out;
}

void candidate_table::encode(const table_rules& rules, byte_writer& out) const {
  out.u8(lossy_ ? 1 : 0);
  out.varint(slots_.size());
  for (const auto& x : slots_) {
    out.text(x.text);
    out.f64(x.value);
    out.f64(x.error);
    out.time(x.reached);
    out.time(x.newest);
    if (rules.by == measure::distinct)
      x.distinct.encode(out);
  }
}

std::optional<candidate_table> candidate_table::decode(const table_rules& rules, byte_reader& in) {
  candidate_table out;
  auto lossy = in.u8();
  auto size = in.varint();
  if (!in.good() || lossy > 1 || size > in.remaining())
    return std::nullopt;
  out.lossy_ = lossy == 1;
  for (uint64_t i = 0; i < size; ++i) {
    candidate x;
    x.text = in.text();
    x.hash = hash_of(x.text);
    x.value = in.f64();
    x.error = in.f64();
    x.reached = in.time();
    x.newest = in.time();
    auto known = [](event_time at) { return at != beginning_of_time && at != end_of_time; };
    if (!in.good() || !std::isfinite(x.value) || !std::isfinite(x.error) || !known(x.reached)
        || !known(x.newest) || out.find(x.text, x.hash) != nowhere)
      return std::nullopt;
    if (rules.by == measure::distinct) {
      auto distinct = distinct_counter::decode(in, rules.exact_bound);
      if (!distinct)
        return std::nullopt;
      x.distinct = std::move(*distinct);
    }
    x.rank = rank_of(rules, x);
    if (std::isnan(x.rank))
      return std::nullopt;
    if (rules.time_to_live)
      out.first_end_ = std::min(out.first_end_, later(x.newest, *rules.time_to_live));
    out.slots_.push_back(std::move(x));
    out.index(static_cast<uint32_t>(i));
  }
  out.rank_all(rules);
  return out;
}

size_t candidate_table::memory() const noexcept {
  auto sum = slots_.capacity() * sizeof(candidate)
             + (list_.capacity() + index_.capacity() + last_.capacity()) * sizeof(uint32_t);
  for (const auto& x : slots_)
    sum += x.distinct.memory() + (x.text.capacity() > 15 ? x.text.capacity() + 1 : 0);
  return sum;
}

} // namespace keyfold::ranking
