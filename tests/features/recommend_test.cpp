#include "recommend_support.hpp"

using namespace keyfold;
using namespace keyfold::recommend_test;

namespace {

const inventory few{{"a", 0, 5, 9}, {"b", 0, 1, 10}, {"c", 0, 0, 10}, {"d", 0, 3, 2},
                    {"e", 0, 3, 9}, {"f", 1, 3, 1},  {"g", 1, 3, 4},  {"h", -1, 3, 4}};

} // namespace

TEST_CASE("recommend: products of the category in stock, better ratings first, then lesser ids") {
  shelf products{few};
  auto x = key_of(settings_of(products, 10));
  published out;
  x.changes = &out;
  x.fold({click(1s, "d")});
  CHECK(x.wake_at == start + 5s - 1us);
  CHECK(x.status("products") == feature_status::not_found);
  x.advance(start + 5s - 1us);
  CHECK(x.text("products") == "[b a e d]"); // 10 is more than 9; c is sold out
  CHECK(out.log == texts{"+|[b a e d],2023-11-14T22:13:25Z@4999999"});
  arena memory;
  CHECK(x.read("products", start, memory).at == start + 5s - 1us);
  CHECK(x.read_all(start).size() == 2);
}

TEST_CASE("recommend: ratings compared as texts, where that is asked for") {
  shelf products{few};
  auto settings = settings_of(products, 10);
  settings.ranking = 1;
  auto x = key_of(settings);
  x.fold({click(1s, "a")});
  x.advance(start + 5s);
  CHECK(x.text("products") == "[a e d b]"); // 9 is more than 10
}

TEST_CASE("recommend: products bought before come first, by their ranks") {
  shelf products{few};
  auto x = key_of(settings_of(products));
  x.fold({sale(-20s, "d"), sale(-10s, "e"), sale(-9s, "c"), sale(-8s, "f"), sale(2s, "e"),
          click(1s, "a")});
  x.advance(start + 5s);
  CHECK(x.text("products") == "[e d b]");
  CHECK(x.counts.rows == 6);
}

TEST_CASE("recommend: what is bought after the window's end does not count yet") {
  shelf products{few};
  auto settings = settings_of(products);
  settings.avoid_repeats = false;
  auto x = key_of(settings);
  x.fold({sale(5s, "d"), sale(5s - 1us, "e"), click(1s, "a"), click(6s, "a")});
  x.advance(start + 6s);
  CHECK(x.text("products") == "[e b a]");
  x.advance(start + 10s);
  CHECK(x.text("products") == "[e d b]");
}

TEST_CASE("recommend: the newest click of a window decides, whenever it comes") {
  shelf products{few};
  auto x = key_of(settings_of(products));
  x.fold({click(1s, "f"), click(4s, "g"), click(2s, "a"), click(12s, "a"), click(11s, "f")});
  published out;
  x.changes = &out;
  x.advance(end_of_time);
  CHECK(
      out.log
      == texts{"+|[g f],2023-11-14T22:13:25Z@4999999", "+|[b a e],2023-11-14T22:13:35Z@14999999"});
  CHECK(x.counts.rows == 5);
}

TEST_CASE("recommend: every click has a list of its own, where that is asked for") {
  shelf products{few};
  auto settings = settings_of(products, 2);
  settings.per = occasion::click;
  auto x = key_of(settings);
  published out;
  x.changes = &out;
  x.fold({click(2s, "f"), click(1s, "a"), sale(2s, "f"), sale(3s, "g")});
  x.advance(start + 1s);
  CHECK(out.log == texts{"+|[b a],2023-11-14T22:13:21Z@1000000"});
  x.advance(start + 2s);
  CHECK(out.log.back() == "+|[f g],2023-11-14T22:13:22Z@2000000");
}

