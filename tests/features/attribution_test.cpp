#include "features/attribution.hpp"
#include "view_harness.hpp"

#include <cmath>
#include <deque>
#include <tuple>

using namespace keyfold;
using namespace keyfold::view_test;
using model = attribution_settings::model;

namespace {

const scope clicks{{"click_id", type(type_kind::string)}, {"product", type(type_kind::string)}};
const scope checkouts{{"checkout_id", type(type_kind::string)},
                      {"product", type(type_kind::string)}};

attribution_settings settings_of(model credit) {
  attribution_settings out;
  out.name = "checkouts";
  out.touches.stream = "clicks";
  out.touches.match_columns = {1};
  out.touches.columns = {0};
  out.touches.emitted = {{"click_id", type(type_kind::string)}};
  out.conversions.stream = "checkouts";
  out.conversions.match_columns = {1};
  out.conversions.columns = {0};
  out.conversions.emitted = {{"checkout_id", type(type_kind::string)}};
  out.match = {{"product", type(type_kind::string)}};
  out.window = 60s;
  out.credit = credit;
  out.rate = {20s, true};
  return out;
}

key key_of(const attribution_settings& settings) {
  return {made(settings, make_attribution), {clicks, checkouts}};
}

arrival click(duration after, std::string_view id, std::string_view product = "hat") {
  return {0, start + after, {cell::string(id), cell::string(product)}};
}
arrival checkout(duration after, std::string_view id, std::string_view product = "hat") {
  return {1, start + after, {cell::string(id), cell::string(product)}};
}

using lines = std::vector<std::string>;

/// What is emitted when all has arrived.
lines all_of(const attribution_settings& settings, const std::vector<arrival>& rows) {
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold(rows);
  x.advance(end_of_time);
  CHECK(x.empty());
  return out.emitted;
}

std::string line(const arrival& conversion, const std::vector<cell>& more) {
  std::vector<cell> cells{conversion.cells[0]};
  cells.insert(cells.end(), more.begin(), more.end());
  return show(cells) + "@" + show(conversion.at);
}

double weight_of(model credit, const std::vector<const arrival*>& touches, size_t i,
                 const arrival& conversion) {
  auto n = touches.size();
  auto faded = [&](size_t k) {
    return std::exp2(-std::chrono::duration<double>(conversion.at - touches[k]->at).count() / 20);
  };
  if (credit == model::time_decay) {
    double sum = 0;
    for (size_t k = 0; k < n; ++k)
      sum += faded(k);
    return faded(i) / sum;
  }
  if (credit == model::linear || n == 1)
    return 1.0 / static_cast<double>(n);
  if (n == 2)
    return 0.5;
  return i == 0 || i + 1 == n ? 0.4 : 0.2 / static_cast<double>(n - 2);
}

/// Every conversion's rows, found by looking at all touches.
std::multimap<std::string, std::pair<std::string, double>> expected(model credit,
                                                                    std::vector<arrival> rows) {
  // Of touches with the same time, the one with the shorter id, then the lesser one, is the first.
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    auto order = [](const arrival& x) {
      auto id = x.cells[0].as_text();
      return std::tuple{x.at, id.size(), id};
    };
    return order(a) < order(b);
  });
  std::multimap<std::string, std::pair<std::string, double>> out;
  for (const auto& x : rows) {
    if (x.input == 0)
      continue;
    std::vector<const arrival*> touches;
    for (const auto& t : rows)
      if (t.input == 0 && !x.cells[1].is_null() && identical(t.cells[1], x.cells[1]) && t.at <= x.at
          && t.at >= x.at - 60s)
        touches.push_back(&t);
    auto id = line(x, {});
    if (touches.empty())
      out.emplace(id, std::pair{"-", 0});
    else if (credit == model::first_click || credit == model::last_click)
      out.emplace(
          id, std::pair{
                  show((credit == model::first_click ? touches.front() : touches.back())->cells[0]),
                  1});
    else
      for (size_t i = 0; i < touches.size(); ++i)
        out.emplace(id, std::pair{show(touches[i]->cells[0]), weight_of(credit, touches, i, x)});
  }
  return out;
}

