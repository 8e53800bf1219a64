#include "features/fingerprint.hpp"
#include "features/recommend/view.hpp"
#include "features/settings_check.hpp"
#include "features/type_makers.hpp"

#include <set>

namespace keyfold {

namespace recommending {

namespace {

data_type product_of(const table& products) {
  return products.columns()[products.key().front()].type;
}

std::optional<error> problem_in(const recommend_settings& x) {
  settings_check check{x.name};
  check.require(!x.feature.empty(), "its list has no name: give `feature`");
  check.require(x.products != nullptr, "it has no table of products: name one in `table`");
  check.require(
      x.products == nullptr || x.products->key().size() == 1,
      "its table is found by several columns, and a product is one: choose another table");
  check.condition(x.clicks.where);
  if (x.sales)
    check.condition(x.sales->where);
  check.require(x.window.count() > 0, "its window is not longer than 0: give it a length");
  check.require(x.k > 0, "k is 0: ask for 1 or more");
  check.require(x.forget_after.count() > 0,
                "forget_after is not longer than 0: give it a length, e.g. \"1d\", or set "
                "avoid_repeats to false");
  check.require(!x.bought_for || x.bought_for->count() > 0,
                "bought_for is not longer than 0: give it a length, e.g. \"365d\"");
  check.require(!x.time_to_live || x.time_to_live->count() > 0,
                "ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it out");
  check.require(x.max_suggested >= x.k,
                "max_suggested ({}) is less than k ({}): one list must fit in it", x.max_suggested,
                x.k);
  check.require(x.max_bought > 0, "max_bought is 0: set it to 1 or more");
  check.require(x.max_pending_rows > 0, "max_pending_rows is 0: set it to 1 or more");
  std::set<std::string> seen{x.feature, x.feature + "_at"};
  for (const auto& column : x.emitted)
    check.require(seen.insert(column.name).second,
                  "two emitted columns are called `{}`: give one another name", column.name);
  return check.problem();
}

std::string fingerprint_of(const recommend_settings& x) {
  fingerprint_writer out{"recommend 1"};
  out.add(to_string(product_of(*x.products)));
  for (const auto* role : {&x.clicks, x.sales ? &*x.sales : nullptr})
    if (role != nullptr)
      out.add(role->stream).add(role->where_text);
  return out.add(std::span<const column>{x.emitted}).take();
}

} // namespace

recommend_view::recommend_view(recommend_settings settings)
    : settings_(std::move(settings)), product_column_(settings_.products->key().front()) {
  about_.name = settings_.name;
  about_.kind = "recommend";
  about_.inputs = {settings_.clicks.stream};
  if (settings_.sales)
    about_.inputs.push_back(settings_.sales->stream);
  about_.features = {{settings_.feature, list_type(product_of(*settings_.products))},
                     {settings_.feature + "_at", scalar(type_kind::timestamp)}};
  about_.emissions = settings_.emitted;
  for (const auto& x : about_.features) {
    about_.changes.values.push_back({x.name, x.type});
    about_.emissions.push_back({x.name, x.type});
  }
  about_.fingerprint = fingerprint_of(settings_);
}

} // namespace recommending

result<std::shared_ptr<const view>> make_recommend(recommend_settings settings) {
  if (auto problem = recommending::problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const view_of<recommending::recommend_view>>(std::move(settings));
}

} // namespace keyfold
