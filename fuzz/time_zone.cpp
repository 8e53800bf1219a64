#include "features/windows/time_zone.hpp"
#include "features/windows/step_grid.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>

using namespace keyfold;

namespace {

/// Buckets have no gaps, a time is in the bucket it is said to be in, and a bucket is complete when
/// its last moment has come.
void check_grid(const step_grid& grid, event_time at) {
  auto bucket = grid.bucket(at);
  if (grid.start(bucket) > at || at >= grid.start(bucket + 1))
    std::abort();
  auto complete = grid.complete(at);
  if (grid.last(complete) > at || grid.last(complete + 1) <= at)
    std::abort();
}

} // namespace

/// Arbitrary bytes are refused as a TZif file, or are a zone whose times ascend and by which time
/// can be cut into buckets.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace std::chrono_literals;
  using days = std::chrono::days;
  static constexpr std::array<duration, 4> steps{1s, 1h, days{1}, days{36'525}};
  auto zone = parse_time_zone({reinterpret_cast<const char*>(data), size});
  if (!zone) {
    if (zone.error().message.empty())
      std::abort();
    return 0;
  }
  const auto& changes = zone->transitions;
  for (size_t i = 1; i < changes.size(); ++i)
    if (changes[i - 1].at >= changes[i].at)
      std::abort();
  for (auto step : steps) {
    step_grid grid{step, *zone};
    for (size_t i = 0; i < changes.size(); i += 1 + changes.size() / 16)
      for (auto at : {changes[i].at - duration{1}, changes[i].at, changes[i].at + 90min})
        check_grid(grid, at);
    check_grid(grid, event_time{});
  }
  return 0;
}