/// Takes emitted rows apart, for comparison with a tolerance.
class taken_apart final : public emission_sink {
public:
  explicit taken_apart(model credit) : single_(credit <= model::last_click) {}
  void emit(std::span<const cell> row, event_time at) override {
    CHECK(row.size() == (single_ ? 2 : 5));
    CHECK(at >= newest);
    newest = at;
    auto weight = row[1].is_null() ? 0 : single_ ? 1 : row[4].as_real();
    all.emplace(show(row[0]) + "@" + show(at), std::pair{show(row[1]), weight});
    if (!single_ && !row[1].is_null())
      CHECK(row[2].as_integer() <= row[3].as_integer());
  }
  std::multimap<std::string, std::pair<std::string, double>> all;
  event_time newest = beginning_of_time;

private:
  bool single_;
};

const std::vector<std::string> ids = [] {
  std::vector<std::string> out;
  for (int i = 0; i < 1000; ++i)
    out.push_back("id " + std::to_string(i) + (i % 3 == 0 ? " of a rather long name" : ""));
  return out;
}();

const std::vector<std::string_view> few_products{"hat", "coat", "a pair of gloves"};

std::vector<arrival> some_rows(std::mt19937& random, size_t count,
                               const std::vector<std::string_view>& products = few_products) {
  std::vector<arrival> out;
  for (size_t i = 0; i < count; ++i) {
    auto at = 1s * static_cast<int64_t>(random() % 300);
    const auto& product = products[random() % products.size()];
    out.push_back(random() % 3 != 0 ? click(at, ids[i], product) : checkout(at, ids[i], product));
    if (random() % 20 == 0 && out.back().input == 1)
      out.back().cells[1] = cell{};
  }
  return out;
}

bool same(const std::multimap<std::string, std::pair<std::string, double>>& a,
          const std::multimap<std::string, std::pair<std::string, double>>& b) {
  auto sorted = [](const auto& x) {
    std::vector<std::tuple<std::string, std::string, double>> out;
    for (const auto& [id, what] : x)
      out.emplace_back(id, what.first, what.second);
    std::sort(out.begin(), out.end());
    return out;
  };
  auto x = sorted(a);
  auto y = sorted(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) {
    return std::get<0>(p) == std::get<0>(q) && std::get<1>(p) == std::get<1>(q)
           && std::abs(std::get<2>(p) - std::get<2>(q)) < 1e-12;
  });
}

} // namespace

TEST_CASE("attribution: the first and the last click, within a window that includes both ends") {
  std::vector<arrival> rows{click(0s, "a"),    click(10s, "b"),    click(20s, "c", "coat"),
                            click(60s, "d"),   checkout(60s, "X"), checkout(60s + 1us, "Y"),
                            checkout(9s, "Z"), checkout(121s, "V")};
  CHECK(all_of(settings_of(model::first_click), rows)
        == lines{"Z,a@9000000", "X,a@60000000", "Y,b@60000001", "V,-@121000000"});
  CHECK(all_of(settings_of(model::last_click), rows)
        == lines{"Z,a@9000000", "X,d@60000000", "Y,d@60000001", "V,-@121000000"});
}

TEST_CASE("attribution: a second conversion of the same product has its row as well") {
  std::vector<arrival> rows{click(1s, "a"), checkout(2s, "X"), checkout(3s, "Y")};
  CHECK(all_of(settings_of(model::first_click), rows) == lines{"X,a@2000000", "Y,a@3000000"});
}

TEST_CASE("attribution: credit is shared, and the shares of a conversion are 1 together") {
  std::vector<arrival> rows{click(1s, "a"), click(21s, "b"), click(41s, "c"), checkout(41s, "X"),
                            checkout(200s, "Y")};
  CHECK(all_of(settings_of(model::linear), rows)
        == lines{"X,a,1,3,0.3333333333333333@41000000", "X,b,2,3,0.3333333333333333@41000000",
                 "X,c,3,3,0.3333333333333333@41000000", "Y,-,0,0,-@200000000"});
  auto decayed = all_of(settings_of(model::time_decay), rows); // 1/4 : 1/2 : 1
  CHECK(decayed[0] == "X,a,1,3,0.14285714285714285@41000000");
  CHECK(decayed[2] == "X,c,3,3,0.5714285714285714@41000000");
  auto placed = all_of(settings_of(model::position_based), rows);
  CHECK(placed[0] == "X,a,1,3,0.4@41000000");
  CHECK(placed[1].substr(0, 8) == "X,b,2,3,");
  CHECK(std::stod(placed[1].substr(8)) == Approx(0.2));
}

