#include "actors/cold_keys.hpp"

namespace keyfold {

/// Kirsch and Mitzenmacher, "Less Hashing, Same Performance": the places come from two halves of
/// one hash.
std::array<uint64_t, 4> cold_keys::places(uint64_t hash) noexcept {
  auto step = (hash >> 32) | 1;
  std::array<uint64_t, 4> result{};
  for (uint64_t i = 0; i < result.size(); ++i)
    result[i] = ((hash ^ (hash >> 17)) + i * step) % filter_bits;
  return result;
}

void cold_keys::add(uint64_t hash) {
  if (filter_.empty())
    filter_.resize(filter_bits / 64);
  for (auto place : places(hash))
    filter_[place / 64] |= uint64_t{1} << (place % 64);
}

bool cold_keys::may_contain(uint64_t hash) const noexcept {
  if (filter_.empty())
    return false;
  for (auto place : places(hash))
    if ((filter_[place / 64] >> (place % 64) & 1) == 0)
      return false;
  return true;
}

void cold_keys::add_timer(event_time at, uint64_t hash, std::string key) {
  timers_.emplace(hash, timer{at, std::move(key)});
  due_[at].push_back(hash);
  ++entries_;
}

void cold_keys::remove_timer(uint64_t hash, const std::string& key) {
  auto [first, last] = timers_.equal_range(hash);
  for (auto i = first; i != last; ++i)
    if (i->second.key == key) {
      timers_.erase(i);
      break;
    }
  drop_stale_entries();
}

/// Keys come and go more often than their timers are due.
void cold_keys::drop_stale_entries() {
  if (entries_ <= 2 * timers_.size() + 1000)
    return;
  due_.clear();
  for (const auto& [hash, x] : timers_)
    due_[x.at].push_back(hash);
  entries_ = timers_.size();
}

std::vector<std::string> cold_keys::take_due(event_time watermark, size_t most) {
  std::vector<std::string> result;
  while (result.size() < most && any_due(watermark)) {
    auto& [at, hashes] = *due_.begin();
    while (!hashes.empty() && result.size() < most) {
      auto [first, last] = timers_.equal_range(hashes.back());
      hashes.pop_back();
      --entries_;
      for (auto i = first; i != last;)
        if (i->second.at == at) {
          result.push_back(std::move(i->second.key));
          i = timers_.erase(i);
        } else {
          ++i;
        }
    }
    if (hashes.empty())
      due_.erase(due_.begin());
  }
  return result;
}

} // namespace keyfold
