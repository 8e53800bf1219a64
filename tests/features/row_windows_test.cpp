#include "windows_support.hpp"

using namespace keyfold;
using namespace keyfold::windows_test;

namespace {

using lines = std::vector<std::string>;

row_windows_settings sums(std::optional<duration> size) {
  row_windows_settings out;
  out.outputs.push_back({aggregate("total", aggregate_kind::sum), size, std::nullopt});
  return out;
}

session_windows_settings sessions() {
  session_windows_settings out;
  out.gap = 30s;
  out.outputs.push_back(aggregate("total", aggregate_kind::sum));
  return out;
}

} // namespace

TEST_CASE("over_window: both ends are included, and rows of one time see one another") {
  auto from = sums(10s);
  from.outputs.push_back({aggregate("number", aggregate_kind::row_number, ""), 10s, std::nullopt});
  from.outputs.push_back({aggregate("two", aggregate_kind::sum), std::nullopt, 2u});
  key x{make(from)};
  x.fold({{start + 10s, 4}, {start, 1}, {start + 10s, 8}, {start + 11s, 16}});
  x.advance(start + 11s);
  CHECK(x.published.lines
        == lines{"+0 1 1 1", "+10000000 13 2 5", "+10000000 13 3 12", "+11000000 28 3 24"});
  CHECK(x.read("total") == "28");
}

TEST_CASE("over_window: a key whose rows have all left the frame leaves memory") {
  key x{make(sums(10s))};
  x.fold({{start, 1}});
  x.advance(start);
  CHECK_FALSE(x.empty());
  CHECK(x.wake_at == start + 10s + 1us);
  x.advance(start + 11s);
  CHECK(x.empty());
  CHECK(x.collect() == lines{"+0 1"}); // what was true then is still to be told
  CHECK(x.published.lines == lines{"+0 1"});
}

TEST_CASE("over_window: late rows are dropped and counted; waiting ones are in the running value") {
  key x{make(sums(1h))};
  x.fold({{start, 1}});
  x.advance(start);
  x.fold({{start, 5}, {start + 1s, 2}});
  CHECK(x.counts.late_dropped == 1);
  CHECK(x.read("total") == "1");
  CHECK(x.read("total.running") == "3");
}

TEST_CASE("over_window: a bound on rows is kept and counted") {
  auto from = sums(1h);
  from.max_rows_per_key = 3;
  key x{make(from)};
  for (int i = 0; i < 5; ++i)
    x.fold({{start + std::chrono::seconds{i}, 1}});
  CHECK(x.counts.bound_reached == 2);
}

TEST_CASE("over_window: columns of the row are kept with it") {
  row_windows_settings from;
  from.keep.push_back({1, {"name", type(type_kind::string)}});
  from.having = "name <> 'b'";
  key x{make(from)};
  x.fold({{start, 1, "a"}, {start + 1s, 1, "b"}, {start + 2s, 1, "c"}});
  x.advance(end_of_time);
  CHECK(x.published.lines == lines{"+0 a", "+2000000 c"});
}

TEST_CASE("aggregate: runs over everything, and says only what is new") {
  auto from = sums(std::nullopt);
  from.kind = "aggregate";
  from.peers = false;
  from.skip_same = true;
  key x{make(from)};
  x.fold({{start, 1}, {start + 1s, 0}, {start + 2s, 2}});
  x.advance(start + 2s);
  CHECK(x.published.lines == lines{"+0 1", "+2000000 3"});
  REQUIRE(x.decode(x.encode()));
  CHECK(x.read("total") == "3");
  x.fold({{start + 3s, std::nullopt}, {start + 4s, 1}});
  CHECK(x.read("total.running") == "4");
  x.advance(start + 4s);
  CHECK(x.published.lines.back() == "+4000000 4");
  CHECK(x.wake_at == end_of_time);
}

TEST_CASE("aggregate: a time to live ends a key, with a delete") {
  auto from = sums(std::nullopt);
  from.time_to_live = 1min;
  key x{make(from)};
  x.fold({{start, 1}});
  x.advance(start);
  CHECK(x.collect() == lines{"+0 1"});
  CHECK(x.read("total", start + 59s) == "1");
  CHECK(x.read("total", start + 60s) == "outside");
  x.advance(start + 60s);
  CHECK(x.published.lines.back() == "erased");
  CHECK(x.collect() == lines{"erased"});
  CHECK(x.counts.expired == 1);
  CHECK(x.empty());
}

