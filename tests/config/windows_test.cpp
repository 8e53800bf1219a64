#include "config/zones.hpp"
#include "definitions.hpp"
#include "features/timestamp_format.hpp"
#include "features/windows/step_grid.hpp"
#include "window_runner.hpp"

#include <fstream>
#include <iterator>
#include <random>

namespace keyfold::config {

namespace {

using namespace std::chrono_literals;

/// A definition with one view, of the keys `view`.
std::string over(const std::string& view) {
  return R"({"application": "a", "streams": [{"name": "s", "source": {"type": "stdin"},
    "event_time": "t", "max_delay": "0s",
    "fields": {"t": {"type": "timestamp", "unit": "ms"}, "user": "string", "x": "double", "n": "int64"}}],
    "entities": [{"name": "user", "key": ["user"]}],
    "views": [{"name": "v", "entity": "user", "stream": "s", )"
         + view + "}]}";
}

std::string first_message(const std::string& view) {
  auto made = compile_text(over(view));
  REQUIRE_FALSE(made);
  return made.error().messages.at(0);
}

std::vector<std::string> features_of(const std::string& view) {
  auto made = compile_text(over(view));
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  std::vector<std::string> out;
  for (const auto& x : made->entities.at(0)->views.at(0)->features())
    out.push_back(x.name + " " + to_string(x.type));
  return out;
}

event_time at(const std::string& text) {
  auto time = read_timestamp(text, timestamp_unit::rfc3339);
  REQUIRE(time);
  return *time;
}

const std::string total =
    R"("aggregates": [{"name": "total", "function": "sum", "expression": "x"}])";

/// A file of the time zone database that lists these changes, each as (seconds since 1970, offset
/// in seconds), with a rule for the time after them.
std::string zone_file(const std::vector<std::pair<int64_t, int32_t>>& changes,
                      const std::string& rule) {
  auto number = [](int64_t x, int bytes) {
    std::string out;
    for (auto i = bytes; i-- > 0;)
      out += static_cast<char>(static_cast<uint64_t>(x) >> (8 * i));
    return out;
  };
  auto header = [&](size_t count) {
    auto size = static_cast<int64_t>(count);
    return "TZif2" + std::string(15, '\0') + number(0, 4) + number(0, 4) + number(0, 4)
           + number(size, 4) + number(size, 4) + number(0, 4);
  };
  auto out = header(0) + header(changes.size());
  for (const auto& [at, offset] : changes)
    out += number(at, 8);
  for (size_t i = 0; i < changes.size(); ++i)
    out += number(static_cast<int64_t>(i), 1);
  for (const auto& [at, offset] : changes)
    out += number(offset, 4) + number(0, 2);
  return out + "\n" + rule + "\n";
}

} // namespace

TEST_CASE("windows definition: every aggregate is made for every size, and read while it runs") {
  CHECK(features_of(R"("type": "sliding_window", "sizes": ["2m", "1h"], "step": "1m",
    "aggregates": [{"name": "total", "function": "sum", "expression": "x"},
                   {"name": "number", "function": "count", "size": "5m"}])")
        == std::vector<std::string>{"total_2m double", "total_1h double", "number int64",
                                    "total_2m.running double", "total_1h.running double",
                                    "number.running int64"});
  CHECK(features_of(R"("type": "session_window", "gap": "30m", )" + total)
        == std::vector<std::string>{"session_start timestamp", "session_end timestamp",
                                    "total double", "session_start.running timestamp",
                                    "session_end.running timestamp", "total.running double"});
}

