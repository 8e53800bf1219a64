#include "reading.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <thread>

using namespace keyfold;
using namespace keyfold::s2;
using namespace keyfold::s2::test;

namespace {

std::vector<int64_t> numbers_from(int64_t from, int64_t count) {
  std::vector<int64_t> out(static_cast<size_t>(count));
  std::iota(out.begin(), out.end(), from);
  return out;
}

std::vector<int64_t> sorted(std::vector<int64_t> x) {
  std::sort(x.begin(), x.end());
  return x;
}

} // namespace

TEST_CASE("s2 source: all streams of a prefix, each in its order") {
  auto prefix = unique("host");
  for (int i = 0; i < 3; ++i) {
    create_stream(fmt::format("{}/{}", prefix, i));
    append(fmt::format("{}/{}", prefix, i), test_records(i * 1000, 1000));
  }
  create_stream(prefix + "-not");
  append(prefix + "-not", test_records(90'000, 10));
  reading x{test_settings(prefix + "/")};
  REQUIRE(x.rows(3000));
  CHECK(sorted(x.numbers) == numbers_from(0, 3000));
  for (int i = 0; i < 3; ++i) {
    CHECK(x.positions[fmt::format("{}/{}", prefix, i)].next == 1000);
    std::vector<int64_t> own;
    for (auto n : x.numbers)
      if (n / 1000 == i)
        own.push_back(n);
    CHECK(own == numbers_from(i * 1000, 1000));
  }
  CHECK(x.source().status().ready);
  CHECK(x.unread.empty());
  CHECK(x.times.front() >= event_time{std::chrono::seconds{1'700'000'000}});
}

TEST_CASE("s2 source: records that come while it reads, at once") {
  auto name = unique("live");
  create_stream(name);
  reading x{test_settings(name)};
  REQUIRE(x.until([&] { return x.source().status().ready; }));
  CHECK(x.unread.empty());
  for (int64_t n = 0; n < 5; ++n) {
    append(name, {test_record(n)});
    auto begun = std::chrono::steady_clock::now();
    REQUIRE(x.until([&] { return x.numbers.size() == static_cast<size_t>(n + 1); }));
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{3}); // no ping's doing
  }
}

TEST_CASE("s2 source: goes on at the ledger's position") {
  auto name = unique("resumed");
  create_stream(name);
  append(name, test_records(0, 500));
  source_positions kept;
  {
    reading x{test_settings(name)};
    x.max_rows = 100;
    REQUIRE(x.until([&] { return x.numbers.size() >= 100; }));
    kept = x.positions;
    CHECK(kept[name].next == static_cast<int64_t>(x.numbers.size()));
  }
  auto done = kept[name].next;
  reading x{test_settings(name), kept};
  REQUIRE(x.rows(static_cast<size_t>(500 - done)));
  CHECK(x.numbers == numbers_from(done, 500 - done));
}

TEST_CASE("s2 source: begins at the tail, or at a time, and later streams at their first record") {
  auto prefix = unique("start");
  create_stream(prefix + "/0");
  auto with_times = test_records(0, 10);
  for (size_t i = 0; i < with_times.size(); ++i)
    with_times[i].timestamp_ms = 1'700'000'000'000 + static_cast<int64_t>(i) * 1000;
  append(prefix + "/0", with_times);
  auto settings = test_settings(prefix);
  SECTION("tail") {
    settings.start_at = source_settings::start::tail;
    reading x{settings};
    REQUIRE(x.until([&] { return x.positions.contains(prefix + "/0"); }));
    CHECK(x.positions[prefix + "/0"].next == 10);
    append(prefix + "/0", test_records(10, 5));
    create_stream(prefix + "/1");
    append(prefix + "/1", test_records(100, 5));
    REQUIRE(x.rows(10));
    CHECK(sorted(x.numbers) == std::vector<int64_t>{10, 11, 12, 13, 14, 100, 101, 102, 103, 104});
  }
  SECTION("a time") {
    settings.start_at = source_settings::start::timestamp;
    settings.start_time = event_time{std::chrono::milliseconds{1'700'000'006'500}};
    reading x{settings};
    REQUIRE(x.rows(3));
    CHECK(x.numbers == numbers_from(7, 3));
  }
  SECTION("a time after all") {
    settings.start_at = source_settings::start::timestamp;
    settings.start_time = event_time{std::chrono::milliseconds{1'700'000'099'000}};
    reading x{settings};
    REQUIRE(x.until([&] { return x.positions.contains(prefix + "/0"); }));
    append(prefix + "/0", test_records(10, 1));
    REQUIRE(x.rows(1));
    CHECK(x.numbers == numbers_from(10, 1));
  }
}

TEST_CASE("s2 source: commands and empty bodies are passed over, bad records are dead letters") {
  auto name = unique("mixed");
  create_stream(name);
  plain_record fence;
  fence.headers = {{"", "fence"}};
  fence.body = "tok";
  plain_record erased;
  erased.headers = {{"@key", "1"}, {"@action", "d"}};
  plain_record bad;
  bad.body = "\xff no json";
  append(name, {test_record(0), fence, erased, bad, test_record(1)});
  reading x{test_settings(name)};
  REQUIRE(x.rows(2));
  CHECK(x.numbers == numbers_from(0, 2));
  CHECK(x.records == 5);
  CHECK(x.filtered == 2);
  CHECK(x.metric("keyfold_s2_source_command_records_total") == 1);
  CHECK(x.metric("keyfold_s2_source_empty_records_total") == 1);
  REQUIRE(x.dead_letters.size() == 1);
  CHECK(x.dead_letters[0].place == name + "@3");
  CHECK(x.dead_letters[0].payload == bad.body);
  CHECK(x.positions[name].next == 5);
}

TEST_CASE("s2 source: the record's timestamp is its event time where the schema names none") {
  auto name = unique("timed");
  create_stream(name);
  auto record = test_record(7);
  record.timestamp_ms = 1'600'000'000'123;
  append(name, {record});
  reading x{test_settings(name), {}, test_schema(false)};
  REQUIRE(x.rows(1));
  CHECK(x.times[0] == event_time{std::chrono::milliseconds{1'600'000'000'123}});
}

TEST_CASE("s2 source: a bounded one ends where its streams ended when they were found") {
  auto prefix = unique("bounded");
  create_stream(prefix + "/0");
  create_stream(prefix + "/1");
  append(prefix + "/0", test_records(0, 2500));
  auto settings = test_settings(prefix);
  settings.until_end = true;
  reading x{settings};
  auto ended = [&] {
    return x.positions.size() == 2
           && std::all_of(x.positions.begin(), x.positions.end(),
                          [](const auto& one) { return one.second.ended; });
  };
  REQUIRE(x.until(ended));
  append(prefix + "/0", test_records(2500, 10));
  x.during(std::chrono::milliseconds{200});
  CHECK(x.numbers == numbers_from(0, 2500));
  CHECK(x.source().status().ready);
}

TEST_CASE("s2 source: trimmed records are refused, or passed over if the definition says so") {
  auto name = unique("trimmed");
  create_stream(name);
  append(name, test_records(0, 100));
  source_positions kept{{name, {name, 10, beginning_of_time, false}}};
  trim(name, 50);
  auto first_there = [&] { return read_all(name).front().number; };
  for (int i = 0; i < 200 && first_there() < 50; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  REQUIRE(first_there() == 50);
  auto settings = test_settings(name);
  SECTION("refuse") {
    reading x{settings, kept};
    CHECK_FALSE(x.rows(50));
    CHECK(x.error.find("records were trimmed before they were read") != std::string::npos);
    CHECK(x.error.find("on_missing") != std::string::npos);
  }
  SECTION("first") {
    settings.on_missing = source_settings::missing::first;
    reading x{settings, kept};
    REQUIRE(x.rows(50));
    CHECK(x.numbers == numbers_from(50, 50));
    CHECK(x.metric("keyfold_s2_source_lost_positions_total") == 1);
  }
  SECTION("tail") {
    settings.on_missing = source_settings::missing::tail;
    reading x{settings, kept};
    REQUIRE(x.until([&] { return x.positions[name].next > 99; }));
    append(name, {test_record(200)});
    REQUIRE(x.rows(1));
    CHECK(x.numbers == numbers_from(200, 1));
  }
  SECTION("without a position there is nothing to miss") {
    reading x{settings};
    REQUIRE(x.rows(50));
    CHECK(x.metric("keyfold_s2_source_lost_positions_total") == 0);
  }
}

TEST_CASE("s2 source: a stream of which nothing is left is at its tail") {
  auto name = unique("empty");
  create_stream(name);
  append(name, test_records(0, 20));
  trim(name, 21); // the trim itself, too
  for (int i = 0; i < 200 && !read_all(name).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  auto settings = test_settings(name);
  settings.until_end = true;
  SECTION("a bounded source ends") {
    reading x{settings};
    CHECK(x.until([&] { return x.positions[name].ended; }, 5));
    CHECK(x.positions[name].next == 21);
  }
  SECTION("a position in it is gone") {
    reading x{settings, {{name, {name, 10, beginning_of_time, false}}}};
    CHECK_FALSE(x.until([&] { return x.positions[name].ended; }, 5));
    CHECK(x.error.find("begins at 21, and the ledger's position is 10") != std::string::npos);
  }
}

TEST_CASE("s2 source: a stream made anew is refused, or read from its first record") {
  auto name = unique("anew");
  create_stream(name);
  append(name, test_records(0, 5));
  source_positions kept{{name, {name, 10, beginning_of_time, false}}};
  auto settings = test_settings(name);
  {
    reading x{settings, kept};
    CHECK_FALSE(x.rows(1, 5));
    CHECK(x.error.find("beyond the tail") != std::string::npos);
  }
  settings.on_missing = source_settings::missing::first;
  reading x{settings, kept};
  REQUIRE(x.rows(5));
}

TEST_CASE("s2 source: a listed stream that is missing is waited for, and holds no other up") {
  auto name = unique("missing");
  create_stream(name + "/there");
  append(name + "/there", test_records(0, 5));
  auto settings = test_settings("");
  settings.prefix.reset();
  settings.streams = {name + "/there", name + "/not"};
  reading x{settings};
  REQUIRE(x.rows(5));
  CHECK(x.unread.contains(name + "/not"));
  CHECK_FALSE(x.source().status().ready);
  CHECK(x.reason().find("there is no such stream: create it") != std::string::npos);
  create_stream(name + "/not");
  append(name + "/not", test_records(5, 5));
  REQUIRE(x.rows(10));
  CHECK(x.source().status().ready);
}

TEST_CASE("s2 source: a stream that goes away holds the watermark back no more") {
  auto prefix = unique("gone");
  create_stream(prefix + "/0");
  create_stream(prefix + "/1");
  append(prefix + "/0", test_records(0, 5));
  reading x{test_settings(prefix)};
  REQUIRE(x.rows(5));
  delete_stream(prefix + "/1");
  REQUIRE(x.until([&] { return x.revoked.contains(prefix + "/1"); }));
  CHECK(x.source().partitions() == std::vector<std::string>{prefix + "/0"});
  append(prefix + "/0", test_records(5, 5));
  REQUIRE(x.rows(10));
}

TEST_CASE("s2 source: streams beyond max_streams are told, and not read") {
  auto prefix = unique("many");
  for (int i = 0; i < 4; ++i)
    create_stream(fmt::format("{}/{}", prefix, i));
  auto settings = test_settings(prefix);
  settings.max_streams = 3;
  reading x{settings};
  REQUIRE(x.until([&] { return x.source().partitions().size() == 3; }));
  x.during(std::chrono::milliseconds{100});
  CHECK(x.reason().find("more than max_streams") != std::string::npos);
  CHECK(x.metric("keyfold_s2_source_refused_streams") == 1);
}

TEST_CASE("s2 source: what waits to be taken is bounded") {
  auto name = unique("large");
  create_stream(name);
  const std::string filler(10'000, 'x');
  std::vector<plain_record> records;
  for (int64_t n = 0; n < 90; ++n) {
    plain_record record;
    record.body = fmt::format(R"({{"n":{},"at":{},"filler":"{}"}})", n, 1'700'000'000, filler);
    records.push_back(std::move(record));
  }
  for (int i = 0; i < 40; ++i)
    append(name, records);
  auto settings = test_settings(name);
  settings.prefetch_bytes = 1u << 20;
  reading x{settings};
  x.max_rows = 10;
  double most = 0;
  REQUIRE(x.until(
      [&] {
        most = std::max(most, x.metric("keyfold_s2_source_buffered_bytes"));
        return x.numbers.size() == 3600;
      },
      60));
  INFO("at most " << most << " bytes of 36 MB");
  // The prefetch, an event that has begun to come, and the batch that is taken.
  CHECK(most < 7e6);
}

TEST_CASE("s2 source: an order by event time, within max_lead") {
  auto prefix = unique("order");
  create_stream(prefix + "/old");
  create_stream(prefix + "/new");
  append(prefix + "/old", test_records(0, 20'000));
  append(prefix + "/new", test_records(100'000, 20'000));
  auto settings = test_settings(prefix);
  settings.max_lead = std::chrono::seconds{60};
  reading x{settings};
  REQUIRE(x.rows(40'000));
  auto last_old = std::find(x.numbers.begin(), x.numbers.end(), 19'999) - x.numbers.begin();
  CHECK(last_old < 21'500); // all but what the first looks at both brought
  CHECK(x.metric("keyfold_s2_source_held_back_total") > 0);
}
