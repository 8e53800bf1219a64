#include "features/top_k/candidate_table.hpp"

#include <cmath>

namespace keyfold::ranking {

candidate_table candidate_table::copy(const table_rules& rules) const {
  candidate_table out;
  out.slots_ = slots_;
  out.hashes_ = hashes_;
  for (const auto& x : distinct_)
    out.distinct_.emplace_back().merge(x, rules.exact_bound);
  out.list_ = list_;
  if (crowd_ != nullptr) {
    out.need_crowd().index = crowd_->index;
    out.crowd_->errors = crowd_->errors;
  }
  out.first_end_ = first_end_;
  out.lossy_ = lossy_;
  return out;
}

void candidate_table::encode(const table_rules& rules, byte_writer& out) const {
  out.u8(lossy_ ? 1 : 0);
  out.varint(slots_.size());
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const auto& x = slots_[i];
    out.text(x.text);
    out.f64(x.value);
    out.f64(error_of(i));
    out.time(x.reached);
    out.time(x.newest);
    if (rules.by == measure::distinct)
      distinct_[i].encode(out);
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
    auto hash = hash_of(x.text);
    x.value = in.f64();
    auto error = in.f64();
    x.reached = in.time();
    x.newest = in.time();
    auto known = [](event_time at) { return at != beginning_of_time && at != end_of_time; };
    if (!in.good() || !std::isfinite(x.value) || !std::isfinite(error) || !known(x.reached)
        || !known(x.newest) || out.find(x.text, hash) != nowhere)
      return std::nullopt;
    auto slot = out.append(rules);
    if (rules.by == measure::distinct) {
      auto distinct = distinct_counter::decode(in, rules.exact_bound);
      if (!distinct)
        return std::nullopt;
      out.distinct_[slot] = std::move(*distinct);
    }
    x.rank = rank_of(rules, x);
    if (std::isnan(x.rank))
      return std::nullopt;
    if (rules.time_to_live)
      out.first_end_ = std::min(out.first_end_, later(x.newest, *rules.time_to_live));
    out.slots_[slot] = std::move(x);
    out.hashes_[slot] = hash;
    out.set_error(slot, error);
    out.index(slot);
  }
  out.rank_all(rules);
  return out;
}

size_t candidate_table::memory() const noexcept {
  auto sum = slots_.capacity() * sizeof(candidate) + hashes_.capacity() * sizeof(uint64_t)
             + list_.capacity() * sizeof(uint32_t)
             + distinct_.capacity() * sizeof(distinct_counter);
  if (crowd_ != nullptr)
    sum += sizeof(crowd) + (crowd_->index.capacity() + crowd_->last.capacity()) * sizeof(uint32_t)
           + crowd_->errors.capacity() * sizeof(double);
  for (const auto& x : distinct_)
    sum += x.memory();
  for (const auto& x : slots_)
    sum += x.text.capacity() > 15 ? x.text.capacity() + 1 : 0;
  return sum;
}

} // namespace keyfold::ranking
