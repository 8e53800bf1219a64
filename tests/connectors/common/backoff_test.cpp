#include "connectors/common/backoff.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace std::chrono_literals;

TEST_CASE("backoff: waits are random below a bound that doubles, up to the last") {
  backoff x{7, 100ms, 1000ms};
  auto bound = 100ms;
  std::chrono::milliseconds longest{0};
  for (int i = 0; i < 50; ++i) {
    auto wait = x.next();
    CHECK(wait >= 1ms);
    CHECK(wait <= bound);
    longest = std::max(longest, wait);
    bound = std::min(2 * bound, std::chrono::milliseconds{1000});
  }
  CHECK(longest > 500ms);
  x.reset();
  CHECK(x.next() <= 100ms);
}

TEST_CASE("backoff: never shorter than the service asks for, within a minute") {
  backoff x{7};
  CHECK(x.next(5s) == 5s);
  CHECK(x.next(3600s) == 60s);
}