TEST_CASE(
    "windows definition: size and step of 0 run over everything; one of them alone is refused") {
  auto made =
      compile_text(over(R"("type": "sliding_window", "size": "0s", "step": "0s", )" + total));
  REQUIRE(made);
  window_runner runner{*made};
  for (int i = 1; i <= 3; ++i)
    runner.put({{"t", i * 1000}, {"user", "ann"}, {"x", i == 2 ? 0.0 : 1.5}});
  runner.end();
  REQUIRE(runner.published.size() == 2);
  CHECK(runner.published[1]["total"] == 3.0);
  CHECK(runner.published[1]["row_time"] == 3000);
  CHECK(first_message(R"("type": "sliding_window", "size": "1m", "step": "0s", )" + total)
            .find("both 0")
        != std::string::npos);
  CHECK(first_message(R"("type": "sliding_window", "size": "0s", "step": "1m", )" + total)
            .find("both 0")
        != std::string::npos);
}

TEST_CASE("windows definition: mistakes are told with their places") {
  auto sliding = [](const std::string& rest) {
    return R"("type": "sliding_window", "size": "2m", "step": "1m", )" + rest;
  };
  auto says = [](const std::string& view, const std::string& part) {
    auto message = first_message(view);
    INFO(message);
    CHECK(message.rfind("d.json:", 0) == 0);
    CHECK(message.find(part) != std::string::npos);
  };
  says(sliding(R"("aggregates": [{"name": "a", "function": "sum", "expression": "user"}])"),
       "`sum` needs a number, and this is `string`");
  says(sliding(R"("aggregates": [{"name": "a", "function": "summ"}])"), "summ");
  says(sliding(R"("aggregates": [{"name": "a", "function": "count", "k": 3}])"),
       "`k` is not for the function `count`");
  says(sliding(R"("aggregates": [{"name": "a", "function": "avg"}])"), "needs an `expression`");
  says(
      sliding(
          R"("aggregates": [{"name": "a", "function": "count"}, {"name": "a", "function": "count"}])"),
      "two values of this view are called `a`");
  says(sliding(R"("aggregates": [{"name": "a", "function": "count", "size": "90s"}])"),
       "multiple of the step");
  says(sliding(R"("time_zone": "Europe/Berlinn", )" + total), "no time zone of that name");
  says(sliding(R"("time_zone": "../../../etc/passwd", )" + total), "a time zone has a name");
  says(sliding(R"("enable_empty_window_output": false, "skip_same_window_output": true, )" + total),
       "`skip_same_window_output` needs");
  says(sliding(R"("having": "totl > 1", )" + total), "totl");
  says(sliding(R"("carry": ["usr"], )" + total), "usr");
  says(R"("type": "sliding_window", "step": "1m", )" + total, "needs a `size`");
  says(R"("type": "session_window", "gap": "0s", )" + total, "longer than 0");
  says(R"("type": "aggregate", "ttl": "0s", )" + total, "longer than 0");
  says(R"("type": "over_window", "size": "1m")", "no aggregates");
}

TEST_CASE("windows definition: what a window emits is a stream with the columns carried") {
  auto text =
      over(R"("type": "tumbling_window", "size": "1m", "carry": ["user"], "emits": "minutes", )"
           + total);
  text.insert(text.rfind("]}"), R"(, {"name": "w", "type": "aggregate", "entity": "user",
    "stream": "minutes", "aggregates": [{"name": "best", "function": "max", "expression": "total"}]})");
  auto made = compile_text(text);
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  std::vector<std::string> columns;
  for (const auto& x : made->entities.at(0)->views.at(0)->emissions())
    columns.push_back(x.name);
  CHECK(columns == std::vector<std::string>{"user", "window_time", "total"});
}

TEST_CASE("windows: days are those of the time zone, of 23 and 25 hours as well") {
  auto zone = load_zone("Europe/Berlin");
  REQUIRE(zone);
  step_grid days{24h, *zone};
  auto spring = days.bucket(at("2024-03-31T12:00:00Z"));
  CHECK(days.start(spring) == at("2024-03-30T23:00:00Z"));
  CHECK(days.start(spring + 1) == at("2024-03-31T22:00:00Z"));
  auto autumn = days.bucket(at("2024-10-27T12:00:00Z"));
  CHECK(days.start(autumn) == at("2024-10-26T22:00:00Z"));
  CHECK(days.start(autumn + 1) == at("2024-10-27T23:00:00Z"));
  // Beyond the years that the file lists, its rule holds.
  auto far = days.bucket(at("2150-07-01T12:00:00Z"));
  CHECK(days.start(far) == at("2150-06-30T22:00:00Z"));
  CHECK(days.complete(at("2024-03-31T21:59:59.999999Z")) == spring);
  CHECK(days.complete(at("2024-03-31T21:59:59.999998Z")) == spring - 1);
  // Hours divide every offset of the zone: they are all equally long.
  step_grid hours{1h, *zone};
  CHECK(hours.bucket(at("2024-10-27T01:30:00Z")) == hours.bucket(at("2024-10-27T00:30:00Z")) + 1);
}

