#include "definitions.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace keyfold::config {

namespace {

/// A shop: clicks, checkouts and prices, with one view; its output takes every change.
std::string shop(const std::string& view, const std::string& output = "") {
  return R"({"application": "shop", "streams": [
  {"name": "clicks", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"user": "string", "click_id": "string", "product": "string", "price": "double", "t": "timestamp",
              "removed": "bool", "tags": "list<string>"}},
  {"name": "checkouts", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"buyer": "string", "user": "string", "checkout_id": "string", "product": "string", "number": "int64",
              "t": "timestamp"}}],
"entities": [{"name": "user", "key": ["user"]}],
"views": [{"name": "it", "entity": "user", )"
         + view
         + R"(}, {"name": "rest", "type": "latest", "entity": "user", "stream": "checkouts", "columns": ["t"]},
           {"name": "other", "type": "latest", "entity": "user", "stream": "clicks", "columns": ["t"]}])"
         + output + "}";
}

std::shared_ptr<const view> must_compile(const std::string& text) {
  auto made = compile_text(text);
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  return made->entities.at(0)->views.at(0);
}

std::string complaint(const std::string& text) {
  auto made = compile_text(text);
  REQUIRE_FALSE(made);
  return made.error().messages.at(0);
}

bool mentions(const std::string& text, const std::string& what) {
  INFO(text);
  return text.find(what) != std::string::npos;
}

std::vector<std::string> names_of(std::span<const column> columns) {
  std::vector<std::string> out;
  for (const auto& x : columns)
    out.push_back(x.name + " " + to_string(x.type));
  return out;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("definition of top_k: columns, a measure and a name make a list") {
  auto made = must_compile(shop(R"("type": "top_k", "stream": "clicks", "candidates": ["product"],
    "k": 5, "by": "sum", "expression": "price", "feature": "best", "ttl": "7d", "with_scores": true)"));
  CHECK(made->kind() == "top_k");
  CHECK(made->features()[0].name == "best");
  CHECK(to_string(made->features()[0].type) == "list<string>");
  CHECK(made->features()[1].name == "best_scores");
  CHECK(names_of(made->changes().values) == names{"best list<string>", "best_scores list<double>"});
}

TEST_CASE("definition of top_k: what does not go together is refused at its place") {
  auto with = [](const std::string& more) {
    return complaint(
        shop(R"("type": "top_k", "stream": "clicks", "candidates": ["product"], )" + more));
  };
  CHECK(mentions(with(R"("by": "sum")"), "this needs an `expression`"));
  CHECK(mentions(with(R"("by": "decayed_count")"), "`time_constant` or a `half_life`"));
  CHECK(mentions(with(R"("half_life": "1h")"), "only a `decayed_count` fades"));
  CHECK(mentions(with(R"("expression": "price")"), "a count has no expression"));
  CHECK(mentions(with(R"("by": "max", "expression": "product")"), "a number is needed"));
  CHECK(mentions(with(R"("k": 1000)"), "max_candidates (1000) must be more than k (1000)"));
  CHECK(mentions(with(R"("by": "most")"), "`by` must be"));
  CHECK(mentions(with(R"("ttl": "0s")"), "`ttl` must be longer than 0"));
  CHECK(mentions(complaint(shop(R"("type": "top_k", "stream": "clicks", "candidates": ["tags"])")),
                 "which cannot be a key or a group"));
  CHECK(
      mentions(complaint(shop(R"("type": "top_k", "stream": "clicks", "candidates": ["produce"])")),
               "did you mean `product`?"));
}

TEST_CASE("definition of latest: columns may have other names, and deletions a condition") {
  auto made = must_compile(shop(R"("type": "latest", "stream": "clicks",
    "columns": {"last_product": "product", "last_price": "price"}, "time_feature": "seen_at",
    "delete_when": "removed", "keep_deletions": "2d", "where": "price > 0", "late": "drop")"));
  CHECK(names_of(made->changes().values)
        == names{"last_product string", "last_price double", "seen_at timestamp"});
  CHECK(made->features().size() == 3);
}

TEST_CASE("definition of latest: mistakes are refused at their place") {
  auto with = [](const std::string& more) {
    return complaint(shop(R"("type": "latest", "stream": "clicks", )" + more));
  };
  CHECK(mentions(with(R"("columns": [])"), "must not be empty"));
  CHECK(mentions(with(R"("columns": ["product"], "delete_when": "price")"),
                 "a condition must be true or false"));
  CHECK(mentions(with(R"("columns": ["product"], "keep_deletions": "1h")"), "needs `delete_when`"));
  CHECK(mentions(with(R"("columns": ["product"], "time_feature": "product")"), "two features"));
  CHECK(mentions(with(R"("columns": {"a-b": "product"})"), "a-b"));
}

TEST_CASE("definition of attribution: two streams in their roles, matched by columns") {
  auto made = must_compile(
      shop(R"("type": "attribution", "touches": "clicks",
    "conversions": {"stream": "checkouts", "key": {"user": "buyer"}}, "match": ["product"], "window": "1h",
    "model": "last_click", "touch_columns": {"click_id": "click_id", "click_time": "t"},
    "conversion_columns": ["checkout_id", "t"], "published_key": ["checkout_id"])",
           R"(, "outputs": [{"name": "out", "type": "file", "path": "o", "views": ["it"],
    "every_change": true}])"));
  CHECK(std::vector<std::string>(made->inputs().begin(), made->inputs().end())
        == names{"clicks", "checkouts"});
  CHECK(names_of(made->emissions())
        == names{"checkout_id string", "t timestamp", "click_id string", "click_time timestamp"});
  CHECK(names_of(made->changes().group) == names{"checkout_id string"});
  CHECK(names_of(made->changes().values)
        == names{"t timestamp", "click_id string", "click_time timestamp"});
}

TEST_CASE("definition of attribution: mistakes are refused at their place") {
  auto with = [](const std::string& more, const std::string& output = "") {
    return complaint(shop(R"("type": "attribution", "touches": "clicks", "conversions": "checkouts",
      "conversion_columns": ["checkout_id"], )"
                              + more,
                          output));
  };
  CHECK(mentions(with(R"("match": ["product"])"), "needs the key `window`"));
  CHECK(mentions(with(R"("window": "0s")"), "`window` must be longer than 0"));
  CHECK(mentions(with(R"("window": "1h", "match": {"product": "number"})"),
                 "a touch's `string` cannot match a conversion's `int64`"));
  CHECK(mentions(with(R"("window": "1h", "match": {"produce": "product"})"),
                 "did you mean `product`?"));
  CHECK(mentions(with(R"("window": "1h", "model": "time_decay")"), "needs a `half_life`"));
  CHECK(mentions(with(R"("window": "1h", "first_share": 0.5)"), "for the model `position_based`"));
  CHECK(mentions(with(R"("window": "1h", "model": "position_based", "first_share": 0.7)"),
                 "no more than 1 together"));
  CHECK(mentions(with(R"("window": "1h", "published_key": ["click_id"])"),
                 "no column that it emits"));
  CHECK(mentions(
      with(R"("window": "1h", "published_key": ["checkout_id"])",
           R"(, "outputs": [{"name": "out", "type": "file", "path": "o", "views": ["it"]}])"),
      "needs `\"every_change\": true`"));
  CHECK(mentions(
      with(R"("window": "1h")", R"(, "outputs": [{"name": "out", "type": "file", "path": "o",
    "views": ["it"], "every_change": true}])"),
      "publishes nothing"));
}