TEST_CASE("aggregate: late rows can be folded into what runs") {
  auto from = sums(std::nullopt);
  from.fold_late = true;
  key x{make(from)};
  x.fold({{start + 10s, 1}});
  x.advance(start + 20s);
  x.fold({{start + 5s, 2}});
  CHECK(x.counts.late == 1);
  CHECK(x.counts.late_dropped == 0);
  CHECK(x.published.lines.back() == "+10000000 3");
  CHECK(x.emitted.times.back() > start + 20s); // the time of the decision
  auto bounded = sums(1s);
  bounded.fold_late = true;
  CHECK_FALSE(make_row_windows(bounded));
}

TEST_CASE("session_window: rows up to the gap apart are one session, whatever their order") {
  key x{make(sessions())};
  x.fold({{start + 60s, 4}, {start, 1}, {start + 90s + 1us, 8}});
  CHECK(x.read("total.running") == "8");
  x.fold({{start + 30s, 2}}); // joins the first two
  CHECK(x.read("session_start.running") == "+90000001");
  x.advance(start + 90s - 1us);
  CHECK(x.published.lines.empty());
  x.advance(start + 90s);
  CHECK(x.published.lines == lines{"+0 +60000000 7"});
  CHECK(x.published.times.back() == start + 90s);
  x.advance(end_of_time);
  CHECK(x.published.lines.back() == "+90000001 +90000001 8");
  CHECK(x.collect() == lines{"+90000001 +90000001 8"});
  CHECK(x.empty());
}

TEST_CASE("session_window: a late row counts while its session is open") {
  key x{make(sessions())};
  x.fold({{start + 40s, 1}});
  x.advance(start + 50s);
  x.fold({{start + 15s, 2}}); // joins what is open
  CHECK(x.counts.late == 1);
  x.fold({{start - 20s, 4}});
  CHECK(x.counts.late_dropped == 1);
  x.advance(end_of_time);
  CHECK(x.published.lines == lines{"+15000000 +40000000 3"});
}

TEST_CASE("session_window: the last session can be read for a while; bounds are counted") {
  auto from = sessions();
  from.readable_for = 1h;
  from.max_sessions_per_key = 2;
  key x{make(from)};
  x.fold({{start, 1}, {start + 2min, 2}, {start + 4min, 3}});
  CHECK(x.counts.bound_reached == 1);
  x.advance(start + 5min);
  CHECK(x.read("total") == "2");
  CHECK_FALSE(x.empty());
  REQUIRE(x.decode(x.encode()));
  CHECK(x.read("session_end") == "+120000000");
  CHECK(x.collect().empty()); // a decoded state counts as told
  x.advance(start + 2h);
  CHECK(x.empty());
}

TEST_CASE("windows over rows: garbled and cut states are refused or harmless") {
  auto rows = sums(10min);
  rows.outputs.push_back(
      {aggregate("all", aggregate_kind::last_k, "name"), std::nullopt, std::nullopt});
  rows.keep.push_back({1, {"name", type(type_kind::string)}});
  auto open = sessions();
  open.readable_for = 1h;
  open.carry.push_back({1, {"name", type(type_kind::string)}});
  std::mt19937 random{1};
  for (const auto& made : {make(rows), make(open)}) {
    key x{made};
    x.fold({{start, 1, "somebody's long name"}});
    x.advance(start + 40s);
    x.fold({{start + 1min, 2, "b"}, {start + 2min, 3, "c"}});
    x.advance(start + 1min);
    auto bytes = x.encode();
    for (size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(key{made}.decode(bytes.substr(0, size)));
    for (int i = 0; i < 5000; ++i) {
      auto garbled = bytes;
      garbled[random() % garbled.size()] = static_cast<char>(random());
      key y{made};
      if (y.decode(garbled)) {
        y.read("total");
        y.read("total.running");
        y.advance(start + 3min);
        y.collect();
      }
    }
  }
}