TEST_CASE("windows: buckets follow one another without gaps in any zone") {
  for (const auto* name :
       {"America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana",
        "Pacific/Apia", "America/St_Johns", "Africa/Casablanca"}) {
    INFO(name);
    auto zone = load_zone(name);
    REQUIRE(zone);
    for (auto step : {duration{20min}, duration{3h}, duration{24h}}) {
      step_grid grid{step, *zone};
      auto moment = at("2011-12-20T00:00:00Z");
      auto bucket = grid.bucket(moment);
      for (; moment < at("2012-12-31T00:00:00Z"); moment += 7min) {
        auto now = grid.bucket(moment);
        CHECK(now >= bucket);
        if (now == bucket)
          continue;
        REQUIRE(grid.start(now) <= moment);
        REQUIRE(grid.start(now) > moment - 7min);
        REQUIRE(grid.bucket(grid.start(now) - 1us) < now);
        REQUIRE(grid.bucket(grid.start(now)) == now);
        bucket = now;
      }
    }
  }
}

TEST_CASE("windows: a time zone's changes ascend, and those before all years are its beginning") {
  auto zone =
      parse_time_zone(zone_file({{INT64_MIN, 60}, {-4'000'000'000'000, 120}, {0, 180}}, ""));
  REQUIRE(zone);
  CHECK(zone->offset_before == 120s);
  REQUIRE(zone->transitions.size() == 1);
  CHECK(zone->transitions[0].offset == 180s);
  CHECK_FALSE(parse_time_zone(zone_file({{0, 60}, {0, 120}}, "")));
  CHECK_FALSE(parse_time_zone(zone_file({{0, 60}, {INT64_MIN, 120}}, "")));
  CHECK_FALSE(parse_time_zone(zone_file({{INT64_MAX, 60}}, "")));
}

TEST_CASE("windows: a rule by which summer begins when it ends changes clocks once a year") {
  auto zone = parse_time_zone(zone_file({{0, 60}}, "AAA0BBB,J60/2,J60/3"));
  REQUIRE(zone);
  auto& changes = zone->transitions;
  REQUIRE(changes.size() > 400);
  for (size_t i = 1; i < changes.size(); ++i)
    REQUIRE(changes[i - 1].at < changes[i].at);
}

TEST_CASE("windows: time zone files that are cut or garbled do no harm") {
  CHECK_FALSE(parse_time_zone(""));
  CHECK_FALSE(parse_time_zone("TZif2 and then nothing of the kind"));
  CHECK_FALSE(load_zone("tzdata.zi"));
  CHECK(load_zone("UTC")->transitions.empty());
  std::ifstream file{"/usr/share/zoneinfo/Europe/Berlin", std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  REQUIRE(parse_time_zone(bytes));
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(parse_time_zone(bytes.substr(0, size)));
  std::mt19937 random{1};
  for (int i = 0; i < 500; ++i) {
    auto garbled = bytes;
    garbled[random() % garbled.size()] = static_cast<char>(random());
    if (auto zone = parse_time_zone(garbled))
      step_grid{24h, *zone}.bucket(at("2024-01-01T00:00:00Z"));
  }
  auto india = load_zone("Asia/Kolkata");
  REQUIRE(india);
  CHECK(india->transitions.back().offset == 5h + 30min);
}

} // namespace keyfold::config
