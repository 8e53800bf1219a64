#include "features/as_of.hpp"
#include "view_harness.hpp"

#include <list>

using namespace keyfold;
using namespace keyfold::view_test;

namespace {

const scope prices{{"price", type(type_kind::float64)}};
const scope purchases{{"user", type(type_kind::string)}, {"count", type(type_kind::int64)}};

as_of_settings settings_of_prices() {
  as_of_settings out;
  out.name = "priced";
  out.values.stream = "prices";
  out.values.columns = {0};
  out.values.named = {{"price", type(type_kind::float64)}};
  out.rows.emplace();
  out.rows->stream = "purchases";
  out.rows->columns = {0, 1};
  out.rows->named = {{"user", type(type_kind::string)}, {"count", type(type_kind::int64)}};
  return out;
}

key key_of(const as_of_settings& settings) {
  return {made(settings, make_as_of), {prices, purchases}};
}

arrival price(duration after, double to) {
  return {0, start + after, {cell::real(to)}};
}
arrival purchase(duration after, std::string_view user, int64_t count = 1) {
  return {1, start + after, {cell::string(user), cell::integer(count)}};
}

using lines = std::vector<std::string>;

/// The rows as they should be emitted, each looking at all versions.
lines expected(const as_of_settings& settings, const std::vector<arrival>& rows) {
  lines out;
  std::vector<const arrival*> joined;
  for (const auto& x : rows)
    if (x.input == 1)
      joined.push_back(&x);
  for (const auto* x : joined) {
    const arrival* valid = nullptr;
    for (const auto& v : rows)
      if (v.input == 0 && v.at <= x->at
          && (!settings.time_to_live || v.at + *settings.time_to_live > x->at)
          && (valid == nullptr || v.at > valid->at))
        valid = &v;
    if (valid == nullptr && settings.inner)
      continue;
    std::vector<cell> cells = x->cells;
    cells.push_back(valid == nullptr ? cell{} : valid->cells[0]);
    out.push_back(show(cells) + "@" + show(x->at));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<arrival> some_rows(std::mt19937& random, size_t count) {
  const std::vector<std::string_view> users{"ann", "bob", "a user with a long name"};
  std::vector<arrival> out;
  for (size_t i = 0; i < count; ++i) {
    auto at = 1s * static_cast<int64_t>(random() % 200);
    if (random() % 2 == 0)
      out.push_back(
          purchase(at, users[random() % users.size()], static_cast<int64_t>(random() % 5)));
    else // of one time there is one price, lest the oracle has to know how ties are broken
      out.push_back(price(at + 1us * static_cast<int64_t>(i), static_cast<double>(random() % 100)));
  }
  return out;
}

} // namespace

TEST_CASE("as_of: a row is joined with the version valid at its time, not with a later one") {
  auto x = key_of(settings_of_prices());
  published out;
  x.emissions = &out;
  x.fold({price(10s, 1.5), price(20s, 2.5), purchase(9s, "ann"), purchase(10s, "bob"),
          purchase(19s, "cay", 3), purchase(20s, "dan")});
  CHECK(out.emitted.empty());
  CHECK(x.wake_at == start + 9s);
  x.advance(start + 10s);
  CHECK(out.emitted == lines{"ann,1,-@9000000", "bob,1,1.5@10000000"});
  x.advance(start + 20s);
  CHECK(out.emitted.size() == 4);
  CHECK(out.emitted[2] == "cay,3,1.5@19000000");
  CHECK(out.emitted[3] == "dan,1,2.5@20000000");
}

TEST_CASE("as_of: purchases of an item get the price of their moment") {
  // Of seed-003, the rows of item_1.
  auto x = key_of(settings_of_prices());
  published out;
  x.emissions = &out;
  x.fold({price(0s, 100), price(90s, 200), price(150s, 300), price(210s, 400)});
  x.fold({purchase(0s, "user_1", 1), purchase(120s, "user_1", 3), purchase(180s, "user_2", 1)});
  x.advance(end_of_time);
  CHECK(out.emitted == lines{"user_1,1,100@0", "user_1,3,200@120000000", "user_2,1,300@180000000"});
}

TEST_CASE("as_of: without a version, rows are emitted with null, or left out and counted") {
  auto settings = settings_of_prices();
  settings.inner = true;
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold({purchase(9s, "ann"), price(10s, 1), purchase(11s, "bob")});
  x.advance(start + 11s);
  CHECK(out.emitted == lines{"bob,1,1@11000000"});
  CHECK(x.counts.skipped == 1);
}

TEST_CASE("as_of: the newest version is a feature, and is published when it changes") {
  auto x = key_of(settings_of_prices());
  published every;
  published last;
  x.changes = &every;
  CHECK(x.status("price") == feature_status::not_found);
  x.fold({price(10s, 1), price(5s, 9), price(20s, 2), price(30s, 2)});
  CHECK(x.text("price") == "2");
  CHECK(every.log == lines{"+|1@10000000", "+|2@20000000"});
  x.collect(last);
  CHECK(last.log == lines{"+|2@30000000"});
}

TEST_CASE("as_of: of versions with the same time, one and the same is valid in either order") {
  auto x = key_of(settings_of_prices());
  auto y = key_of(settings_of_prices());
  x.fold({price(10s, 1), price(10s, 2)});
  y.fold({price(10s, 2), price(10s, 1)});
  CHECK(x.text("price") == y.text("price"));
  CHECK(x.encode().substr(1) == y.encode().substr(1));
}

TEST_CASE(
    "as_of: versions that no row can be joined with any more are given up, but for the newest") {
  auto settings = settings_of_prices();
  settings.history = 60s;
  auto x = key_of(settings);
  for (int i = 0; i < 100; ++i)
    x.fold({price(1s * i, i)});
  x.advance(start + 99s);
  auto much = x.encode().size();
  CHECK(much < 61 * 30 + 10);
  published out;
  x.emissions = &out;
  x.fold({purchase(50s, "ann")}); // late, and within the history
  CHECK(out.emitted == lines{"ann,1,50@50000000"});
  x.advance(start + 10'000s);
  CHECK(x.encode().size() < 40);
  CHECK(x.text("price") == "99");
  CHECK_FALSE(x.empty());
}

TEST_CASE("as_of: a version is over when its time to live is") {
  auto settings = settings_of_prices();
  settings.time_to_live = 10s;
  auto x = key_of(settings);
  published out;
  published last;
  x.emissions = &out;
  x.fold({price(10s, 1), purchase(19s, "ann"), purchase(20s, "bob")});
  x.collect(last);
  CHECK(x.status("price", start + 20s) == feature_status::outside_max_age);
  x.advance(start + 20s);
  CHECK(out.emitted == lines{"ann,1,1@19000000", "bob,1,-@20000000"});
  x.collect(last);
  CHECK(last.table.empty());
  CHECK(x.counts.expired == 1);
  CHECK(x.empty());
}

TEST_CASE("as_of: late rows and versions are folded or dropped, and counted") {
  auto settings = settings_of_prices();
  for (auto policy : {as_of_settings::late_rows::fold, as_of_settings::late_rows::drop}) {
    settings.late = policy;
    auto x = key_of(settings);
    published out;
    x.emissions = &out;
    x.watermark = start + 30s;
    x.fold({price(20s, 1), purchase(25s, "ann"), purchase(40s, "bob")});
    x.advance(start + 40s);
    auto folded = policy == as_of_settings::late_rows::fold;
    CHECK(x.counts.late == 2);
    CHECK(x.counts.late_dropped == (folded ? 0 : 2));
    CHECK(out.emitted
          == (folded ? lines{"ann,1,1@25000000", "bob,1,1@40000000"} : lines{"bob,1,-@40000000"}));
  }
}

TEST_CASE("as_of: bounds on versions and waiting rows are kept, and counted") {
  auto settings = settings_of_prices();
  settings.max_versions = 2;
  settings.max_waiting_rows = 1;
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold({price(1s, 1), price(2s, 2), price(3s, 3)});
  CHECK(x.counts.bound_reached == 1);
  x.fold({purchase(1s, "ann"), purchase(3s, "bob")});
  CHECK(x.counts.bound_reached == 2);
  CHECK(out.emitted == lines{"ann,1,-@1000000"});
  x.advance(start + 3s);
  CHECK(out.emitted.size() == 2);
}

TEST_CASE("as_of: no more than 64 MiB of versions are kept of a key, however many are allowed") {
  const scope texts{{"text", type(type_kind::string)}};
  as_of_settings settings;
  settings.name = "texts";
  settings.values.stream = "texts";
  settings.values.columns = {0};
  settings.values.named = {{"text", type(type_kind::string)}};
  settings.max_versions = 1'000'000;
  key x{made(settings, make_as_of), {texts}};
  std::string big(40u << 20, 'x');
  for (int i = 0; i < 3; ++i)
    x.fold({{0, start + 1s * i, {cell::string(big)}}});
  CHECK(x.counts.bound_reached == 2);
  CHECK(x.memory() < size_t{200} << 20);
}

TEST_CASE("as_of: of a history of one GiB a key keeps its newest 64 MiB") {
  const scope texts{{"text", type(type_kind::string)}};
  as_of_settings settings;
  settings.name = "texts";
  settings.values.stream = "texts";
  settings.values.columns = {0};
  settings.values.named = {{"text", type(type_kind::string)}};
  settings.max_versions = 1'000'000;
  key x{made(settings, make_as_of), {texts}};
  std::string piece(4u << 20, 'x');
  constexpr int pieces = 256;
  for (int i = 0; i < pieces; ++i)
    x.fold({{0, start + 1ms * i, {cell::string(piece)}}});
  CHECK(x.counts.bound_reached >= pieces - 16);
  CHECK(x.memory() < size_t{150} << 20);
}

TEST_CASE("as_of: settings that make no sense are refused with the remedy") {
  auto settings = settings_of_prices();
  settings.rows->named[0].name = "price";
  CHECK(make_as_of(settings).error().message
        == "view `priced`: two of its columns are called `price`: give one another name");
  settings = settings_of_prices();
  settings.values.named.clear();
  CHECK_FALSE(make_as_of(settings));
  settings = settings_of_prices();
  settings.rows.reset();
  settings.inner = true;
  CHECK_FALSE(make_as_of(settings));
}

TEST_CASE("as_of differential: every row gets the version that a look at all of them gives") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(2000); ++i) {
    INFO("stream " << i);
    auto settings = settings_of_prices();
    settings.inner = random() % 2 == 0;
    settings.history = 1s * (random() % 40);
    if (random() % 3 == 0)
      settings.time_to_live = 1s * (1 + random() % 30);
    auto rows = some_rows(random, random() % 80);
    auto x = key_of(settings);
    published out;
    x.emissions = &out;
    run(x, rows, 1s * (random() % 30), random);
    std::sort(out.emitted.begin(), out.emitted.end());
    REQUIRE(out.emitted == expected(settings, rows));
  }
}

TEST_CASE("as_of property: the order of arrival does not even change the order of rows") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 60; ++i) {
    auto rows = some_rows(random, 80);
    for (auto& x : rows) // with ties among versions, too
      x.at = std::chrono::floor<std::chrono::seconds>(x.at);
    auto x = key_of(settings_of_prices());
    auto y = key_of(settings_of_prices());
    published of_x;
    published of_y;
    x.emissions = &of_x;
    y.emissions = &of_y;
    run(x, rows, 20s, random);
    run(y, rows, 0s, random);
    REQUIRE(of_x.emitted == of_y.emitted);
  }
}

TEST_CASE("as_of codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto settings = settings_of_prices();
  settings.time_to_live = 300s;
  auto x = key_of(settings);
  x.fold(some_rows(random, 20));
  check_bytes(x, random, [&] {
    auto y = key_of(settings);
    anybody out;
    REQUIRE(y.decode(x.encode()));
    y.emissions = &out;
    y.changes = &out;
    y.fold(some_rows(random, 5));
    y.read_all(start);
    y.advance(start + 100s);
    y.collect(out);
    y.advance(end_of_time);
  });
}
