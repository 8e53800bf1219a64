#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

namespace keyfold::config {

namespace {

/// A shop's actions with one view.
std::string shop(const std::string& view) {
  return R"({"application": "shop", "streams": [
  {"name": "actions", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"user": "int32", "item": "int32", "action": "string", "query": "string", "price": "double",
              "unused": "string", "t": "timestamp"}}],
"entities": [{"name": "user", "key": ["user"]}],
"views": [{"name": "it", "type": "pattern", "entity": "user", "stream": "actions", )"
         + view + "}]}";
}

bool refused(const std::string& view, const std::string& of) {
  return complains(shop(view), of);
}

const std::string rest = R"x(, "measures": {"m": "COUNT(*)"}, "after_match": "no skip")x";

} // namespace

TEST_CASE("definition of pattern: the example of the page compiles, and reads what it needs") {
  std::ifstream in{KEYFOLD_SOURCE_DIR "/docs/views/pattern.md"};
  std::stringstream page;
  page << in.rdbuf();
  auto text = page.str();
  auto begin = text.find("\"pattern\": \"A B C D\"");
  auto end = text.find(",\n  \"emits\"", begin); // which needs a reader
  REQUIRE(end != std::string::npos);
  auto made = must_compile(shop(text.substr(begin, end - begin)));
  const auto& view = *made.entities.at(0)->views.at(0);
  CHECK(view.kind() == "pattern");
  REQUIRE(view.emissions().size() == 3);
  CHECK(view.emissions()[1].name == "query");
  CHECK(view.features().size() == 9);
  auto unused = made.streams.at(0).schema->find("unused");
  CHECK_FALSE(unused);
  CHECK(made.streams.at(0).schema->find("query"));
}

TEST_CASE("definition of pattern: stages, groups, alternatives and negations") {
  must_compile(shop(R"("stages": [
    {"variable": "a", "where": "action = 'a'"},
    {"variable": "n", "link": "not_next", "where": "price > a.price"},
    {"link": "followed_by", "times": "{2,3}", "stages": [{"variable": "b"}, {"variable": "c", "link": "next"}]},
    {"link": "followed_by", "any_of": [[{"variable": "d"}], [{"variable": "e"}, {"variable": "f"}]]},
    {"variable": "g", "times": "+", "greedy": true, "loop": "any", "until": "action = 'stop'"},
    {"variable": "z", "link": "not_followed_by"}], "within": "1h")"
                    + rest));
}

TEST_CASE("definition of pattern: what is wrong is told with its place and the remedy") {
  CHECK(refused(R"("measures": {"m": "1"}, "after_match": "no skip")", "a pattern is missing"));
  CHECK(refused(R"("pattern": "A", "stages": [{"variable": "A"}])" + rest, "not as both"));
  CHECK(refused(R"x("pattern": "A B)")x" + rest, "`)` is not expected here"));
  CHECK(refused(R"("pattern": "A B", "define": {"C": "TRUE"})" + rest,
                "the pattern has no variable `C`"));
  CHECK(refused(R"("pattern": "A B", "define": {"B": "pryce > A.price"})" + rest,
                "column `pryce` is unknown: did you mean `price`"));
  CHECK(refused(R"("pattern": "A", "measures": {"m": "A.itme"}, "after_match": "no skip")",
                "did you mean `item`"));
  CHECK(refused(R"("pattern": "A", "measures": {"m": "1"}, "after_match": "skip")",
                "`skip past last row`"));
  CHECK(refused(R"("pattern": "A B", "measures": {"m": "1"}, "after_match": "SKIP TO FIRST C")",
                "the pattern has no variable `C`"));
  CHECK(refused(R"("pattern": "A B", "measures": {"m": "1"}, "after_match": "SKIP TO LAST A")",
                "skip_without_target"));
  CHECK(refused(R"("pattern": "A", "measures": {"m": "1"})", "`after_match`"));
  CHECK(refused(R"("pattern": "A", "within": "0s")" + rest, "must be longer than 0"));
  CHECK(refused(R"("pattern": "A", "within_inclusive": true)" + rest, "that is missing"));
  CHECK(refused(R"("stages": [{"variable": "a"}, {"variable": "a"}])" + rest,
                "two variables called `a`"));
  CHECK(refused(R"("stages": [{"where": "TRUE"}])" + rest, "a stage has one of"));
  CHECK(refused(R"("stages": [{"variable": "a", "times": "{3,1}"}])" + rest, "no quantifier"));
  CHECK(refused(
      R"("stages": [{"variable": "a"}, {"variable": "b", "link": "not_next", "times": "+"}])"
          + rest,
      "cannot be repeated"));
  CHECK(refused(R"("stages": [{"variable": "a"}, {"variable": "b", "link": "not_followed_by"}])"
                    + rest,
                "only together with `within`"));
  CHECK(refused(R"("stages": [{"variable": "a", "until": "TRUE"}])" + rest, "is not repeated"));
}

} // namespace keyfold::config
