#include "decayed_counters_support.hpp"

#include <algorithm>
#include <cmath>

using namespace keyfold;
using namespace keyfold::counters_test;

namespace {

settings living_an_hour(std::vector<std::string> groups = {"like", "view"}) {
  auto out = counts_by_name(std::move(groups));
  out.decays = {{"day", {24h}}};
  out.time_to_live = 1h;
  return out;
}

double aged(duration age) {
  return std::exp(-std::chrono::duration<double>(age) / std::chrono::duration<double>(24h));
}

} // namespace

TEST_CASE("decayed_counters lifetime: a group is not read once its time is over") {
  key x{make(living_an_hour())};
  x.fold({{start}});
  CHECK(x.read("like_count_day", start + 1h - 1us).status == feature_status::present);
  auto ended = x.read("like_count_day", start + 1h);
  CHECK(ended.status == feature_status::outside_max_age);
  CHECK(ended.value.is_null());
  CHECK(ended.at == start);
  CHECK(x.read("view_count_day", start + 1h).status == feature_status::not_found);
  CHECK(x.read("like_count_day", end_of_time).status == feature_status::present);
}

TEST_CASE(
    "decayed_counters lifetime: the watermark removes the group, and the last one the state") {
  key x{make(living_an_hour())};
  x.fold({{start, "like"}, {start + 1min, "view"}});
  CHECK(x.wake_at == start + 1h);
  x.advance(start + 1h - 1us);
  CHECK(x.counts.expired == 0);
  x.advance(start + 1h);
  CHECK(x.counts.expired == 1);
  CHECK(x.number("view_count_day", start + 1h) == Approx(aged(59min)).epsilon(1e-12));
  CHECK(x.number("like_count_day", start + 1h) == 0.0);
  x.advance(start + 1h + 1min);
  CHECK(x.empty());
  CHECK(x.wake_at == end_of_time);
  CHECK(x.read("view_count_day", start).status == feature_status::not_found);
}

TEST_CASE("decayed_counters lifetime: an ended group reads zero while another of the key lives") {
  key x{make(living_an_hour())};
  x.fold({{start, "like"}, {start + 30min, "view"}});
  CHECK(x.number("like_count_day", start + 1h) == 0.0);
  x.advance(start + 1h);
  CHECK(x.number("like_count_day", start + 1h) == 0.0);
}

TEST_CASE(
    "decayed_counters lifetime: an open group that has ended is read as ended until removed") {
  key x{make(living_an_hour({}))};
  x.fold({{start, "like"}, {start + 30min, "view"}});
  auto all = x.read_all(start + 1h).all;
  CHECK(all.at("like_count_day").status == feature_status::outside_max_age);
  CHECK(all.at("view_count_day").status == feature_status::present);
  x.advance(start + 1h);
  CHECK(x.read_all(start + 1h).all.size() == 1);
}

TEST_CASE("decayed_counters lifetime: every event prolongs it") {
  key x{make(living_an_hour())};
  x.fold({{start}, {start + 59min}, {start + 118min}});
  x.advance(start + 118min);
  CHECK(x.counts.expired == 0);
  CHECK(x.number("like_count_day", start) == Approx(1 + aged(59min) + aged(118min)).epsilon(1e-12));
}

TEST_CASE("decayed_counters lifetime: a silence ends the group whether or not the watermark came "
          "between") {
  for (auto watermark : {beginning_of_time, start + 30min, start + 1h, start + 90min}) {
    key x{make(living_an_hour())};
    x.fold({{start}});
    x.advance(watermark);
    x.fold({{start + 2h}});
    CHECK(x.number("like_count_day", start) == 1.0);
    x.advance(start + 2h);
    CHECK(x.counts.expired == 1);
    CHECK(x.number("like_count_day", start) == 1.0);
  }
}

