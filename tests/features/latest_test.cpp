#include "features/latest.hpp"
#include "view_harness.hpp"

using namespace keyfold;
using namespace keyfold::view_test;

namespace {

const scope columns{{"city", type(type_kind::string)},
                    {"age", type(type_kind::int64)},
                    {"gone", type(type_kind::boolean)}};

latest_settings settings_of_profile() {
  latest_settings out;
  out.name = "profile";
  out.stream = "events";
  out.columns = {{"city", type(type_kind::string)}, {"age", type(type_kind::int64)}};
  out.column_places = {0, 1};
  out.delete_when = compiled("gone", columns);
  return out;
}

key key_of(const latest_settings& settings) {
  return {made(settings, make_latest), {columns}};
}

arrival row(duration after, std::string_view city, int64_t age = 30, bool gone = false) {
  return {0, start + after, {cell::string(city), cell::integer(age), cell::boolean(gone)}};
}

const std::vector<std::string_view> cities{"rome", "a city with a long name", "oslo", "bonn"};

std::vector<arrival> some_rows(std::mt19937& random, size_t count) {
  std::vector<arrival> out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(row(1s * static_cast<int64_t>(random() % 60), cities[random() % cities.size()],
                      static_cast<int64_t>(random() % 3), random() % 5 == 0));
  return out;
}

/// The row that wins, by looking at all: later time, then deletions, then the greater columns.
const arrival* newest_of(const std::vector<arrival>& rows) {
  const arrival* best = nullptr;
  auto packed = [](const arrival& x) {
    std::string out;
    byte_writer to{out};
    to.value(x.cells[0]);
    to.value(x.cells[1]);
    return out;
  };
  for (const auto& x : rows) {
    auto gone = x.cells[2].as_boolean();
    if (best == nullptr || x.at > best->at
        || (x.at == best->at
            && (gone > best->cells[2].as_boolean()
                || (gone == best->cells[2].as_boolean() && packed(x) > packed(*best)))))
      best = &x;
  }
  return best;
}

} // namespace

TEST_CASE("latest: the newest row by event time is what is read, whatever came last") {
  auto x = key_of(settings_of_profile());
  CHECK(x.status("city") == feature_status::not_found);
  x.fold({row(5s, "rome"), row(3s, "oslo")});
  x.fold({row(4s, "bonn")});
  CHECK(x.text("city") == "rome");
  CHECK(x.text("age") == "30");
  arena memory;
  CHECK(x.read("city", start, memory).at == start + 5s);
}

TEST_CASE("latest: of rows with the same time, one and the same wins in either order") {
  auto settings = settings_of_profile();
  auto x = key_of(settings);
  auto y = key_of(settings);
  x.fold({row(5s, "rome", 1), row(5s, "oslo", 2)});
  y.fold({row(5s, "oslo", 2), row(5s, "rome", 1)});
  CHECK(x.read_all(start) == y.read_all(start));
  x.fold({row(5s, "", 0, true), row(5s, "rome", 1)});
  CHECK(x.status("city") == feature_status::not_found);
}

TEST_CASE("latest: a deletion is not undone by older rows, and is forgotten after a time") {
  auto settings = settings_of_profile();
  settings.tombstones = 60s;
  auto x = key_of(settings);
  published every;
  published last;
  x.changes = &every;
  x.fold({row(5s, "rome")});
  x.collect(last);
  x.fold({row(9s, "", 0, true), row(8s, "oslo")});
  CHECK(x.status("city") == feature_status::not_found);
  CHECK(every.log == std::vector<std::string>{"+|rome,30@5000000", "-@9000000"});
  x.collect(last);
  CHECK(last.table.empty());
  CHECK(x.wake_at == start + 69s);
  CHECK_FALSE(x.empty());
  x.advance(start + 69s);
  CHECK(x.empty());
}

TEST_CASE("latest: only what alters the columns is published, or the time where that is one") {
  auto settings = settings_of_profile();
  for (std::string time : {"", "changed_at"}) {
    settings.time_feature = time;
    auto x = key_of(settings);
    published every;
    x.changes = &every;
    x.fold({row(5s, "rome"), row(6s, "rome"), row(7s, "rome", 31)});
    CHECK(every.log.size() == (time.empty() ? 2 : 3));
    arena memory;
    CHECK(x.read("age", start, memory).at == start + 7s);
    if (!time.empty())
      CHECK(x.read(time, start, memory).value.as_timestamp() == start + 7s);
  }
}

