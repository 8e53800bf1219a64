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

plan must_compile(const std::string& text) {
  auto made = compile_text(text);
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  return *std::move(made);
}

/// All complaints, without the file.
std::string complaints(const std::string& view) {
  auto made = compile_text(shop(view));
  REQUIRE_FALSE(made);
  std::string out;
  for (const auto& x : made.error().messages)
    out += x.substr(x.find(':') + 1) + "\n";
  INFO(out);
  return out;
}

bool complains(const std::string& view, const std::string& of) {
  auto all = complaints(view);
  UNSCOPED_INFO(all);
  return all.find(of) != std::string::npos;
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
  CHECK(complains(R"("measures": {"m": "1"}, "after_match": "no skip")", "a pattern is missing"));
  CHECK(complains(R"("pattern": "A", "stages": [{"variable": "A"}])" + rest, "not as both"));
  CHECK(complains(R"x("pattern": "A B)")x" + rest, "`)` is not expected here"));
  CHECK(complains(R"("pattern": "A B", "define": {"C": "TRUE"})" + rest,
                  "the pattern has no variable `C`"));
  CHECK(complains(R"("pattern": "A B", "define": {"B": "pryce > A.price"})" + rest,
                  "column `pryce` is unknown: did you mean `price`"));
  CHECK(complains(R"("pattern": "A", "measures": {"m": "A.itme"}, "after_match": "no skip")",
                  "did you mean `item`"));
  CHECK(complains(R"("pattern": "A", "measures": {"m": "1"}, "after_match": "skip")",
                  "`skip past last row`"));
  CHECK(complains(R"("pattern": "A B", "measures": {"m": "1"}, "after_match": "SKIP TO FIRST C")",
                  "the pattern has no variable `C`"));
  CHECK(complains(R"("pattern": "A B", "measures": {"m": "1"}, "after_match": "SKIP TO LAST A")",
                  "skip_without_target"));
  CHECK(complains(R"("pattern": "A", "measures": {"m": "1"})", "`after_match`"));
  CHECK(complains(R"("pattern": "A", "within": "0s")" + rest, "must be longer than 0"));
  CHECK(complains(R"("pattern": "A", "within_inclusive": true)" + rest, "that is missing"));
  CHECK(complains(R"("stages": [{"variable": "a"}, {"variable": "a"}])" + rest,
                  "two variables called `a`"));
  CHECK(complains(R"("stages": [{"where": "TRUE"}])" + rest, "a stage has one of"));
  CHECK(complains(R"("stages": [{"variable": "a", "times": "{3,1}"}])" + rest, "no quantifier"));
  CHECK(complains(
      R"("stages": [{"variable": "a"}, {"variable": "b", "link": "not_next", "times": "+"}])"
          + rest,
      "cannot be repeated"));
  CHECK(complains(R"("stages": [{"variable": "a"}, {"variable": "b", "link": "not_followed_by"}])"
                      + rest,
                  "only together with `within`"));
  CHECK(complains(R"("stages": [{"variable": "a", "until": "TRUE"}])" + rest, "is not repeated"));
}

} // namespace keyfold::config