TEST_CASE("decayed_counters lifetime: rows in any order end groups at the same silences") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto from = living_an_hour();
  add_measure(from, "people", function::distinct, "who");
  for (auto window : {0s, 600s}) {
    if (window > 0s)
      from.pre_aggregate = window;
    auto machine = make(from);
    for (int round = 0; round < 200; ++round) {
      std::vector<event> events;
      for (int i = 0; i < 12; ++i)
        events.push_back({start + std::chrono::minutes{random() % 400}, "like", 1.0,
                          std::to_string(random() % 5)});
      key in_order{machine};
      std::sort(events.begin(), events.end(), [](auto& a, auto& b) { return a.at < b.at; });
      for (const auto& x : events) {
        in_order.fold({x});
        in_order.advance(x.at - 1us);
      }
      auto last = events.back().at;
      std::shuffle(events.begin(), events.end(), random);
      key shuffled{machine};
      shuffled.fold(events);
      for (auto as_of : {last, last + 59min, last + 1h}) {
        CHECK(shuffled.read("like_count_day", as_of).status
              == in_order.read("like_count_day", as_of).status);
        if (as_of == last + 1h)
          continue;
        // The published value of a window is as of its newest event: compare once all have fired.
        shuffled.advance(last + 20min);
        in_order.advance(last + 20min);
        CHECK(shuffled.number("like_count_day", as_of)
              == Approx(in_order.number("like_count_day", as_of)).epsilon(1e-12));
        CHECK(shuffled.number("like_people", as_of) == in_order.number("like_people", as_of));
      }
      shuffled.advance(last + 2h);
      in_order.advance(last + 2h);
      CHECK(shuffled.empty());
      CHECK(in_order.empty());
      CHECK(shuffled.counts.expired == in_order.counts.expired);
    }
  }
}

TEST_CASE("decayed_counters lifetime: a row that bridges a silence joins what it lies between") {
  key x{make(living_an_hour())};
  x.fold({{start}, {start + 80min}});
  CHECK(x.number("like_count_day", start) == 1.0);
  x.fold({{start + 40min}});
  CHECK(x.number("like_count_day", start) == Approx(1 + aged(40min) + aged(80min)).epsilon(1e-12));
}

TEST_CASE(
    "decayed_counters lifetime: rows later than the time to live are dropped under any policy") {
  key x{make(living_an_hour())};
  x.advance(start + 1h);
  x.fold({{start, "like"}, {start + 1us, "view"}});
  CHECK(x.counts.late == 2);
  CHECK(x.counts.late_dropped == 1);
  CHECK(x.counts.rows == 1);
  CHECK(x.number("view_count_day", start) == 1.0);
}

TEST_CASE(
    "decayed_counters lifetime: silences not yet certain are bounded, the oldest goes first") {
  auto from = living_an_hour({"like"});
  from.max_groups_per_key = 3;
  key x{make(from)};
  for (int i = 0; i < 10; ++i)
    x.fold({{start + i * 2h}});
  x.fold({{start - 100h}});
  CHECK(x.counts.bound_reached == 8);
  CHECK(x.counts.rows == 10);
  CHECK(x.number("like_count_day", start) == 1.0);
  CHECK(x.read("like_count_day", start).at == start + 18h);
}

TEST_CASE("decayed_counters lifetime: the end of the events fires windows and ends no group") {
  auto from = living_an_hour();
  from.pre_aggregate = 5s;
  recorder published;
  key x{make(from)};
  x.changes = &published;
  x.fold({{start}});
  x.advance(end_of_time);
  CHECK(published.table.count("like") == 1);
  CHECK(x.counts.expired == 0);
  CHECK(x.wake_at == end_of_time);
  CHECK(x.number("like_count_day", end_of_time) == 1.0);
}

TEST_CASE(
    "decayed_counters lifetime: a window fired after the time to live is published, then erased") {
  auto from = living_an_hour();
  from.pre_aggregate = 5s;
  recorder published;
  key x{make(from)};
  x.changes = &published;
  x.fold({{start}});
  x.advance(start + 10h);
  CHECK(published.upserts.size() == 1);
  CHECK(published.erased.size() == 1);
  CHECK(x.empty());
}