TEST_CASE("attribution: a conversion is decided as soon as the watermark has reached it") {
  auto x = key_of(settings_of(model::first_click));
  published out;
  x.emissions = &out;
  x.fold({checkout(10s, "X")});
  CHECK(x.wake_at == start + 10s);
  x.fold({click(9s, "a")});
  x.advance(start + 10s);
  CHECK(out.emitted == lines{"X,a@10000000"});
  CHECK(x.wake_at == start + 69s);
  x.advance(start + 69s);
  CHECK(x.empty());
}

TEST_CASE("attribution: rows are published under the columns that identify a conversion") {
  for (auto credit : {model::last_click, model::linear}) {
    auto settings = settings_of(credit);
    settings.published_key = {"checkout_id"};
    auto view = made(settings, make_attribution);
    CHECK(view->changes_at_once());
    CHECK(view->changes().group.size() == (credit == model::linear ? 2 : 1));
    key x{view, {clicks, checkouts}};
    published out;
    x.changes = &out;
    x.fold({click(1s, "a"), click(2s, "b"), checkout(3s, "X"), checkout(99s, "Y")});
    x.advance(end_of_time);
    if (credit == model::linear) {
      CHECK(out.table["X,1"] == "a,2,0.5");
      CHECK(out.table["X,2"] == "b,2,0.5");
      CHECK(out.table["Y,0"] == "-,0,-");
    } else {
      CHECK(out.table["X"] == "b");
      CHECK(out.table["Y"] == "-");
    }
  }
}

TEST_CASE(
    "attribution: touches without what is to match are skipped, such conversions owed to none") {
  auto settings = settings_of(model::first_click);
  arrival nothing = click(1s, "a");
  nothing.cells[1] = cell{};
  arrival nobody = checkout(2s, "X");
  nobody.cells[1] = cell{};
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold({nothing, click(1s, "b", ""), nobody});
  CHECK(x.counts.skipped == 1);
  x.advance(start + 2s);
  CHECK(out.emitted == lines{"X,-@2000000"});
}

TEST_CASE("attribution: only the touches that the model needs are kept") {
  auto held = [](model credit) {
    auto x = key_of(settings_of(credit));
    for (int i = 0; i < 50; ++i)
      x.fold({click(1s * i, "a"), click(1s * i, "b")});
    x.advance(start + 49s);
    x.watermark = start + 49s;
    x.fold({click(50s, "c")});
    return x.encode().size();
  };
  CHECK(held(model::last_click) < 100);
  CHECK(held(model::first_click) < held(model::linear) * 2 / 3);
}

TEST_CASE("attribution: late rows are folded or dropped, and counted") {
  auto settings = settings_of(model::linear);
  for (auto policy :
       {attribution_settings::late_rows::fold, attribution_settings::late_rows::drop}) {
    settings.late = policy;
    auto x = key_of(settings);
    published out;
    x.emissions = &out;
    x.watermark = start + 30s;
    x.fold({click(20s, "a"), checkout(25s, "X"), checkout(40s, "Y")});
    x.advance(end_of_time);
    auto folded = policy == attribution_settings::late_rows::fold;
    CHECK(x.counts.late == 2);
    CHECK(x.counts.late_dropped == (folded ? 0 : 2));
    CHECK(out.emitted
          == (folded ? lines{"X,a,1,1,1@25000000", "Y,a,1,1,1@40000000"}
                     : lines{"Y,-,0,0,-@40000000"}));
  }
}

TEST_CASE("attribution: bounds on touches and waiting conversions are kept, and counted") {
  auto settings = settings_of(model::linear);
  settings.max_touches = 2;
  settings.max_waiting_conversions = 1;
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold({click(1s, "a"), click(2s, "b"), click(3s, "c")});
  CHECK(x.counts.bound_reached == 1);
  x.fold({checkout(4s, "X"), checkout(5s, "Y")});
  CHECK(x.counts.bound_reached == 2);
  CHECK(out.emitted.size() == 2); // X is decided before its time: no conversion is lost
  x.advance(end_of_time);
  CHECK(out.emitted.size() == 4);
}

