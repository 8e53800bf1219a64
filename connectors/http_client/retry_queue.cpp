#include "connectors/http_client/retry_queue.hpp"

#include <cmath>
#include <random>

namespace keyfold {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{50};
constexpr milliseconds longest_pause{20'000};
constexpr milliseconds longest_asked_for{60'000};

} // namespace

milliseconds retry_pause(int attempts, double chance) noexcept {
  auto doubled = first_pause * (int64_t{1} << std::clamp(attempts, 0, 20));
  auto most = std::min<milliseconds>(doubled, longest_pause);
  return milliseconds{std::llround(chance * static_cast<double>(most.count()))};
}

milliseconds retry_pause(int attempts, std::chrono::seconds at_least) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  auto chance = std::uniform_real_distribution<double>{0, 1}(random);
  return std::max(retry_pause(attempts, chance),
                  std::min<milliseconds>(at_least, longest_asked_for));
}

} // namespace keyfold
