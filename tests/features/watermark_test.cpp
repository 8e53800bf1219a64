#include "features/watermark.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

event_time at(std::chrono::seconds x) {
  return event_time{x};
}

/// Everything up to just before `x` has arrived.
event_time just_before(std::chrono::seconds x) {
  return at(x) - duration{1};
}

} // namespace

TEST_CASE("watermark: is just before the slowest partition's newest time less the delay",
          "[features]") {
  watermark_tracker x{5s, 10s};
  x.add("a", 0s);
  x.add("b", 0s);
  CHECK(x.watermark(1s) == beginning_of_time);
  x.observe("a", at(100s), 1s);
  CHECK(x.watermark(1s) == beginning_of_time);
  x.observe("b", at(50s), 2s);
  CHECK(x.watermark(2s) == just_before(45s));
  CHECK(x.newest() == at(100s));
  x.observe("b", at(200s), 3s);
  CHECK(x.watermark(3s) == just_before(95s));
}

TEST_CASE("watermark: never goes back", "[features]") {
  watermark_tracker x{0s, 10s};
  x.observe("a", at(100s), 0s);
  CHECK(x.watermark(0s) == just_before(100s));
  x.add("late partition", 1s);
  CHECK(x.watermark(1s) == just_before(100s));
  x.observe("late partition", at(10s), 1s);
  CHECK(x.watermark(1s) == just_before(100s));
}

TEST_CASE("watermark: an idle partition holds nothing back", "[features]") {
  watermark_tracker x{0s, 10s};
  x.add("silent", 0s);
  x.observe("a", at(100s), 0s);
  CHECK(x.watermark(9s) == beginning_of_time);
  x.observe("a", at(110s), 9s);
  CHECK(x.watermark(11s) == just_before(110s));
  CHECK(x.idle(11s) == 1);
  x.observe("silent", at(120s), 12s);
  x.observe("a", at(115s), 12s);
  CHECK(x.watermark(12s) == just_before(115s));
}

TEST_CASE("watermark: a partition with records to be read is waited for however long it takes",
          "[features]") {
  watermark_tracker x{0s, 10s};
  x.add("behind", 0s);
  x.wait_for("never added", 0s);
  x.observe("a", at(100s), 0s);
  for (auto now = 1s; now < 40s; ++now) {
    x.wait_for("behind", now);
    x.observe("a", at(100s), now);
    CHECK(x.watermark(now) == beginning_of_time);
  }
  CHECK(x.idle(39s) == 0);
  x.observe("a", at(100s), 49s);
  CHECK(x.watermark(49s) == just_before(100s));
}

TEST_CASE("watermark: when all are idle none waits for another", "[features]") {
  watermark_tracker x{1s, 10s};
  x.observe("a", at(100s), 0s);
  x.observe("b", at(50s), 0s);
  CHECK(x.watermark(0s) == just_before(49s));
  CHECK(x.watermark(20s) == just_before(99s));
}

TEST_CASE("watermark: ended partitions are left out, and the end of all is the end of time",
          "[features]") {
  watermark_tracker x{1s, 10s};
  CHECK_FALSE(x.ended());
  x.observe("a", at(100s), 0s);
  x.observe("b", at(50s), 0s);
  x.end("b");
  CHECK(x.watermark(0s) == just_before(99s));
  x.end("a");
  CHECK(x.ended());
  CHECK(x.watermark(0s) == end_of_time);
  CHECK(x.newest() == at(100s));
}

TEST_CASE("watermark: a removed partition holds nothing back", "[features]") {
  watermark_tracker x{0s, 10s};
  x.observe("a", at(100s), 0s);
  x.add("b", 0s);
  x.remove("b");
  CHECK(x.watermark(0s) == just_before(100s));
}
