#include "decayed_counters_support.hpp"

#include <cmath>

using namespace keyfold;
using namespace keyfold::counters_test;

namespace {

settings in_windows() {
  auto out = counts_by_name();
  out.pre_aggregate = 5s;
  return out;
}

} // namespace

TEST_CASE(
    "decayed_counters windows: a window is published once, when the watermark reaches its end") {
  recorder published;
  key x{make(in_windows())};
  x.changes = &published;
  x.fold({{start, "like"}, {start + 1s, "like"}, {start + 4999999us, "view"}});
  CHECK(published.upserts.empty());
  CHECK(x.wake_at == start + 5s - 1us);
  x.advance(start + 5s - 2us);
  CHECK(published.upserts.empty());
  x.advance(start + 5s - 1us);
  REQUIRE(published.upserts.size() == 2);
  CHECK(published.table["like"].numbers == std::vector{2.0, 2.0, 2.0});
  CHECK(published.table["like"].at == start + 1s);
  CHECK(published.table["view"].at == start + 4999999us);
}

TEST_CASE("decayed_counters windows: two windows with a count each give the document's values") {
  recorder published;
  key x{make(in_windows())};
  x.changes = &published;
  x.fold({{start}, {start + 5s}});
  x.advance(start + 1h);
  REQUIRE(published.upserts.size() == 2);
  auto last = published.upserts.back().second.numbers;
  CHECK(last[0] == Approx(1.3678794411714423).epsilon(1e-12));
  CHECK(last[1] == Approx(1.6065306597126334).epsilon(1e-12));
  CHECK(last[2] == Approx(1.7165313105737892).epsilon(1e-12));
}

TEST_CASE("decayed_counters windows: several may be open and fire in the order of their ends") {
  recorder published;
  key x{make(in_windows())};
  x.changes = &published;
  x.fold({{start + 11s, "like"}, {start + 1s, "view"}, {start + 6s, "like"}, {start + 2s, "view"}});
  x.advance(start + 10s - 1us);
  REQUIRE(published.upserts.size() == 2);
  CHECK(published.upserts[0].first == "view");
  CHECK(published.upserts[0].second.numbers[0] == 2.0);
  CHECK(published.upserts[1].first == "like");
  CHECK(x.wake_at == start + 15s - 1us);
  x.advance(end_of_time);
  REQUIRE(published.upserts.size() == 3);
  CHECK(published.upserts[2].second.numbers[0] == Approx(1 + std::exp(-1.0)).epsilon(1e-12));
}

TEST_CASE("decayed_counters windows: windows are aligned to the epoch, also before it") {
  recorder published;
  key x{make(in_windows())};
  x.changes = &published;
  x.fold({{event_time{-1s}}, {event_time{-5s}}, {event_time{-6s}}});
  x.advance(event_time{-5s} - 1us);
  CHECK(published.upserts.size() == 1);
  x.advance(event_time{-1us});
  CHECK(published.upserts.size() == 2);
  CHECK(published.table["like"].numbers[0] == Approx(2 + std::exp(-1.0)).epsilon(1e-12));
}

TEST_CASE(
    "decayed_counters windows: a reader sees what is in open windows, as of its newest event") {
  auto from = in_windows();
  add_measure(from, "people", function::distinct, "who");
  from.ratios = {{"ctr", {"like", "count"}, {"view", "count"}}};
  key x{make(from)};
  x.fold({{start, "like", 1.0, "ann"},
          {start + 2s, "like", 1.0, "bob"},
          {start + 5s, "like", 1.0, "ann"},
          {start + 5s, "view"}});
  auto expected = 1 + 2 * std::exp(-3.0 / 5);
  CHECK(x.number("like_count_5s", start) == Approx(expected).epsilon(1e-12));
  CHECK(x.number("like_people", start) == 2.0);
  CHECK(x.read("like_count_5s", start).at == start + 5s);
  CHECK(x.number("ctr_5s", start) == Approx(expected).epsilon(1e-12));
  x.advance(start + 5s);
  CHECK(x.number("like_count_5s", start) == Approx(expected).epsilon(1e-12));
  CHECK(x.number("like_people", start) == 2.0);
  x.advance(start + 10s);
  CHECK(x.number("like_count_5s", start) == Approx(expected).epsilon(1e-12));
}

TEST_CASE("decayed_counters windows: an open group is readable while it has only windows") {
  auto from = in_windows();
  from.groups.clear();
  key x{make(from)};
  x.fold({{start, "like"}, {start + 5s, "like"}, {start, "view"}});
  CHECK(x.read_all(start).all.size() == 6);
  x.advance(start + 5s);
  CHECK(x.read_all(start).all.size() == 6);
}

TEST_CASE(
    "decayed_counters windows: rows behind fired windows are late, rows of open ones are not") {
  for (auto policy : {settings::late_rows::fold, settings::late_rows::drop}) {
    auto from = in_windows();
    from.late = policy;
    recorder published;
    key x{make(from)};
    x.changes = &published;
    x.fold({{start}, {start + 7s}});
    x.advance(start + 6s);
    CHECK(published.upserts.size() == 1);
    x.fold({{start + 1s}, {start + 5s}});
    auto folded = policy == settings::late_rows::fold;
    CHECK(x.counts.late == 1);
    CHECK(x.counts.late_dropped == (folded ? 0 : 1));
    CHECK(x.counts.rows == (folded ? 4 : 3));
    CHECK(published.upserts.size() == (folded ? 2 : 1));
    x.advance(start + 10s);
    auto expected = std::exp(-1.4) + 2 + (folded ? std::exp(-1.2) : 0);
    CHECK(published.table["like"].numbers[0] == Approx(expected).epsilon(1e-12));
  }
}

TEST_CASE("decayed_counters windows: beyond their bound rows are folded at once, and counted") {
  auto from = in_windows();
  from.max_open_windows = 2;
  key x{make(from)};
  x.fold({{start}, {start + 5s}, {start + 10s}, {start + 10s}, {start}});
  CHECK(x.counts.bound_reached == 2);
  CHECK(x.counts.rows == 5);
  auto expected = 2 + std::exp(-1.0) + 2 * std::exp(-2.0);
  CHECK(x.number("like_count_5s", start) == Approx(expected).epsilon(1e-12));
  x.advance(end_of_time);
  CHECK(x.number("like_count_5s", start) == Approx(expected).epsilon(1e-12));
}

TEST_CASE("decayed_counters windows: the bound on groups holds for those that only have windows") {
  auto from = in_windows();
  from.groups.clear();
  from.max_groups_per_key = 3;
  key x{make(from)};
  x.fold({{start, "a"}, {start + 5s, "a"}, {start, "b"}, {start + 5s, "b"}, {start, "c"}});
  CHECK(x.counts.bound_reached == 0);
  x.fold({{start, "d"}, {start + 5s, "c"}});
  CHECK(x.counts.bound_reached == 1);
  x.advance(end_of_time);
  CHECK(x.read_all(start).all.size() == 9);
  x.watermark = beginning_of_time;
  x.fold({{start, "d"}, {start, "a"}});
  CHECK(x.counts.bound_reached == 2);
}

TEST_CASE("decayed_counters windows: a key with nothing open takes no room for windows") {
  auto made = make(in_windows());
  key x{made};
  auto new_one = x.memory();
  x.fold({{start}});
  CHECK(x.memory() == new_one); // the first has its place beside the state
  x.fold({{start + 5s}, {start + 10s}});
  CHECK(x.memory() > new_one);
  x.advance(start + 15s);
  CHECK(x.memory() == new_one);
  CHECK_FALSE(x.empty());
}
