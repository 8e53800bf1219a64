#include "decayed_counters_support.hpp"

#include <cmath>

using namespace keyfold;
using namespace keyfold::counters_test;

TEST_CASE("decayed_counters changes: rows have the group, the time, and a column per value") {
  auto from = counts_by_name();
  add_measure(from, "people", function::distinct, "who");
  add_measure(from, "amount", function::sum, "amount");
  auto made = make(from);
  const auto& schema = made->changes();
  REQUIRE(schema.group.size() == 1);
  CHECK(schema.group[0].name == "name");
  std::vector<std::string> names;
  for (const auto& x : schema.values)
    names.push_back(x.name);
  CHECK(names
        == std::vector<std::string>{"last_update", "count_5s", "count_10s", "count_15s",
                                    "amount_5s", "amount_10s", "amount_15s", "people"});
  CHECK(schema.values[0].type.kind == type_kind::timestamp);
  CHECK(schema.values[7].type.kind == type_kind::int64);
  recorder published;
  key x{made};
  x.fold({{start, "like", 2.5, "ann"}, {start, "like", 0.5, "bob"}});
  x.collect(published);
  CHECK(published.table["like"].numbers == std::vector<double>{2, 2, 2, 3, 3, 3, 2});
}

TEST_CASE(
    "decayed_counters changes: each changed group is collected once, with its present values") {
  recorder published;
  key x{make(counts_by_name())};
  x.fold({{start, "like"}, {start, "view"}, {start + 5s, "like"}});
  x.collect(published);
  CHECK(published.upserts.size() == 2);
  CHECK(published.table["like"].at == start + 5s);
  CHECK(published.table["like"].numbers[0] == Approx(1.3678794411714423).epsilon(1e-12));
  x.collect(published);
  CHECK(published.upserts.size() == 2);
  x.fold({{start + 5s, "view"}});
  x.collect(published);
  CHECK(published.upserts.size() == 3);
  CHECK(published.upserts[2].first == "view");
}

TEST_CASE("decayed_counters changes: with every change wanted, each row is published at once") {
  recorder published;
  key x{make(counts_by_name())};
  x.changes = &published;
  x.fold({{start, "like"}, {start, "view"}, {start, "like"}});
  REQUIRE(published.upserts.size() == 3);
  CHECK(published.upserts[0].second.numbers[0] == 1.0);
  CHECK(published.upserts[2].second.numbers[0] == 2.0);
}

TEST_CASE("decayed_counters changes: groups of several columns are published as their columns") {
  auto from = counts_by_name({});
  from.group.push_back({"who", type(type_kind::string)});
  from.inputs[0].group_columns = {0, 2};
  for (auto groups : {std::vector<std::string>{}, {"a\\|b|c"}}) {
    from.groups = groups;
    recorder published;
    key x{make(from)};
    x.fold({{start, "a|b", 1.0, "c"}});
    x.collect(published);
    CHECK(published.table.count("a|b,c") == 1);
  }
}

TEST_CASE("decayed_counters changes: the end of a published group is published, of others not") {
  auto from = counts_by_name();
  from.time_to_live = 1h;
  recorder published;
  key x{make(from)};
  x.fold({{start, "like"}});
  x.collect(published);
  x.fold({{start + 1s, "view"}});
  x.advance(start + 1h + 1s);
  CHECK(x.counts.expired == 2);
  CHECK_FALSE(x.empty());
  CHECK(x.read("like_count_5s", start).status == feature_status::not_found);
  CHECK(x.read_all(start).all.empty());
  x.collect(published);
  REQUIRE(published.erased.size() == 1);
  CHECK(published.erased[0] == std::pair{std::string{"like"}, start + 1h});
  CHECK(x.empty());
}

TEST_CASE("decayed_counters changes: a group that begins again is not erased") {
  for (auto advanced : {false, true}) {
    auto from = counts_by_name();
    from.time_to_live = 1h;
    recorder published;
    key x{make(from)};
    x.fold({{start}});
    x.collect(published);
    if (advanced)
      x.advance(start + 1h);
    x.fold({{start + 2h}});
    x.advance(start + 2h);
    x.collect(published);
    CHECK(published.erased.empty());
    CHECK(published.table["like"].numbers[0] == 1.0);
    x.advance(start + 3h);
    x.collect(published);
    CHECK(published.table.empty());
    CHECK(x.empty());
  }
}

TEST_CASE("decayed_counters changes: with every change wanted, the end is published at once") {
  auto from = counts_by_name();
  from.time_to_live = 1h;
  recorder published;
  key x{make(from)};
  x.changes = &published;
  x.fold({{start}});
  x.advance(start + 1h);
  CHECK(published.erased.size() == 1);
  CHECK(x.empty());
}

TEST_CASE("decayed_counters changes: both kinds of output are told of everything") {
  auto from = counts_by_name();
  from.time_to_live = 1h;
  recorder every;
  recorder last;
  key x{make(from)};
  x.changes = &every;
  x.fold({{start}, {start}});
  x.collect(last);
  CHECK(every.upserts.size() == 2);
  CHECK(last.upserts.size() == 1);
  x.advance(start + 1h);
  x.collect(last);
  CHECK(every.erased.size() == 1);
  CHECK(last.erased.size() == 1);
  CHECK(x.empty());
}

TEST_CASE("decayed_counters changes: a group published before a restart is erased after it") {
  auto from = counts_by_name();
  from.time_to_live = 1h;
  recorder published;
  auto made = make(from);
  key x{made};
  x.fold({{start}});
  x.collect(published);
  key y{made};
  REQUIRE(y.decode(x.encode()));
  y.collect(published);
  CHECK(published.upserts.size() == 1);
  y.advance(start + 1h);
  y.collect(published);
  CHECK(published.erased.size() == 1);
}

TEST_CASE(
    "decayed_counters changes: late rows for a stretch already followed change nothing outside") {
  auto from = counts_by_name();
  from.time_to_live = 1h;
  recorder published;
  key x{make(from)};
  x.fold({{start}, {start + 2h}});
  x.collect(published);
  CHECK(published.upserts.size() == 1);
  x.fold({{start + 1min}});
  x.collect(published);
  CHECK(published.upserts.size() == 1);
}
