#include "graph_fixture.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

const std::string joined = R"({"name": "j", "type": "joined", "entity": "user", )";

} // namespace

TEST_CASE("roles: each role reads its stream, with its own key, as the input of its place") {
  graph_fixture made{two_streams(
      joined + R"("left": "clicks", "right": {"stream": "orders", "key": {"user": "buyer"}},
          "left_column": "item", "right_column": "number"})")};
  auto entities = made.build();
  REQUIRE_FALSE(made.source.failed());
  REQUIRE(entities.size() == 1);
  const auto& inputs = entities[0]->inputs;
  REQUIRE(inputs.size() == 2);
  CHECK(inputs[0].stream == "clicks");
  CHECK(inputs[0].key_columns == std::vector<uint32_t>{*made.schemas[0]->find("user")});
  REQUIRE(inputs[0].views.size() == 1);
  CHECK(inputs[0].views[0].input == 0);
  CHECK(inputs[1].stream == "orders");
  CHECK(inputs[1].key_columns == std::vector<uint32_t>{*made.schemas[1]->find("buyer")});
  REQUIRE(inputs[1].views.size() == 1);
  CHECK(inputs[1].views[0].input == 1);
}

TEST_CASE("roles: only the columns that a role uses of its stream are decoded") {
  graph_fixture made{two_streams(joined + R"("left": "clicks", "left_column": "item",
                  "right": {"stream": "orders", "key": {"user": "buyer"}}})")};
  made.build();
  CHECK(made.schemas[0]->find("item").has_value());
  CHECK_FALSE(made.schemas[0]->find("note").has_value());
  CHECK(made.schemas[1]->fields.size() == 2); // its key and its time
  CHECK_FALSE(made.schemas[1]->find("number").has_value());
}

TEST_CASE("roles: one stream in two roles of a view is one input of the entity") {
  graph_fixture made{
      two_streams(joined + R"("left": "clicks", "right": "clicks", "right_column": "item"},
      {"name": "s", "type": "single", "entity": "user", "stream": "orders", "key": {"user": "buyer"}})")};
  auto entities = made.build();
  REQUIRE_FALSE(made.source.failed());
  const auto& inputs = entities[0]->inputs;
  REQUIRE(inputs.size() == 2);
  REQUIRE(inputs[0].views.size() == 2);
  CHECK(inputs[0].views[0].input == 0);
  CHECK(inputs[0].views[1].input == 1);
  CHECK(inputs[1].views.size() == 1);
  CHECK(inputs[1].views[0].view == 1);
}

TEST_CASE("roles: an optional role given is an input, one not given has no number") {
  const auto tail = R"(}, {"name": "s", "type": "single", "entity": "user", "stream": "orders",
                       "key": {"user": "buyer"}})";
  graph_fixture without{two_streams(joined + R"("left": "clicks", "right": "clicks")" + tail)};
  graph_fixture with{
      two_streams(joined + R"("left": "clicks", "right": "clicks", "extra": "clicks")" + tail)};
  CHECK(without.build()[0]->inputs[0].views.size() == 2);
  auto inputs = with.build()[0]->inputs;
  REQUIRE(inputs[0].views.size() == 3);
  CHECK(inputs[0].views[2].input == 2);
}

TEST_CASE("roles: mistakes are told at the role") {
  struct wrong {
    std::string views;
    std::string sentence;
  };
  const wrong all[] = {
      {joined + R"("left": "clicks", "right": "order"})",
       "none of the streams is called `order`: did you mean `orders`?"},
      {joined + R"("left": {"stream": "click"}, "right": "clicks"})",
       "none of the streams is called `click`: did you mean `clicks`?"},
      {joined + R"("left": "clicks", "right": "orders"})",
       "the entity `user` is keyed by `user`, a column that the stream `orders` has not; name the "
       "one to take in the view's `key`"},
      {joined + R"("left": "clicks", "right": {"stream": "orders", "key": {"usr": "buyer"}}})",
       "the entity `user` has no key field `usr`: did you mean `user`?"},
      {joined + R"("left": "clicks", "right": {"stream": "orders", "key": {"user": "number"}}})",
       "the key field `user` of the entity `user` is `string` in the stream `clicks` and `int64` "
       "in the stream `orders`"},
      {joined + R"("left": "clicks", "right": {"stream": "orders", "key": {"user": "buyer"}},
                   "right_column": "nmber"})",
       "the stream `orders` has no column `nmber`: did you mean `number`?"},
      {joined + R"("left": "clicks", "right": "clicks"})", "no view is over the stream `orders`"},
  };
  for (const auto& x : all) {
    INFO(x.views);
    graph_fixture made{two_streams(x.views)};
    REQUIRE(made.source.failed());
    INFO(made.all_errors());
    CHECK(made.all_errors().find(x.sentence) != std::string::npos);
  }
}

} // namespace keyfold::config
