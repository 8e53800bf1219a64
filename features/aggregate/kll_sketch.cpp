#include "features/aggregate/kll_sketch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace keyfold::aggregates {

/// Each level below the top has room for two thirds of the one above it.
size_t kll_sketch::room(size_t level) const noexcept {
  auto depth = static_cast<double>(levels_.size() - 1 - level);
  auto size = std::ceil(static_cast<double>(width) * std::pow(2.0 / 3.0, depth));
  return std::max(narrowest, static_cast<size_t>(size));
}

bool kll_sketch::overfull() const noexcept {
  size_t kept = 0;
  size_t all = 0;
  for (size_t i = 0; i < levels_.size(); ++i) {
    kept += levels_[i].size();
    all += room(i);
  }
  return kept > all;
}

void kll_sketch::add(double x) {
  if (levels_.empty())
    levels_.emplace_back();
  levels_[0].push_back(x);
  ++count_;
  if (levels_[0].size() > room(0) && overfull())
    compress();
}

void kll_sketch::merge(const kll_sketch& other) {
  if (levels_.size() < other.levels_.size())
    levels_.resize(other.levels_.size());
  for (size_t i = 0; i < other.levels_.size(); ++i)
    levels_[i].insert(levels_[i].end(), other.levels_[i].begin(), other.levels_[i].end());
  count_ += other.count_;
  while (!levels_.empty() && overfull())
    compress();
}

void kll_sketch::compress() {
  for (size_t level = 0; level < levels_.size(); ++level)
    if (levels_[level].size() >= 2 && levels_[level].size() >= room(level)) {
      halve(level);
      return;
    }
}

/// Every other value of a level moves up: the odd ones or the even ones, by a coin.
void kll_sketch::halve(size_t level) {
  if (level + 1 == levels_.size())
    levels_.emplace_back();
  auto& from = levels_[level];
  std::sort(from.begin(), from.end());
  coin_ ^= coin_ << 13;
  coin_ ^= coin_ >> 7;
  coin_ ^= coin_ << 17;
  auto odd = from.size() % 2;
  for (size_t i = odd + (coin_ >> 63); i < from.size(); i += 2)
    levels_[level + 1].push_back(from[i]);
  from.resize(odd);
  // A level that once took what others had no room for does not keep the memory.
  if (from.capacity() > 2 * room(level))
    from.shrink_to_fit();
}

double kll_sketch::quantile(double share) const {
  std::vector<std::pair<double, uint64_t>> weighed;
  for (size_t i = 0; i < levels_.size(); ++i)
    for (auto x : levels_[i])
      weighed.emplace_back(x, uint64_t{1} << i);
  std::sort(weighed.begin(), weighed.end());
  uint64_t all = 0;
  for (const auto& x : weighed)
    all += x.second;
  auto wanted = std::max(1.0, std::ceil(share * static_cast<double>(all)));
  uint64_t before = 0;
  for (const auto& x : weighed) {
    before += x.second;
    if (static_cast<double>(before) >= wanted)
      return x.first;
  }
  return weighed.back().first;
}

void kll_sketch::encode(byte_writer& out) const {
  out.varint(count_);
  out.u64(coin_);
  out.varint(levels_.size());
  for (const auto& level : levels_) {
    out.varint(level.size());
    for (auto x : level)
      out.f64(x);
  }
}

bool kll_sketch::decode(byte_reader& in) {
  count_ = in.varint();
  coin_ = in.u64();
  auto size = in.varint();
  if (!in.good() || size > most_levels || coin_ == 0)
    return false;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < size; ++i) {
    auto& level = levels_.emplace_back();
    auto values = in.varint();
    if (values > in.remaining() / sizeof(double) || values > 8 * width)
      return false;
    kept += values;
    for (uint64_t j = 0; j < values; ++j) {
      level.push_back(in.f64());
      if (!std::isfinite(level.back()))
        return false;
    }
  }
  return in.good() && (kept > 0) == (count_ > 0);
}

size_t kll_sketch::memory() const noexcept {
  auto sum = sizeof *this + levels_.capacity() * sizeof(levels_[0]);
  for (const auto& level : levels_)
    sum += level.capacity() * sizeof(double);
  return sum;
}

} // namespace keyfold::aggregates
