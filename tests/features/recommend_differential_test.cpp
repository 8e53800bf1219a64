#include "recommend_support.hpp"

using namespace keyfold;
using namespace keyfold::recommend_test;

namespace {

/// What the lists must be, from all rows in the order of time, in plain steps.
class oracle {
public:
  oracle(const recommend_settings& by, const shelf& products) : by_(by), products_(products) {}

  /// @param version the one that the table had when a list was made
  template <class Version>
  texts log(std::vector<arrival> rows, const Version& version) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    std::map<event_time, arrival> decisive;
    for (const auto& x : rows)
      if (x.input == 0)
        decisive[by_.per == occasion::click ? x.at : end_of_window(x.at)] = x;
    texts out;
    for (const auto& [at, click] : decisive) {
      auto list = list_of(std::string{click.cells[0].as_text()}, bought_until(rows, at), at,
                          products_.version(version(at)));
      if (!list.empty())
        out.push_back("+|[" + list + "]," + shown(at) + "@" + show(at));
    }
    return out;
  }

private:
  event_time end_of_window(event_time at) const {
    return at - at.time_since_epoch() % by_.window + by_.window - 1us;
  }
  std::string shown(event_time at) const {
    auto time = cell::timestamp(by_.per == occasion::click ? at : at + 1us);
    return show(time);
  }

  std::set<std::string> bought_until(const std::vector<arrival>& rows, event_time at) const {
    std::vector<std::pair<std::string, event_time>> all;
    for (const auto& x : rows) {
      if (x.input != 1 || x.at > at)
        continue;
      std::string id{x.cells[1].as_text()};
      std::erase_if(all, [&](const auto& known) {
        return known.first == id || (by_.bought_for && known.second + *by_.bought_for <= x.at);
      });
      all.emplace_back(id, x.at);
      if (all.size() > by_.max_bought)
        all.erase(all.begin());
    }
    std::set<std::string> out;
    for (const auto& [id, when] : all)
      if (!by_.bought_for || when + *by_.bought_for > at)
        out.insert(id);
    return out;
  }

  std::string list_of(const std::string& viewed, const std::set<std::string>& bought, event_time at,
                      const inventory& products) {
    auto known = std::find_if(products.begin(), products.end(),
                              [&](const auto& x) { return x.id == viewed; });
    if (known == products.end() || known->category < 0)
      return "";
    inventory of_category;
    for (const auto& x : products)
      if (x.category == known->category)
        of_category.push_back(x);
    std::sort(of_category.begin(), of_category.end(), [&](const auto& a, const auto& b) {
      auto a_bought = bought.count(a.id);
      auto b_bought = bought.count(b.id);
      if (a_bought != b_bought)
        return a_bought > b_bought;
      return a.rating != b.rating ? better(a.rating, b.rating) : a.id < b.id;
    });
    std::erase_if(suggested_, [&](const auto& x) { return x.second + by_.forget_after <= at; });
    auto list = unsuggested(of_category, viewed);
    auto in_stock = std::any_of(of_category.begin(), of_category.end(),
                                [](const auto& x) { return x.stock > 0; });
    if (list.empty() && in_stock && by_.when_exhausted == exhausted::restart) {
      std::erase_if(suggested_, [&](const auto& x) {
        return std::any_of(of_category.begin(), of_category.end(),
                           [&](const auto& y) { return y.id == x.first; });
      });
      list = unsuggested(of_category, viewed);
    }
    remember(list, at);
    std::string out;
    for (const auto& id : list)
      out += (out.empty() ? "" : " ") + id;
    return out;
  }

  bool better(int64_t a, int64_t b) const {
    if (by_.ranking == 0 || a < 0 || b < 0)
      return a > b;
    return std::to_string(a) > std::to_string(b);
  }

  texts unsuggested(const inventory& ordered, const std::string& viewed) const {
    texts out;
    for (const auto& x : ordered) {
      auto repeated = std::any_of(suggested_.begin(), suggested_.end(),
                                  [&](const auto& y) { return y.first == x.id; });
      if (x.stock > 0 && !repeated && !(by_.exclude_viewed && x.id == viewed) && out.size() < by_.k)
        out.push_back(x.id);
    }
    return out;
  }

  void remember(texts list, event_time at) {
    if (!by_.avoid_repeats)
      return;
    // Of those suggested together, which leave first beyond the bound is the hashes' affair.
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return distinct_hash(cell::string(a)) < distinct_hash(cell::string(b));
    });
    for (const auto& id : list)
      suggested_.emplace_back(id, at);
    while (suggested_.size() > by_.max_suggested)
      suggested_.erase(suggested_.begin());
  }

  const recommend_settings& by_;
  const shelf& products_;
  std::vector<std::pair<std::string, event_time>> suggested_;
};

} // namespace

TEST_CASE("recommend differential: every list is the one that a recomputation gives") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(1500); ++i) {
    INFO("stream " << i);
    shelf products{some_inventory(random)};
    auto settings = some_settings(products, random);
    auto rows = some_rows(random, random() % 50, 60);
    auto x = key_of(settings);
    published every;
    x.changes = &every;
    std::map<event_time, uint64_t> versions; // by the watermark up to which lists were made
    run(x, rows, 1s * (random() % 10), random, [&](event_time watermark) {
      if (random() % 6 == 0)
        products.put(some_inventory(random));
      versions.emplace(watermark, products.get()->current()->version());
    });
    auto expected = oracle{settings, products}.log(
        rows, [&](event_time at) { return versions.lower_bound(at)->second; });
    REQUIRE(every.log == expected);
  }
}

TEST_CASE("recommend property: the order of arrival does not matter, bounds included") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(1000); ++i) {
    INFO("stream " << i);
    shelf products{some_inventory(random)};
    auto settings = some_settings(products, random);
    auto rows = some_rows(random, 10 + random() % 50, 60);
    auto x = key_of(settings);
    published of_x;
    x.changes = &of_x;
    run(x, rows, 8s, random);
    auto y = key_of(settings);
    published of_y;
    y.changes = &of_y;
    run(y, rows, 0s, random);
    REQUIRE(of_x.log == of_y.log);
    REQUIRE(x.read_all(start) == y.read_all(start));
  }
}
