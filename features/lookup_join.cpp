#include "features/lookup_join.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace keyfold {

lookup_join::lookup_join(std::shared_ptr<const stream_schema> schema)
    : schema_(std::move(schema)), width_(schema_->fields.size()),
      derived_(schema_->lookups.size() + 1), counts_(schema_->lookups.size()) {
  for (uint32_t i = 0; i < schema_->fields.size(); ++i)
    if (schema_->fields[i].derived)
      derived_[schema_->fields[i].stage].push_back(i);
}

std::optional<event_batch_ptr> lookup_join::join(const event_batch_ptr& rows) {
  cells_.assign(rows->cells().begin(), rows->cells().end());
  times_.assign(rows->times().begin(), rows->times().end());
  text_ = arena{};
  left_.resize(rows->size());
  std::iota(left_.begin(), left_.end(), 0u);
  std::vector<lookup_counts> counts(schema_->lookups.size());
  for (uint32_t i = 0; i < schema_->lookups.size(); ++i) {
    if (!look_up(schema_->lookups[i], counts[i])) {
      problem_ = schema_->lookups[i].table->problem();
      return std::nullopt;
    }
    derive(i + 1);
  }
  filtered_ += filter();
  for (size_t i = 0; i < counts.size(); ++i) {
    counts_[i].missing += counts[i].missing;
    counts_[i].dropped += counts[i].dropped;
  }
  return finish(rows);
}

bool lookup_join::look_up(const stream_lookup& x, lookup_counts& counts) {
  keys_.clear();
  for (auto i : left_)
    for (auto column : x.key)
      keys_.push_back(row(i)[column]);
  found_.assign(left_.size(), 0);
  values_.assign(left_.size() * x.fields.size(), cell{});
  if (!x.table->look_up({keys_, x.fields, values_, found_, text_}))
    return false;
  size_t kept = 0;
  for (size_t i = 0; i < left_.size(); ++i) {
    auto missing = found_[i] == 0;
    counts.missing += missing ? 1 : 0;
    if (missing && x.drop_missing) {
      ++counts.dropped;
      continue;
    }
    auto to = row(left_[i]);
    for (size_t field = 0; field < x.fields.size(); ++field)
      to[x.columns[field]] = values_[i * x.fields.size() + field];
    left_[kept++] = left_[i];
  }
  left_.resize(kept);
  return true;
}

void lookup_join::derive(uint32_t stage) {
  for (auto column : derived_[stage])
    for (auto i : left_)
      row(i)[column] = schema_->fields[column].derived->evaluate(row(i), text_);
}

uint64_t lookup_join::filter() {
  if (!schema_->where || schema_->where_stage == 0)
    return 0;
  auto before = left_.size();
  auto fails = [&](uint32_t i) {
    scratch_.clear();
    return !schema_->where->holds(row(i), scratch_);
  };
  left_.erase(std::remove_if(left_.begin(), left_.end(), fails), left_.end());
  return before - left_.size();
}

event_batch_ptr lookup_join::finish(const event_batch_ptr& origin) {
  if (left_.empty())
    return nullptr;
  for (size_t to = 0; to < left_.size(); ++to) {
    auto from = left_[to];
    if (from == to)
      continue;
    std::copy_n(row(from).begin(), width_, row(to).begin());
    times_[to] = times_[from];
  }
  cells_.resize(left_.size() * width_);
  times_.resize(left_.size());
  return std::make_shared<const event_batch>(schema_, std::exchange(cells_, {}),
                                             std::exchange(times_, {}),
                                             std::exchange(text_, arena{}), origin);
}

std::vector<lookup_counts> lookup_join::take_counts() {
  return std::exchange(counts_, std::vector<lookup_counts>(schema_->lookups.size()));
}

} // namespace keyfold