TEST_CASE("definition of as_of: versions, and rows to join with them") {
  auto made = must_compile(shop(R"("type": "as_of", "values": "clicks", "value_columns": ["price"],
    "rows": "checkouts", "row_columns": {"id": "checkout_id", "n": "number"}, "join": "inner", "history": "1d")"));
  CHECK(names_of(made->emissions()) == names{"id string", "n int64", "price double"});
  CHECK(made->features()[0].name == "price");
  made = must_compile(shop(R"("type": "as_of", "values": "clicks", "value_columns": ["price"])"));
  CHECK(made->emissions().empty());
  CHECK(made->inputs().size() == 1);
}

TEST_CASE("definition of as_of: expressions over both sides are columns of the emitted stream") {
  auto made = compile_text(shop(R"("type": "as_of", "values": "clicks", "value_columns": ["price"],
    "rows": "checkouts", "row_columns": ["user", "number"],
    "emits": {"name": "priced", "derived": {"amount": "number * price"}}},
    {"name": "best", "type": "top_k", "entity": "user", "stream": "priced", "candidates": ["user"],
     "by": "sum", "expression": "amount")"));
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  auto priced = std::find_if(made->streams.begin(), made->streams.end(),
                             [](const auto& x) { return x.schema->name == "priced"; });
  REQUIRE(priced != made->streams.end());
  CHECK(to_string(priced->schema->fields.back().type) == "double");
}

TEST_CASE("definition of as_of: mistakes are refused at their place") {
  auto with = [](const std::string& more) {
    return complaint(
        shop(R"("type": "as_of", "values": "clicks", "value_columns": ["product"], )" + more));
  };
  CHECK(mentions(with(R"("join": "inner")"), "this needs `rows`"));
  CHECK(mentions(with(R"("rows": "checkouts", "row_columns": ["product"])"), "two of its columns"));
  CHECK(mentions(with(R"("rows": "checkouts")"), "emits no column of `rows`"));
  CHECK(mentions(with(R"("rows": "checkouts", "row_columns": ["number"], "rows_where": "number")"),
                 "a condition must be true or false"));
}

} // namespace keyfold::config