TEST_CASE("latest: nulls are values, and rows that are not for the view are left alone") {
  auto settings = settings_of_profile();
  settings.where = compiled("age IS NOT NULL", columns);
  auto x = key_of(settings);
  x.fold({{0, start + 9s, {cell::string("rome"), cell{}, cell::boolean(false)}}});
  CHECK(x.empty());
  x.fold({{0, start + 9s, {cell{}, cell::integer(3), cell{}}}});
  CHECK(x.status("city") == feature_status::null_value);
  CHECK(x.counts.rows == 1);
}

TEST_CASE("latest: a value ends when its time to live is over") {
  auto settings = settings_of_profile();
  settings.time_to_live = 10s;
  auto x = key_of(settings);
  published last;
  x.fold({row(5s, "rome")});
  x.collect(last);
  CHECK(x.status("city", start + 14s) == feature_status::present);
  CHECK(x.status("city", start + 15s) == feature_status::outside_max_age);
  x.advance(start + 15s);
  CHECK(x.counts.expired == 1);
  x.fold({row(4s, "oslo")}); // its own time is over as well
  CHECK(x.counts.late_dropped == 1);
  x.collect(last);
  CHECK(last.table.empty());
  CHECK(x.empty());
}

TEST_CASE("latest: late rows are folded or dropped, and counted") {
  auto settings = settings_of_profile();
  for (auto policy : {latest_settings::late_rows::fold, latest_settings::late_rows::drop}) {
    settings.late = policy;
    auto x = key_of(settings);
    x.watermark = start + 9s;
    x.fold({row(5s, "rome")});
    auto folded = policy == latest_settings::late_rows::fold;
    CHECK(x.counts.late == 1);
    CHECK(x.counts.late_dropped == (folded ? 0 : 1));
    CHECK(x.empty() == !folded);
  }
}

TEST_CASE("latest: settings that make no sense are refused with the remedy") {
  auto settings = settings_of_profile();
  settings.time_feature = "age";
  CHECK(make_latest(settings).error().message
        == "view `profile`: two features are called `age`: rename one, or leave it out");
  settings = settings_of_profile();
  settings.columns.clear();
  CHECK_FALSE(make_latest(settings));
  settings = settings_of_profile();
  settings.delete_when = compiled("age", columns);
  CHECK_FALSE(make_latest(settings));
  settings = settings_of_profile();
  settings.time_to_live = 0s;
  CHECK_FALSE(make_latest(settings));
}

TEST_CASE("latest differential: any order of arrival gives what looking at all rows gives") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto settings = settings_of_profile();
  auto view = made(settings, make_latest);
  for (size_t i = 0; i < stream_count(2000); ++i) {
    INFO("stream " << i);
    auto rows = some_rows(random, random() % 30);
    key x{view, {columns}};
    published every;
    published last;
    x.changes = &every;
    run(x, rows, 1s * (random() % 20), random);
    x.collect(last);
    const auto* best = newest_of(rows);
    if (best == nullptr || best->cells[2].as_boolean()) {
      CHECK(x.read_all(start).empty());
      CHECK(every.table.empty());
    } else {
      auto expected = show(std::span{best->cells}.first(2));
      CHECK(x.text("city") + "," + x.text("age") == expected);
      CHECK(every.table[""] == expected);
    }
  }
}

TEST_CASE("latest codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto settings = settings_of_profile();
  settings.time_to_live = 100s;
  for (auto gone : {false, true}) {
    auto x = key_of(settings);
    x.fold({row(70s, "rome", 12, gone)});
    check_bytes(x, random, [&] {
      auto y = key_of(settings);
      anybody out;
      REQUIRE(y.decode(x.encode()));
      y.changes = &out;
      y.read_all(start);
      y.fold(some_rows(random, 3));
      y.advance(start + 60s);
      y.collect(out);
      y.advance(end_of_time);
    });
  }
}
