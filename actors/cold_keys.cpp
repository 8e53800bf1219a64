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

std::vector<std::string> cold_keys::take_due(event_time watermark, size_t most) {
  std::vector<std::string> result;
  while (result.size() < most && !timers_.empty() && timers_.begin()->first <= watermark) {
    auto& keys = timers_.begin()->second;
    while (!keys.empty() && result.size() < most) {
      result.push_back(std::move(keys.back()));
      keys.pop_back();
    }
    if (keys.empty())
      timers_.erase(timers_.begin());
  }
  return result;
}

} // namespace keyfold
