#include "windows_support.hpp"

using namespace keyfold;
using namespace keyfold::windows_test;

namespace {

using lines = std::vector<std::string>;

/// The sum of the last two minutes, every minute.
bucket_windows_settings sums() {
  bucket_windows_settings out;
  out.step = 1min;
  out.outputs.push_back({aggregate("total", aggregate_kind::sum), 2min});
  out.outputs[0].aggregate.spec.zero_when_empty = true;
  return out;
}

} // namespace

TEST_CASE("sliding_window: the purchases of the seed system give its three rows") {
  key x{make(sums())};
  x.fold({{start, 100}, {start + 1min, 400}, {start + 2min, 600}, {start + 4min, 600}});
  // The other input, prices, has come to 00:03:30.
  x.advance(start + 3min + 30s - 1us);
  CHECK(x.published.lines == lines{"+59999000 100", "+119999000 500", "+179999000 1000"});
  CHECK(x.read("total") == "1000");
  CHECK(x.read("total.running") == "600");
  x.advance(end_of_time);
  REQUIRE(x.published.lines.size() == 5);
  CHECK(x.published.lines[3] == "+239999000 600");
  CHECK(x.published.lines[4] == "+419999000 0"); // between them nothing new
  CHECK(x.empty());
}

TEST_CASE("sliding_window: late rows are missing from windows fired, and in those to come") {
  key x{make(sums())};
  x.fold({{start + 10s, 1}, {start + 70s, 2}});
  x.advance(start + 70s);
  REQUIRE(x.published.lines == lines{"+59999000 1"});
  x.fold({{start + 20s, 10}});
  CHECK(x.counts.late == 1);
  CHECK(x.counts.late_dropped == 0);
  x.advance(start + 2min);
  CHECK(x.published.lines.back() == "+119999000 13");
  x.fold({{start + 30s, 100}});
  CHECK(x.counts.late == 2);
  CHECK(x.counts.late_dropped == 1);
  x.advance(start + 3min);
  CHECK(x.published.lines.back() == "+179999000 2");
}

TEST_CASE("sliding_window: a late row alone opens the windows it still belongs to") {
  key x{make(sums())};
  x.watermark = start + 70s;
  x.fold({{start + 20s, 10}});
  CHECK(x.wake_at == start + 2min - 1us);
  x.advance(start + 2min);
  CHECK(x.published.lines == lines{"+119999000 10"});
}

TEST_CASE("sliding_window: what was published last is what outputs of the last change get") {
  key x{make(sums())};
  x.fold({{start + 10s, 1}, {start + 70s, 2}});
  CHECK(x.collect().empty());
  x.advance(start + 70s);
  x.fold({{start + 20s, 10}}); // late: not in the row to be collected
  CHECK(x.collect() == lines{"+59999000 1"});
  CHECK(x.collect().empty());
  x.advance(end_of_time);
  CHECK(x.collect() == lines{"+239999000 0"});
  CHECK(x.empty());
}