TEST_CASE("attribution: settings that make no sense are refused with the remedy") {
  auto refused = [](auto change) {
    auto settings = settings_of(model::position_based);
    change(settings);
    auto out = make_attribution(settings);
    REQUIRE_FALSE(out);
    return out.error().message;
  };
  CHECK(refused([](auto& x) { x.window = 0s; }).find("window") != std::string::npos);
  CHECK(refused([](auto& x) { x.first_share = 0.7; }).find("no more than 1") != std::string::npos);
  CHECK(refused([](auto& x) { x.match.clear(); }).find("one of each") != std::string::npos);
  CHECK(
      refused([](auto& x) { x.published_key = {"order"}; })
      == "view `checkouts`: `order` identifies its published rows, and is no column that it emits: "
         "name one");
  CHECK(refused([](auto& x) { x.touches.emitted[0].name = "weight"; }).find("two emitted columns")
        != std::string::npos);
}

TEST_CASE("attribution differential: every conversion is owed to whom a look at all touches says") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(1500); ++i) {
    auto credit = static_cast<model>(random() % 5);
    INFO("stream " << i << " model " << static_cast<int>(credit));
    auto rows = some_rows(random, random() % 100);
    auto x = key_of(settings_of(credit));
    taken_apart out{credit};
    x.emissions = &out;
    run(x, rows, 1s * (random() % 30), random);
    REQUIRE(same(out.all, expected(credit, rows)));
    CHECK(x.counts.bound_reached == 0);
  }
}

TEST_CASE("attribution differential: the same with many touches of few products and of many") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::vector<std::string_view> many_products(ids.begin(), ids.begin() + 200);
  for (size_t i = 0; i < stream_count(60); ++i) {
    auto credit = static_cast<model>(i % 5);
    INFO("stream " << i << " model " << static_cast<int>(credit));
    auto rows = some_rows(random, 1000, random() % 3 == 0 ? few_products : many_products);
    auto x = key_of(settings_of(credit));
    taken_apart out{credit};
    x.emissions = &out;
    run(x, rows, 1s * (random() % 30), random);
    REQUIRE(same(out.all, expected(credit, rows)));
    CHECK(x.counts.bound_reached == 0);
  }
}

TEST_CASE(
    "attribution: every checkout of a shop's chains is owed to the first click of its chain") {
  // A chain: a click on a new product; then, while a coin says so, one more click and a checkout.
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::deque<std::string> names;
  auto named = [&](const char* what) -> std::string_view {
    return names.emplace_back(what + std::to_string(names.size()));
  };
  std::vector<arrival> rows;
  std::map<std::string, std::string> owed;
  for (int chain = 0; chain < 200; ++chain) {
    auto product = named("product ");
    auto first = named("click ");
    duration after = 1ms * static_cast<int64_t>(random() % 100'000);
    rows.push_back(click(after, first, product));
    while (random() % 100 < 51) {
      after += 1ms * static_cast<int64_t>(random() % 2000);
      rows.push_back(click(after, named("click "), product));
      after += 1ms * static_cast<int64_t>(random() % 2000);
      auto id = named("checkout ");
      rows.push_back(checkout(after, id, product));
      owed[std::string{id}] = first;
    }
  }
  auto settings = settings_of(model::first_click);
  settings.window = 1h;
  settings.published_key = {"checkout_id"};
  settings.max_touches = 10'000;
  auto x = key_of(settings);
  published out;
  x.changes = &out;
  run(x, rows, 15s, random);
  CHECK(out.table == owed);
  CHECK(out.log.size() == owed.size());
}

TEST_CASE("attribution property: the order of arrival does not even change the order of rows") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 60; ++i) {
    auto settings = settings_of(static_cast<model>(i % 5));
    auto rows = some_rows(random, 80);
    auto x = key_of(settings);
    auto y = key_of(settings);
    published of_x;
    published of_y;
    x.emissions = &of_x;
    y.emissions = &of_y;
    run(x, rows, 20s, random);
    run(y, rows, 0s, random);
    REQUIRE(of_x.emitted == of_y.emitted);
  }
}

TEST_CASE("attribution codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (auto credit : {model::last_click, model::time_decay}) {
    auto settings = settings_of(credit);
    auto x = key_of(settings);
    x.fold(some_rows(random, 20));
    check_bytes(x, random, [&] {
      auto y = key_of(settings);
      anybody out;
      REQUIRE(y.decode(x.encode()));
      y.emissions = &out;
      y.fold(some_rows(random, 5));
      y.advance(start + 100s);
      y.advance(end_of_time);
    });
  }
}
