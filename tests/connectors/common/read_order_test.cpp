#include "connectors/common/read_order.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point now{1h};
constexpr duration lead = 1min;
constexpr auto patience = 5000ms;

event_time at(std::chrono::seconds x) {
  return event_time{x};
}

event_time limit(std::vector<partition_progress_view> partitions) {
  return read_limit(partitions, now, lead, patience);
}

} // namespace

TEST_CASE("read_limit: partitions wait for the one that is furthest behind and has more") {
  CHECK(limit({{at(1000s), false, now}, {at(50s), false, now}, {at(70s), false, now}}) == at(110s));
}

TEST_CASE("read_limit: a partition without more, or without a sign of life, is not waited for") {
  CHECK(limit({{at(1000s), false, now}, {at(50s), true, now}}) == at(1060s));
  CHECK(limit({{at(1000s), false, now}, {at(50s), false, now - 5s}}) == at(1060s));
  CHECK(limit({{at(1000s), false, now}, {at(50s), false, now - 4999ms}}) == at(110s));
  CHECK(limit({{at(1000s), true, now}}) == end_of_time);
  CHECK(limit({}) == end_of_time);
}

TEST_CASE("read_limit: what has not been read at all comes first") {
  CHECK(limit({{at(1000s), false, now}, {beginning_of_time, false, now}}) == beginning_of_time);
}

TEST_CASE("read_limit: the end of time is no sum") {
  CHECK(limit({{end_of_time - 1s, false, now}}) == end_of_time);
}