TEST_CASE("sliding_window: a long silence costs a firing for each change, not for each step") {
  auto from = sums();
  from.outputs[0].size = 10'000min;
  key x{make(from)};
  x.fold({{start, 1}});
  x.advance(start + 1min);
  CHECK(x.wake_at == start + 10'001min - 1us);
  x.advance(start + 10'001min);
  CHECK(x.published.lines == lines{"+59999000 1", "+600059999000 0"});
  CHECK(x.empty());
}

TEST_CASE("sliding_window: ten thousand buckets slide, by subtraction and by two stacks") {
  auto from = sums();
  from.step = 1s;
  from.outputs[0].size = 10'000s;
  from.outputs.push_back({aggregate("largest", aggregate_kind::max), 10'000s});
  key x{make(from)};
  std::vector<event> rows;
  for (int i = 0; i < 30'000; ++i)
    rows.push_back({start + std::chrono::seconds{i}, (i * 7919) % 30'000});
  for (const auto& row : rows) {
    x.fold({row});
    x.advance(row.at - 1us);
  }
  // Merging all buckets for each window would be 2 · 10^8 merges for each aggregate.
  for (int end : {15'000, 29'000}) {
    double total = 0;
    double largest = 0;
    for (int i = std::max(0, end - 10'000); i < end; ++i) {
      total += *rows[static_cast<size_t>(i)].amount;
      largest = std::max(largest, *rows[static_cast<size_t>(i)].amount);
    }
    std::array cells{cell::timestamp(start + std::chrono::seconds{end} - 1ms), cell::real(total),
                     cell::real(largest)};
    CHECK(std::count(x.published.lines.begin(), x.published.lines.end(), shown(cells)) == 1);
  }
}

TEST_CASE("sliding_window: a bound on the buckets of a key is kept and counted") {
  auto from = sums();
  from.max_buckets_per_key = 3;
  key x{make(from)};
  for (int i = 0; i < 5; ++i)
    x.fold({{start + std::chrono::minutes{i}, 1}});
  CHECK(x.counts.bound_reached == 2);
  CHECK(x.counts.rows == 3);
}

TEST_CASE("sliding_window: a key with a bucket or two is small") {
  key x{make(sums())};
  x.fold({{start, 1}});
  CHECK(x.memory() <= 240);
  x.fold({{start + 1min, 1}});
  CHECK(x.memory() <= 320);
}

TEST_CASE("sliding_window: emitted events have the columns carried, and the end of the window") {
  auto from = sums();
  from.carry.push_back({1, {"name", type(type_kind::string)}});
  key x{make(from)};
  x.fold({{start + 5s, 1, "zoe"}});
  REQUIRE(x.decode(x.encode()));
  x.advance(start + 1min);
  CHECK(x.emitted.lines == lines{"zoe +59999000 1"});
  CHECK(x.emitted.times.back() == start + 1min - 1us);
}

TEST_CASE("sliding_window: rows for which `having` fails are not published") {
  auto from = sums();
  from.having = "total > 1";
  key x{make(from)};
  x.fold({{start, 1}, {start + 1min, 1}, {start + 2min, 0}});
  x.advance(start + 2min);
  CHECK(x.published.lines == lines{"+119999000 2"});
  x.advance(end_of_time);
  CHECK(x.published.lines.size() == 1);
  CHECK(x.collect() == lines{"+119999000 2"});
}

TEST_CASE("sliding_window: settings that cannot be are refused with the reason") {
  auto refusal = [](bucket_windows_settings from) {
    from.name = "v";
    auto made = make_bucket_windows(std::move(from));
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  auto from = sums();
  from.empty_window_output = false;
  CHECK(refusal(from).find("`enable_empty_window_output`") != std::string::npos);
  from = sums();
  from.outputs[0].size = 90s;
  CHECK(refusal(from).find("multiple of the step") != std::string::npos);
  from = sums();
  from.having = "totl > 1";
  CHECK(refusal(from).find("totl") != std::string::npos);
  from = sums();
  from.outputs.clear();
  CHECK(refusal(from) == "view `v`: it has no aggregates");
}

TEST_CASE("sliding_window: garbled and cut states are refused or harmless") {
  auto from = sums();
  from.outputs.push_back({aggregate("list", aggregate_kind::collect_list, "name"), 2min});
  from.carry.push_back({1, {"name", type(type_kind::string)}});
  auto made = make(from);
  key x{made};
  for (int i = 0; i < 5; ++i)
    x.fold({{start + std::chrono::minutes{i}, i, "some name that is long"}});
  x.advance(start + 3min);
  auto bytes = x.encode();
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(key{made}.decode(bytes.substr(0, size)));
  std::mt19937 random{1};
  for (int i = 0; i < 5000; ++i) {
    auto garbled = bytes;
    garbled[random() % garbled.size()] = static_cast<char>(random());
    key y{made};
    y.watermark = start + 3min;
    if (y.decode(garbled)) {
      y.fold({{start + 4min, 1}});
      y.read("total");
      y.read("list.running");
      y.collect();
    }
  }
}
