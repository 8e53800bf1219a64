#pragma once

#include "features/distinct_counter.hpp"
#include "features/recommend.hpp"
#include "view_harness.hpp"

#include <memory>
#include <set>

/// What the tests of `recommend` share: an inventory, rows about its products, random ones of both.
namespace keyfold::recommend_test {

using namespace view_test;

using occasion = recommend_settings::occasion;
using exhausted = recommend_settings::exhausted;

/// A product of the inventory; a rating or category below 0 is null.
struct product {
  std::string id;
  int category = 0;
  int64_t stock = 1;
  int64_t rating = 0;
};
using inventory = std::vector<product>;

inline const scope click_columns{{"product_id", type(type_kind::string)},
                                 {"page", type(type_kind::string)}};
inline const scope sale_columns{{"invoice", type(type_kind::int64)},
                                {"product_id", type(type_kind::string)}};
inline const scope table_columns{{"product_id", type(type_kind::string)},
                                 {"category", type(type_kind::string)},
                                 {"stock", type(type_kind::int64)},
                                 {"rating", type(type_kind::int64)}};

inline const std::vector<std::string> categories{"toys", "garden", "home&furniture"};

/// An inventory as a table, with a ranking by rating as a number and one as a text.
class shelf {
public:
  explicit shelf(const inventory& products) {
    std::vector<column> columns;
    for (const auto& x : table_columns)
      columns.push_back({x.name, x.type});
    table_ = std::make_shared<table>("inventory", columns, std::vector<uint32_t>{0});
    for (auto by : {ranking_rules::order::number, ranking_rules::order::text})
      table_->add_index(ranking_by({0, 1, 3, by, compiled("stock > 0", table_columns)}));
    put(products);
  }
  void put(const inventory& products) {
    table_builder builder{table_->columns(), {0}, {}};
    for (const auto& x : products) {
      std::vector<cell> row{
          cell::string(x.id),
          x.category < 0 ? cell{} : cell::string(categories[static_cast<size_t>(x.category)]),
          cell::integer(x.stock), x.rating < 0 ? cell{} : cell::integer(x.rating)};
      REQUIRE(builder.add(row) == table_builder::outcome::added);
    }
    table_->publish(builder.build());
    versions_.push_back(products);
  }
  const std::shared_ptr<table>& get() const { return table_; }
  const inventory& version(size_t number) const { return versions_.at(number - 1); }

private:
  std::shared_ptr<table> table_;
  std::vector<inventory> versions_;
};

inline recommend_settings settings_of(const shelf& products, uint32_t k = 3) {
  recommend_settings out;
  out.name = "suggestions";
  out.feature = "products";
  out.clicks = {"clicks", 0, {}, ""};
  out.sales = recommend_settings::role{"sales", 1, {}, ""};
  out.products = products.get();
  out.k = k;
  return out;
}

inline key key_of(const recommend_settings& settings) {
  return {made(settings, make_recommend), {click_columns, sale_columns}};
}

inline arrival click(duration after, std::string_view product) {
  return {0, start + after, {cell::string(product), cell::string("page")}};
}
inline arrival sale(duration after, std::string_view product) {
  return {1, start + after, {cell::integer(7), cell::string(product)}};
}

using texts = std::vector<std::string>;

inline const texts ids{"1", "2", "3", "10", "11", "12", "13", "20", "21", "100", "101", "200"};

inline inventory some_inventory(std::mt19937& random) {
  inventory out;
  for (const auto& id : ids)
    if (random() % 12 != 0)
      out.push_back({id, static_cast<int>(random() % 10) % 4 - (random() % 20 == 0 ? 1 : 0),
                     static_cast<int64_t>(random() % 4), static_cast<int64_t>(random() % 12) - 1});
  for (auto& x : out)
    x.category = std::clamp(x.category, -1, 2);
  return out;
}

inline recommend_settings some_settings(const shelf& products, std::mt19937& random) {
  auto out = settings_of(products, 1 + static_cast<uint32_t>(random() % 4));
  out.ranking = static_cast<uint32_t>(random() % 2);
  out.per = random() % 3 == 0 ? occasion::click : occasion::window;
  out.window = 1s * (1 + random() % 8);
  out.exclude_viewed = random() % 3 == 0;
  out.avoid_repeats = random() % 4 != 0;
  out.when_exhausted = random() % 3 == 0 ? exhausted::nothing : exhausted::restart;
  out.forget_after = 1s * (5 + random() % 40);
  if (random() % 3 == 0)
    out.bought_for = 1s * (5 + random() % 30);
  out.max_bought = 1 + static_cast<uint32_t>(random() % 8);
  out.max_suggested = out.k + static_cast<uint32_t>(random() % 10);
  return out;
}

/// At moments of their own, so that none has to be preferred to another.
inline std::vector<arrival> some_rows(std::mt19937& random, size_t count, int64_t seconds) {
  std::vector<arrival> out;
  std::set<int64_t> taken;
  while (out.size() < count) {
    auto at = static_cast<int64_t>(random()) % (seconds * 1'000'000);
    if (!taken.insert(at).second)
      continue;
    const auto& id = random() % 25 == 0 ? std::string_view{"none"} : ids[random() % ids.size()];
    out.push_back(random() % 3 == 0 ? sale(duration{at}, id) : click(duration{at}, id));
  }
  return out;
}

} // namespace keyfold::recommend_test
