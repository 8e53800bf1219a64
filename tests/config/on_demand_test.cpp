#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

/// The small definition with an on-demand view and another service.
std::string with(const std::string& on_demand, const std::string& feature = "affinity:*") {
  return changed(R"("services": [)",
                 R"("on_demand": [{"name": "affinity", "entity": "user", )" + on_demand
                     + R"(}], "services": [{"name": "s", "features": [")" + feature + R"("]}, )");
}

} // namespace

TEST_CASE("definition of on_demand: inputs and request data make typed features") {
  auto made = compile_text(
      with(R"("inputs": {"likes": "activity:like_count_5s"}, "request": {"price": "double"},
    "values": {"worth": "likes * price", "liked": "likes > 1"})"));
  REQUIRE(made);
  const auto& x = made->on_demand.at(0);
  CHECK(x.entity == "user");
  CHECK(x.sources.at(0).feature == "like_count_5s");
  CHECK(x.parameters.at(0).name == "price");
  REQUIRE(x.features.size() == 2);
  CHECK(x.features[1].value.type().kind == type_kind::boolean);
  REQUIRE(made->services.at(0).features.size() == 2);
  CHECK(made->services[0].features[0].view == "affinity");
  auto explained = explain_text(*made);
  CHECK(explained.find("on demand affinity (of entity user): 2 features\n") != std::string::npos);
  CHECK(explained.find("  request  price double\n") != std::string::npos);
}

TEST_CASE("definition of on_demand: mistakes are refused at their place") {
  CHECK(
      complains(with(R"("inputs": {"likes": "activity:like_count_6s"}, "values": {"x": "likes"})"),
                "did you mean `like_count_5s`?"));
  CHECK(complains(with(R"("inputs": {"likes": "activities:x"}, "values": {"x": "likes"})"),
                  "did you mean `activity`?"));
  CHECK(complains(with(R"("inputs": {"likes": "activity"}, "values": {"x": "likes"})"),
                  "is no feature"));
  CHECK(complains(with(R"x("request": {"n": "decimal(5,2)"}, "values": {"x": "n"})x"),
                  "cannot be in a request"));
  CHECK(complains(with(R"("request": {"as_of": "timestamp"}, "values": {"x": "as_of"})"),
                  "has a meaning"));
  CHECK(complains(
      with(
          R"("inputs": {"n": "activity:like_count_5s"}, "request": {"n": "double"}, "values": {"x": "n"})"),
      "is an input already"));
  CHECK(complains(with(R"("request": {"n": "double"}, "values": {"x": "m"})"), "`m`"));
  CHECK(complains(with(R"("values": {"x": "1"})", "affinity:y"), "has no feature `y`"));
  CHECK(complains(with(R"("values": {})"), "must not be empty"));
  auto twice = with(R"("values": {"x": "1"})");
  CHECK(complains(twice.replace(twice.find("affinity"), 8, "activity"), "there is a view called"));
}

TEST_CASE("definition of on_demand: an entity that is not there is told once, and nothing that "
          "follows from it") {
  auto messages = [](std::string text, const std::string& what, const std::string& instead) {
    auto made = compile_text(text.replace(text.find(what), what.size(), instead));
    REQUIRE_FALSE(made);
    return made.error().messages;
  };
  auto text =
      with(R"("inputs": {"likes": "activity:like_count_5s"}, "values": {"x": "likes + 1"})");
  const std::string entities = R"("entities": [{"name": "user", "key": ["userId"]}])";
  auto none = messages(text, entities, R"("entities": [])");
  REQUIRE(none.size() == 2);
  for (const auto& x : none)
    CHECK_THAT(x, Catch::Contains("none of the entities is called `user`; there are no entities"));
  auto other = messages(text, R"("entity": "user", "inputs")", R"("entity": "usr", "inputs")");
  REQUIRE(other.size() == 1);
  CHECK_THAT(other[0], Catch::Contains("did you mean `user`?"));
  auto feature = messages(text, "activity:like_count_5s", "activity:like_count_6s");
  CHECK(feature.size() == 1);
  auto named = messages(
      with(R"("inputs": {"likes": "activity:like_count_5s"}, "values": {"x": "likes + 1"})",
           "affinity:x"),
      "activity:like_count_5s", "activity:like_count_6s");
  CHECK(named.size() == 1);
}

} // namespace keyfold::config
