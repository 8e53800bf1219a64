#include "decayed_counters_support.hpp"

#include <cmath>
#include <limits>

using namespace keyfold;
using namespace keyfold::counters_test;

TEST_CASE("decayed_counters: two counts five seconds apart give the document's values") {
  key x{make(counts_by_name())};
  x.fold({{start}, {start + 5s}});
  CHECK(x.number("like_count_5s", start + 5s) == Approx(1.3678794411714423).epsilon(1e-12));
  CHECK(x.number("like_count_10s", start + 5s) == Approx(1.6065306597126334).epsilon(1e-12));
  CHECK(x.number("like_count_15s", start + 5s) == Approx(1.7165313105737892).epsilon(1e-12));
  CHECK(x.read("like_count_5s", start + 5s).at == start + 5s);
  CHECK(x.counts.rows == 2);
}

TEST_CASE("decayed_counters: the document's two events are counters of two keys") {
  auto machine = make(counts_by_name());
  key first{machine};
  key second{machine};
  first.fold({{event_time{1'707'605'599s}, "like"}});
  second.fold({{event_time{1'707'606'667s}, "view"}});
  CHECK(first.number("like_count_5s", event_time{1'707'605'599s}) == 1.0);
  CHECK(first.number("view_count_5s", event_time{1'707'605'599s}) == 0.0);
  CHECK(second.number("view_count_15s", event_time{1'707'606'667s}) == 1.0);
}

TEST_CASE("decayed_counters: values decay to the moment of the read, never to before the event") {
  key x{make(counts_by_name())};
  x.fold({{start}});
  CHECK(x.number("like_count_10s", start + 10s) == Approx(std::exp(-1.0)).epsilon(1e-15));
  CHECK(x.number("like_count_10s", start - 1h) == 1.0);
  CHECK(x.number("like_count_10s", beginning_of_time) == 1.0);
  CHECK(x.number("like_count_10s", start + 240h) == 0.0);
}

TEST_CASE("decayed_counters: the end of the events leaves the values of the newest one") {
  key x{make(counts_by_name())};
  x.fold({{start}});
  CHECK(x.number("like_count_10s", end_of_time) == 1.0);
}

TEST_CASE("decayed_counters: features are named by group, measure and decay") {
  auto from = counts_by_name();
  add_measure(from, "amount", function::sum, "amount");
  add_measure(from, "people", function::distinct, "who");
  from.ratios = {{"ctr", {"like", "count"}, {"view", "count"}}};
  auto made = make(from);
  std::vector<std::string> names;
  for (const auto& x : made->features())
    names.push_back(x.name);
  CHECK(names
        == std::vector<std::string>{
            "like_count_5s", "like_count_10s", "like_count_15s", "like_amount_5s",
            "like_amount_10s", "like_amount_15s", "like_people", "view_count_5s", "view_count_10s",
            "view_count_15s", "view_amount_5s", "view_amount_10s", "view_amount_15s", "view_people",
            "ctr_5s", "ctr_10s", "ctr_15s"});
  CHECK(made->features()[0].type.kind == type_kind::float64);
  CHECK(made->features()[6].type.kind == type_kind::int64);
  CHECK(made->kind() == "decayed_counters");
  CHECK(made->name() == "machine");
  CHECK(made->inputs()[0] == "events");
  CHECK_FALSE(made->open());
}

TEST_CASE("decayed_counters: without groups the names begin with the measure") {
  auto from = counts_by_name({});
  from.group.clear();
  from.inputs[0].group_columns.clear();
  from.ratios = {{"share", {"", "count"}, {"", "count"}}};
  key x{make(from)};
  x.fold({{start, "like"}, {start, "view"}, {start, std::nullopt}});
  CHECK(x.number("count_5s", start) == 3.0);
  CHECK(x.number("share_5s", start) == 1.0);
}

TEST_CASE(
    "decayed_counters: what has not happened to a known key is zero, an unknown key has nothing") {
  key x{make(counts_by_name())};
  CHECK(x.read("like_count_5s", start).status == feature_status::not_found);
  CHECK(x.read_all(start).all.empty());
  x.fold({{start, "like"}});
  auto view = x.read("view_count_5s", start);
  CHECK(view.status == feature_status::present);
  CHECK(view.value.as_real() == 0.0);
  CHECK(view.at == beginning_of_time);
  CHECK(x.read_all(start).all.size() == 6);
}

TEST_CASE("decayed_counters: rows of other groups than the named ones are left out silently") {
  key x{make(counts_by_name())};
  x.fold({{start, "share"}, {start, std::nullopt}});
  CHECK(x.empty());
  CHECK(x.counts.rows == 0);
  CHECK(x.counts.skipped == 0);
}

TEST_CASE("decayed_counters: an open set of groups is read by the names that came") {
  key x{make(counts_by_name({}))};
  std::string long_name(100, 'x');
  x.fold({{start, "like"}, {start, long_name}, {start + 5s, "like"}, {start, "a|b"}});
  auto all = x.read_all(start + 5s).all;
  CHECK(all.size() == 9);
  CHECK(all.at("like_count_5s").value.as_real() == Approx(1.3678794411714423).epsilon(1e-12));
  CHECK(all.at(long_name + "_count_5s").value.as_real() == Approx(std::exp(-1.0)).epsilon(1e-12));
  CHECK(all.at("a\\|b_count_5s").status == feature_status::present);
}

TEST_CASE("decayed_counters: an open group needs a name, and a bounded one") {
  auto from = counts_by_name({});
  from.max_group_bytes = 10;
  key x{make(from)};
  x.fold({{start, std::nullopt}, {start, std::string(11, 'x')}});
  CHECK(x.empty());
  CHECK(x.counts.skipped == 1);
  CHECK(x.counts.bound_reached == 1);
  CHECK(x.counts.rows == 0);
}

TEST_CASE("decayed_counters: groups of several columns are told apart") {
  auto from = counts_by_name({"like|ann", "like|bob", "a\\|b|c"});
  from.group.push_back({"who", type(type_kind::string)});
  from.inputs[0].group_columns = {0, 2};
  key x{make(from)};
  x.fold({{start, "like", 1.0, "ann"},
          {start, "like", 1.0, "bob"},
          {start, "like", 1.0, "bob"},
          {start, "a|b", 1.0, "c"},
          {start, "a", 1.0, "b|c"}});
  CHECK(x.number("like|ann_count_5s", start) == 1.0);
  CHECK(x.number("like|bob_count_5s", start) == 2.0);
  CHECK(x.number("a\\|b|c_count_5s", start) == 1.0);
}

TEST_CASE("decayed_counters: sums leave out what is no number, and count it") {
  auto from = counts_by_name();
  add_measure(from, "amount", function::sum, "amount");
  key x{make(from)};
  x.fold({{start, "like", 2.5},
          {start, "like", std::nullopt},
          {start, "like", std::numeric_limits<double>::infinity()},
          {start, "like", std::nan("")},
          {start, "like", -1.0}});
  CHECK(x.number("like_count_5s", start) == 5.0);
  CHECK(x.number("like_amount_5s", start) == 1.5);
  CHECK(x.counts.skipped == 3);
  CHECK(x.counts.rows == 5);
}

TEST_CASE("decayed_counters: a row that gives no measure anything leaves the group alone") {
  auto from = counts_by_name();
  from.measures.clear();
  from.inputs[0].measures.clear();
  add_measure(from, "amount", function::sum, "amount");
  key x{make(from)};
  x.fold({{start, "like", std::nullopt}});
  CHECK(x.empty());
  CHECK(x.counts.rows == 0);
}

TEST_CASE("decayed_counters: sums take integers and decimals") {
  auto from = counts_by_name();
  add_measure(from, "tens", function::sum, "CAST(amount AS int64) * 10");
  add_measure(from, "cents", function::sum, "CAST(amount AS decimal(9,2))");
  key x{make(from)};
  x.fold({{start, "like", 3.25}});
  CHECK(x.number("like_tens_5s", start) == 30.0);
  CHECK(x.number("like_cents_5s", start) == 3.25);
}

TEST_CASE("decayed_counters: distinct values are counted without decay, nulls left out") {
  auto from = counts_by_name();
  add_measure(from, "people", function::distinct, "who");
  from.measures.back().exact_bound = 10;
  key x{make(from)};
  x.fold({{start, "like", 1.0, "ann"},
          {start + 1h, "like", 1.0, "bob"},
          {start + 2h, "like", 1.0, "ann"},
          {start + 2h, "like", 1.0, std::nullopt}});
  CHECK(x.number("like_people", start + 24h) == 2.0);
  CHECK(x.number("view_people", start + 24h) == 0.0);
  CHECK(x.counts.skipped == 1);
  std::vector<event> many;
  for (int i = 0; i < 2000; ++i)
    many.push_back({start, "like", 1.0, std::to_string(i)});
  x.fold(many);
  CHECK(x.number("like_people", start + 24h) == Approx(2002).epsilon(0.05));
}

TEST_CASE("decayed_counters: a condition chooses the rows") {
  auto from = counts_by_name();
  from.inputs[0].where = expression_of("amount > 1");
  key x{make(from)};
  x.fold({{start, "like", 2.0}, {start, "like", 1.0}, {start, "like", std::nullopt}});
  CHECK(x.number("like_count_5s", start) == 1.0);
  CHECK(x.counts.rows == 1);
  CHECK(x.counts.skipped == 0);
}

TEST_CASE("decayed_counters: a ratio is taken on reading, null when nothing is below the line") {
  auto from = counts_by_name();
  from.ratios = {{"ctr", {"like", "count"}, {"view", "count"}}};
  key x{make(from)};
  CHECK(x.read("ctr_5s", start).status == feature_status::not_found);
  x.fold({{start, "like"}});
  CHECK(x.read("ctr_5s", start).status == feature_status::null_value);
  CHECK(x.read("ctr_5s", start).value.is_null());
  x.fold({{start + 5s, "view"}, {start + 5s, "view"}});
  auto ctr = x.read("ctr_5s", start + 5s);
  CHECK(ctr.value.as_real() == Approx(std::exp(-1.0) / 2).epsilon(1e-12));
  CHECK(ctr.at == start + 5s);
  // Both decay alike: long after both have become zero, their ratio is what it was.
  CHECK(x.number("ctr_5s", start + 24h) == ctr.value.as_real());
}

TEST_CASE("decayed_counters: ratios go to zero, and work in open sets and with distinct values") {
  auto from = counts_by_name({});
  add_measure(from, "people", function::distinct, "who");
  from.ratios = {{"ctr", {"like", "count"}, {"view", "count"}},
                 {"fans", {"like", "people"}, {"view", "people"}},
                 {"each", {"view", "count"}, {"view", "people"}}};
  key x{make(from)};
  x.fold({{start, "view"}, {start, "view"}});
  CHECK(x.number("ctr_10s", start) == 0.0);
  CHECK(x.number("fans", start) == 0.0);
  CHECK(x.number("each_10s", start) == 2.0);
  CHECK(x.number("each_10s", start + 10s) == Approx(2 * std::exp(-1.0)).epsilon(1e-12));
  CHECK(x.read_all(start).all.size() == 4 + 3 + 1 + 3);
}

TEST_CASE("decayed_counters: late rows are counted, and folded or dropped as the definition says") {
  auto from = counts_by_name();
  for (auto policy : {settings::late_rows::fold, settings::late_rows::drop}) {
    from.late = policy;
    key x{make(from)};
    x.fold({{start + 5s}});
    x.advance(start + 1s);
    x.fold({{start}, {start + 1s}, {start + 2s}});
    auto dropped = policy == settings::late_rows::drop;
    CHECK(x.counts.late == 2);
    CHECK(x.counts.late_dropped == (dropped ? 2 : 0));
    auto late = std::exp(-1.0) + std::exp(-0.8);
    CHECK(x.number("like_count_5s", start)
          == Approx(1 + std::exp(-0.6) + (dropped ? 0 : late)).epsilon(1e-12));
  }
}

TEST_CASE("decayed_counters: more groups than the bound are refused and counted") {
  auto from = counts_by_name({});
  from.max_groups_per_key = 3;
  key x{make(from)};
  x.fold({{start, "a"}, {start, "b"}, {start, "c"}, {start, "d"}, {start, "a"}, {start, "e"}});
  CHECK(x.counts.bound_reached == 2);
  CHECK(x.counts.rows == 4);
  CHECK(x.read_all(start).all.size() == 9);
  CHECK(x.read_all(start).all.at("a_count_5s").value.as_real() == 2.0);
}

TEST_CASE("decayed_counters: many groups are found again") {
  key x{make(counts_by_name({}))};
  std::vector<event> events;
  for (int i = 0; i < 3000; ++i)
    events.push_back({start, "group" + std::to_string(i * 7919 % 1000)});
  x.fold(events);
  auto all = x.read_all(start).all;
  CHECK(all.size() == 3000);
  for (int i = 0; i < 1000; ++i)
    CHECK(all.at("group" + std::to_string(i) + "_count_5s").value.as_real() == 3.0);
}

TEST_CASE("decayed_counters: one group with three decays takes at most 96 bytes") {
  auto from = counts_by_name({"like"});
  key x{make(from)};
  x.fold({{start}});
  CHECK(x.memory() <= 96);
  from.time_to_live = 7 * 24h;
  key y{make(from)};
  y.fold({{start}});
  CHECK(y.memory() <= 96);
}

TEST_CASE("decayed_counters: a group of one column is found whatever its text") {
  key x{make(counts_by_name({"a\\|b", "\\\\", "", "like"}))};
  x.fold({{start, "a|b"}, {start, "\\"}, {start, ""}, {start, "a\\|b"}, {start, "like"}});
  CHECK(x.number("a\\|b_count_5s", start) == 1.0);
  CHECK(x.number("\\\\_count_5s", start) == 1.0);
  CHECK(x.number("_count_5s", start) == 1.0);
  CHECK(x.number("like_count_5s", start) == 1.0);
}

TEST_CASE("decayed_counters: a large closed set is looked up as a small one is") {
  std::vector<std::string> groups;
  for (int i = 0; i < 100; ++i)
    groups.push_back("g" + std::to_string(i));
  key x{make(counts_by_name(groups))};
  x.fold({{start, "g99"}, {start, "g100"}, {start, "g0"}, {start, "g99"}, {start, ""}});
  CHECK(x.number("g99_count_5s", start) == 2.0);
  CHECK(x.number("g0_count_5s", start) == 1.0);
  CHECK(x.counts.rows == 3);
}

TEST_CASE("decayed_counters: a state grows beyond the groups beside it and shrinks to nothing") {
  auto from = counts_by_name({"a", "b", "c", "d", "e"});
  from.time_to_live = 1h;
  key x{make(from)};
  auto before = x.memory();
  for (int round = 0; round < 3; ++round) {
    auto at = start + round * 10h;
    x.fold({{at, "e"}, {at, "a"}, {at, "c"}, {at, "b"}, {at, "d"}, {at, "a"}});
    CHECK(x.number("a_count_5s", at) == 2.0);
    CHECK(x.number("e_count_5s", at) == 1.0);
    x.advance(at + 1h);
    CHECK(x.empty());
    CHECK(x.memory() <= before);
  }
}