TEST_CASE("recommend: what was suggested is not suggested again until nothing else is left") {
  shelf products{few};
  for (auto policy : {exhausted::restart, exhausted::nothing}) {
    auto settings = settings_of(products);
    settings.when_exhausted = policy;
    auto x = key_of(settings);
    published out;
    x.changes = &out;
    x.fold({click(1s, "a"), click(6s, "f"), click(11s, "b"), click(16s, "a"), sale(17s, "a")});
    x.advance(start + 60s);
    REQUIRE(out.log.size() >= 3);
    CHECK(out.log[0].substr(0, 10) == "+|[b a e],");
    CHECK(out.log[1].substr(0, 8) == "+|[g f],");
    CHECK(out.log[2].substr(0, 6) == "+|[d],"); // the rest of the category
    if (policy == exhausted::restart) {
      REQUIRE(out.log.size() == 4);
      CHECK(out.log[3].substr(0, 10) == "+|[a b e],");
      CHECK(x.counts.skipped == 0);
    } else {
      CHECK(out.log.size() == 3);
      CHECK(x.counts.skipped == 1);
      CHECK(x.text("products") == "[d]"); // the list before stays
    }
  }
}

TEST_CASE("recommend: a suggestion is forgotten after a time") {
  shelf products{few};
  auto settings = settings_of(products);
  settings.forget_after = 10s;
  auto x = key_of(settings);
  x.fold({click(1s, "a"), click(9s, "a"), click(14s, "a")});
  x.advance(start + 10s);
  CHECK(x.text("products") == "[d]");
  x.advance(start + 15s);
  CHECK(x.text("products") == "[b a e]");
  CHECK(x.counts.expired == 3);
  x.advance(start + 40s);
  CHECK(x.counts.expired == 7);
}

TEST_CASE("recommend: repeats and the product being viewed, where they are not wanted or are") {
  shelf products{few};
  auto settings = settings_of(products);
  settings.avoid_repeats = false;
  settings.exclude_viewed = true;
  auto x = key_of(settings);
  x.fold({click(1s, "b"), click(6s, "b"), click(11s, "a")});
  x.advance(start + 10s);
  CHECK(x.text("products") == "[a e d]");
  x.advance(start + 15s);
  CHECK(x.text("products") == "[b e d]");
}

TEST_CASE("recommend: the stock of the moment decides, not that of the click") {
  shelf products{few};
  auto x = key_of(settings_of(products));
  x.fold({click(1s, "a")});
  auto changed = few;
  changed[1].stock = 0;
  changed[2].stock = 4;
  products.put(changed);
  x.advance(start + 5s);
  CHECK(x.text("products") == "[c a e]");
}

TEST_CASE("recommend: nothing is suggested for products that the table has not, or without one") {
  shelf products{few};
  auto x = key_of(settings_of(products));
  published out;
  x.changes = &out;
  arrival nothing{0, start + 21s, {cell{}, cell::string("page")}};
  arrival no_sale{1, start + 21s, {cell::integer(1), cell{}}};
  x.fold({click(1s, "unknown"), click(6s, "h"), nothing, no_sale});
  x.advance(start + 30s);
  CHECK(x.counts.skipped == 4);
  CHECK(x.counts.rows == 2);
  CHECK(out.log.empty());
  CHECK(x.empty());
  products.put({{"a", 0, 0, 1}, {"f", 0, 0, 1}});
  x.fold({click(31s, "a")});
  x.advance(start + 40s);
  CHECK(x.counts.skipped == 5); // all of the category is sold out

  std::vector<column> columns;
  for (const auto& column : table_columns)
    columns.push_back({column.name, column.type});
  auto settings = settings_of(products);
  auto unloaded = std::make_shared<table>("later", columns, std::vector<uint32_t>{0});
  unloaded->add_index(ranking_by({0, 1, 3, ranking_rules::order::number, {}}));
  settings.products = unloaded;
  auto y = key_of(settings);
  y.fold({click(1s, "a")});
  y.advance(start + 5s);
  CHECK(y.counts.skipped == 1);
}

