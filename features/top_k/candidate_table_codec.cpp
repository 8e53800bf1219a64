#include "features/top_k/candidate_table.hpp"

#include <cmath>

namespace keyfold::ranking {

candidate_table candidate_table::copy(const table_rules& rules) const {
  candidate_table out;
  out.slots_ = slots_;
  out.first_end_ = first_end_;
  if (extras_ == nullptr)
    return out;
  auto& to = out.need_extras();
  to.index = extras_->index;
  to.lossy = extras_->lossy;
  to.errors = extras_->errors;
  to.ranks = extras_->ranks;
  for (const auto& x : extras_->distinct)
    to.distinct.emplace_back().merge(x, rules.exact_bound);
  return out;
}

void candidate_table::encode(const table_rules& rules, byte_writer& out) const {
  out.u8(exact() ? 0 : 1);
  out.varint(slots_.size());
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const auto& x = slots_[i];
    out.text(x.text);
    out.f64(x.value);
    out.f64(error_of(i));
    out.time(x.reached);
    out.time(x.newest);
    if (rules.by == measure::distinct)
      extras_->distinct[i].encode(out);
  }
}

std::optional<candidate_table> candidate_table::decode(const table_rules& rules, byte_reader& in) {
  candidate_table out;
  auto lossy = in.u8();
  auto size = in.varint();
  if (!in.good() || lossy > 1 || size > in.remaining())
    return std::nullopt;
  if (lossy == 1)
    out.need_extras().lossy = true;
  for (uint64_t i = 0; i < size; ++i) {
    candidate x;
    auto text = in.text();
    auto hash = hash_of(text);
    x.value = in.f64();
    auto error = in.f64();
    x.reached = in.time();
    x.newest = in.time();
    auto known = [](event_time at) { return at != beginning_of_time && at != end_of_time; };
    if (!in.good() || !std::isfinite(x.value) || !std::isfinite(error) || !known(x.reached)
        || !known(x.newest) || out.find(text, hash) != nowhere)
      return std::nullopt;
    auto slot = out.append(rules, hash);
    if (rules.by == measure::distinct) {
      auto distinct = distinct_counter::decode(in, rules.exact_bound);
      if (!distinct)
        return std::nullopt;
      out.extras_->distinct[slot] = std::move(*distinct);
    }
    if (rules.time_to_live)
      out.first_end_ = std::min(out.first_end_, later(x.newest, *rules.time_to_live));
    x.text = short_text{text};
    out.slots_[slot] = std::move(x);
    out.note_rank(rules, slot);
    if (std::isnan(out.rank(rules, slot)))
      return std::nullopt;
    out.set_error(slot, error);
    out.index(slot, hash);
  }
  out.rank_all(rules);
  return out;
}

size_t candidate_table::memory() const noexcept {
  auto sum = slots_.memory();
  if (extras_ == nullptr)
    return sum;
  const auto& x = *extras_;
  sum += sizeof x + x.index.capacity() * sizeof(indexed) + x.last.capacity() * sizeof(uint32_t)
         + (x.errors.capacity() + x.ranks.capacity()) * sizeof(double)
         + x.distinct.capacity() * sizeof(distinct_counter);
  for (const auto& y : x.distinct)
    sum += y.memory();
  return sum;
}

} // namespace keyfold::ranking
