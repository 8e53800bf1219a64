#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

const std::string prices = R"(,
  {"name": "prices", "source": {"type": "csv", "path": "prices.csv"}, "key": ["id", "country"],
   "fields": {"id": "string", "country": "string", "price": "double"}})";

/// A shop with clicks, sales and an inventory, and prices where they are asked for; the view has
/// the keys of `view`.
std::string shop(const std::string& view, const std::string& emits = "") {
  return R"({"application": "a", "streams": [
  {"name": "clicks", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"user": "string", "product": "string", "page": "string", "number": "int64", "t": "timestamp"}},
  {"name": "sales", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"buyer": "string", "item": "string", "product": "string", "t": "timestamp"}}],
"tables": [{"name": "inventory", "source": {"type": "csv", "path": "inventory.csv"}, "key": ["id"],
   "fields": {"id": "string", "category": "string", "stock": "int64", "rating": "int64", "stars": "string",
              "tags": "list<string>"}})"
         + (view.find("prices") == std::string::npos ? "" : prices) + R"(],
"entities": [{"name": "user", "key": ["user"]}],
"views": [{"name": "it", "type": "recommend", "entity": "user", "clicks": "clicks", )"
         + view + R"(},
   {"name": "rest", "type": "latest", "entity": "user", "stream": "clicks", "columns": ["t"]},
   {"name": "bought", "type": "latest", "entity": "user", "stream": "sales", "key": {"user": "buyer"}, "columns": ["t"]},
   {"name": "other", "type": "recommend", "entity": "user", "clicks": "clicks", "product": "product",
    "table": "inventory", "category": "category", "rating": "rating"})"
         + emits + "]}";
}

const std::string whole =
    R"("sales": {"stream": "sales", "key": {"user": "buyer"}}, "product": "product",
  "table": "inventory", "category": "category", "rating": "rating", "available": "stock > 0")";

std::string complaint(const std::string& view) {
  auto made = compile_text(shop(view));
  REQUIRE_FALSE(made);
  return made.error().messages.at(0);
}

/// The first complaint about `whole` with `what` replaced.
std::string complaint(const std::string& what, const std::string& with) {
  auto text = whole;
  auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return complaint(text.replace(at, what.size(), with));
}

bool mentions(const std::string& text, const std::string& what) {
  INFO(text);
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("definition of recommend: two streams, a table and its fields") {
  auto made =
      compile_text(shop(whole + R"(, "feature": "products", "click_columns": {"seen": "page"},
    "emits": "lists", "k": 3, "window": "1m", "exclude_viewed": true, "when_exhausted": "nothing",
    "forget_after": "2h", "bought_for": "365d", "ttl": "7d", "late": "drop", "max_suggested": 50)",
                        R"(, {"name": "seen", "type": "latest", "entity": "user",
    "stream": "lists", "key": {"user": "seen"}, "columns": ["products", "products_at"]})"));
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  const auto& view = *made->entities.at(0)->views.at(0);
  CHECK(view.kind() == "recommend");
  REQUIRE(view.inputs().size() == 2);
  CHECK(view.inputs()[1] == "sales");
  REQUIRE(view.features().size() == 2);
  CHECK(view.features()[0].name == "products");
  CHECK(to_string(view.features()[0].type) == "list<string>");
  CHECK(view.features()[1].name == "products_at");
  REQUIRE(view.emissions().size() == 3);
  CHECK(view.emissions()[0].name == "seen");
  // Compiled twice, the views have added an index each.
  const auto& inventory = *made->tables.at(0).held;
  CHECK(inventory.columns().size() == 6);
}

TEST_CASE("definition of recommend: without sales, columns of other names, ratings as texts") {
  auto made = compile_text(shop(R"("product": {"clicks": "product"}, "table": "inventory",
    "category": "category", "rating": "stars", "rating_order": "text", "per": "click")"));
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  CHECK(made->entities.at(0)->views.at(0)->inputs().size() == 1);
  CHECK(compile_text(shop(R"("sales": {"stream": "sales", "key": {"user": "buyer"}},
    "product": {"clicks": "product", "sales": "item"}, "table": "inventory", "category": "category",
    "rating": "rating")")));
}

TEST_CASE("definition of recommend: mistakes are refused at their place") {
  auto with = [](const std::string& more) { return complaint(whole + ", " + more); };
  CHECK(mentions(complaint("\"table\": \"inventory\"", "\"table\": \"inventary\""),
                 "did you mean `inventory`?"));
  CHECK(mentions(complaint("\"table\": \"inventory\"", "\"table\": \"prices\""),
                 "is found by 2 fields, and a product is one"));
  CHECK(mentions(complaint("\"rating\": \"rating\"", "\"rating\": \"ratings\""),
                 "did you mean `rating`?"));
  CHECK(mentions(complaint("\"rating\": \"rating\"", "\"rating\": \"stars\""),
                 "would be ordered as a number"));
  CHECK(mentions(complaint("\"category\": \"category\"", "\"category\": \"tags\""),
                 "cannot be a category"));
  CHECK(mentions(complaint("\"product\": \"product\"", "\"product\": \"number\""),
                 "a product is `int64` in the stream `clicks` and `string` in the table"));
  CHECK(mentions(complaint("\"product\": \"product\"", "\"product\": {\"clicks\": \"product\"}"),
                 "say which column of `sales`"));
  CHECK(mentions(complaint("stock > 0", "stocks > 0"), "did you mean `stock`"));
  CHECK(mentions(complaint("stock > 0", "stock"), "a condition must be true or false"));
  CHECK(mentions(with(R"("per": "click", "window": "5s")"), "there are no windows"));
  CHECK(mentions(with(R"("avoid_repeats": false, "forget_after": "1h")"), "about repeats"));
  CHECK(mentions(with(R"("k": 10, "max_suggested": 9)"), "less than k (10)"));
  CHECK(mentions(with(R"("window": "0s")"), "`window` must be longer than 0"));
  CHECK(mentions(with(R"("feature": "a-b")"), "a-b"));
  CHECK(mentions(with(R"("per": "page")"), "`per` must be"));
  CHECK(mentions(complaint(R"("product": "product", "table": "inventory", "category": "category",
    "rating": "rating", "max_bought": 5)"),
                 "`max_bought` needs `sales`"));
}

TEST_CASE("explain: a table has an arrow to each view that reads it") {
  auto made = compile_text(shop(whole));
  REQUIRE(made);
  auto text = explain_text(*made);
  INFO(text);
  CHECK(text.find(" bytes\n  -> view it\n  -> view other\nstream") != std::string::npos);
  CHECK(text.find("features\n    looks up rows of table inventory\n") != std::string::npos);
  auto chart = explain_mermaid(*made);
  INFO(chart);
  CHECK(chart.find("  table0 -.-> view0_0\n  table0 -.-> view0_3\n") != std::string::npos);
  CHECK(chart.find("table0 -.-> view0_1") == std::string::npos);
}

} // namespace keyfold::config