TEST_CASE("recommend: lists are emitted with the columns of their click") {
  shelf products{few};
  auto settings = settings_of(products, 2);
  settings.click_columns = {1, 0};
  settings.emitted = {{"page", type(type_kind::string)}, {"viewed", type(type_kind::string)}};
  auto view = made(settings, make_recommend);
  texts names;
  for (const auto& column : view->emissions())
    names.push_back(column.name + " " + to_string(column.type));
  CHECK(names
        == texts{"page string", "viewed string", "products list<string>", "products_at timestamp"});
  key x{view, {click_columns, sale_columns}};
  published out;
  x.emissions = &out;
  x.fold({click(1s, "f")});
  x.advance(start + 5s);
  CHECK(out.emitted == texts{"page,f,[g f],2023-11-14T22:13:25Z@4999999"});
  x.collect(out);
  x.collect(out);
  CHECK(out.log == texts{"+|[g f],2023-11-14T22:13:25Z@4999999"});
}

TEST_CASE("recommend: late clicks count while their window is open, late purchases from then on") {
  shelf products{few};
  auto settings = settings_of(products);
  for (auto policy : {recommend_settings::late_rows::fold, recommend_settings::late_rows::drop}) {
    settings.late = policy;
    auto folds = policy == recommend_settings::late_rows::fold;
    auto x = key_of(settings);
    x.fold({click(6s, "a")});
    x.advance(start + 8s);
    x.fold({click(7s, "f"), click(3s, "a"), sale(4s, "f")});
    CHECK(x.counts.late == 3);
    CHECK(x.counts.late_dropped == (folds ? 1 : 3));
    x.advance(start + 10s);
    CHECK(x.text("products") == (folds ? "[f g]" : "[b a e]"));
  }
}

TEST_CASE("recommend: a list ends with its time to live, and purchases after theirs") {
  shelf products{few};
  auto settings = settings_of(products);
  settings.time_to_live = 10s;
  settings.bought_for = 30s;
  settings.forget_after = 20s;
  auto x = key_of(settings);
  published every;
  published last;
  x.changes = &every;
  x.fold({sale(-1s, "d"), click(1s, "a")});
  x.advance(start + 5s);
  x.collect(last);
  CHECK(x.text("products", start + 6s) == "[d b a]");
  CHECK(x.status("products", start + 15s) == feature_status::outside_max_age);
  x.advance(start + 16s);
  CHECK(every.log.back() == "-@14999999");
  CHECK(x.counts.expired == 1);
  x.advance(start + 25s);
  CHECK(x.counts.expired == 4);
  x.fold({click(28s, "a")});
  x.advance(start + 30s);
  CHECK(x.text("products", start + 30s) == "[b a e]"); // the purchase is 31 s old
  x.advance(start + 60s);
  CHECK(every.table.empty());
  CHECK_FALSE(x.empty()); // the end has still to be told
  x.collect(last);
  CHECK(last.table.empty());
  CHECK(x.empty());
}

TEST_CASE("recommend: the end of a bounded stream ends no list") {
  shelf products{few};
  auto settings = settings_of(products);
  settings.time_to_live = 10s;
  auto x = key_of(settings);
  x.fold({click(1s, "f")});
  x.advance(end_of_time);
  CHECK(x.text("products", end_of_time) == "[g f]");
}

TEST_CASE("recommend: bounds on what is remembered and on what waits are kept, and counted") {
  shelf products{few};
  auto settings = settings_of(products, 2);
  settings.max_bought = 2;
  settings.max_suggested = 2;
  settings.max_pending_rows = 2;
  auto x = key_of(settings);
  x.fold({sale(1s, "d"), sale(2s, "a"), sale(3s, "e")}); // the third makes the first wait no longer
  CHECK(x.counts.bound_reached == 1);
  x.advance(start + 3s);
  x.fold({sale(4s, "f")});
  x.advance(start + 4s);
  x.fold({click(6s, "a")});
  CHECK(x.counts.bound_reached == 3); // d and a have left the products bought
  x.advance(start + 10s);
  CHECK(x.text("products") == "[e b]");
  x.fold({click(11s, "a"), click(16s, "f")});
  CHECK(x.counts.bound_reached == 3);
  x.fold({click(21s, "f")}); // the click of 11 s is decided before its time
  CHECK(x.text("products") == "[a d]");
  CHECK(x.counts.bound_reached == 6); // e and b have left the suggestions
}

TEST_CASE("recommend: settings that make no sense are refused with the remedy") {
  shelf products{few};
  auto refused = [&](auto change) {
    auto settings = settings_of(products);
    change(settings);
    auto out = make_recommend(settings);
    REQUIRE_FALSE(out);
    return out.error().message;
  };
  CHECK(refused([](auto& x) { x.max_suggested = 2; })
        == "view `suggestions`: max_suggested (2) is less than k (3): one list must fit in it");
  CHECK(refused([](auto& x) { x.k = 0; }).find("k is 0") != std::string::npos);
  CHECK(refused([](auto& x) { x.window = 0s; }).find("window") != std::string::npos);
  CHECK(refused([](auto& x) { x.forget_after = 0s; }).find("forget_after") != std::string::npos);
  CHECK(refused([](auto& x) { x.products = nullptr; }).find("no table") != std::string::npos);
  CHECK(refused([](auto& x) {
          x.clicks.where = compiled("page", click_columns);
        }).find("no condition")
        != std::string::npos);
  CHECK(refused([](auto& x) {
          x.click_columns = {0};
          x.emitted = {{"products", type(type_kind::string)}};
        }).find("two emitted columns")
        != std::string::npos);
}

TEST_CASE("recommend ranking: what cannot be rated is last, what has no category is nowhere") {
  inventory all;
  for (int i = 0; i < 500; ++i)
    all.push_back({"p" + std::to_string(i), i % 4 - 1, i % 5, i % 7 - 1});
  shelf products{all};
  auto snapshot = products.get()->current();
  const auto& ranking = static_cast<const product_ranking&>(snapshot->index(0));
  std::set<uint32_t> seen;
  for (const auto& x : all) {
    const auto* place = ranking.find(distinct_hash(cell::string(x.id)));
    REQUIRE((place != nullptr) == (x.category >= 0));
    if (place == nullptr)
      continue;
    seen.insert(place->category);
    REQUIRE((place->rank == product_ranking::unavailable) == (x.stock == 0));
    if (x.stock == 0)
      continue;
    auto ranked = ranking.category(place->category);
    REQUIRE(place->rank < ranked.products.size());
    CHECK(ranked.ids[place->rank].as_text() == x.id);
    CHECK(ranked.products[place->rank] == distinct_hash(cell::string(x.id)));
    CHECK(ranking.may_have(ranked.products[place->rank], place->category));
    if (place->rank > 0) {
      auto before = snapshot->value(*snapshot->find({&ranked.ids[place->rank - 1], 1}), 3);
      CHECK((x.rating < 0 || (!before.is_null() && before.as_integer() >= x.rating)));
    }
  }
  CHECK(seen.size() == 3);
  CHECK(ranking.find(distinct_hash(cell::string("p1000"))) == nullptr);
  size_t doubtful = 0;
  for (int i = 0; i < 1000; ++i)
    doubtful += ranking.may_have(distinct_hash(cell::string("q" + std::to_string(i))), 1) ? 1 : 0;
  CHECK(doubtful < 200);
}

TEST_CASE("recommend codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  shelf products{some_inventory(random)};
  auto settings = settings_of(products);
  settings.time_to_live = 30s;
  settings.click_columns = {1};
  settings.emitted = {{"page", type(type_kind::string)}};
  auto x = key_of(settings);
  x.fold(some_rows(random, 40, 40));
  x.advance(start + 20s);
  check_bytes(x, random, [&] {
    auto y = key_of(settings);
    anybody out;
    REQUIRE(y.decode(x.encode()));
    y.changes = &out;
    y.emissions = &out;
    y.fold(some_rows(random, 5, 40));
    y.read_all(start + 20s);
    y.advance(start + 60s);
    y.advance(end_of_time);
  });
}
