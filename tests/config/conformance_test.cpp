#include "cases.hpp"
#include "definitions.hpp"
#include "window_runner.hpp"

#include <fstream>

namespace keyfold::config {

namespace {

using namespace keyfold::conformance;

/// Runs a case and compares what it gives.
void check_run(const run& x, const plan& from) {
  window_runner runner{from, x.view.empty() ? x.stream : x.view};
  for (const auto& next : x.steps) {
    if (const auto* row = std::get_if<record>(&next))
      runner.put(row->value, row->stream, !x.explicit_time);
    else
      runner.advance_to(
          event_time{std::chrono::milliseconds{std::get<watermark>(next).milliseconds}});
  }
  runner.end();
  CHECK(difference(x.expected, runner.published) == "");
  CHECK(runner.counts.expired >= x.timeouts);
}

/// The whole of a conformance file, without an actor: `scripts/conformance` runs it with them.
void check_file(const std::string& name) {
  std::ifstream file{KEYFOLD_SOURCE_DIR "/tests/conformance/" + name};
  REQUIRE(file);
  size_t ran = 0;
  for (const auto& x : runs_of(json::parse(file))) {
    if (!x.skipped.empty())
      continue;
    ++ran;
    auto definition = with_output(x, "result.jsonl");
    INFO(x.name << "\n" << definition.dump(1));
    auto made = compile_text(definition.dump());
    if (!made)
      for (const auto& message : made.error().messages)
        UNSCOPED_INFO(message);
    CHECK(made.has_value() != x.refused);
    if (made)
      check_run(x, *made);
  }
  CHECK(ran > 20);
}

} // namespace

TEST_CASE("conformance: every case of patterns.json, by the pure views") {
  check_file("patterns.json");
}

TEST_CASE("conformance: every case of windows.json, by the pure views") {
  check_file("windows.json");
}

TEST_CASE("conformance: what a case says that is not known is a reason to skip it, and told") {
  auto reason = [](const std::string& text) {
    auto runs = runs_of(json::parse(text));
    REQUIRE(runs.size() == 1);
    return runs[0].skipped;
  };
  CHECK(reason(R"({"cases": [{"id": "x", "kind": "regex"}]})")
        == "cases of the kind `regex` are not known");
  CHECK(reason(R"({"cases": [{"id": "x", "kind": "cep", "colour": 1}]})")
        == "the key `colour` of the case is not known");
  CHECK(reason(R"({"cases": [{"id": "x", "kind": "cep", "events": [{"id": 1}], "expected": [],
                              "stages": [{"name": "a", "when": {"op": "like", "field": "id", "value": 1}}]}]})")
        == "conditions with the op `like` are not known");
  CHECK(reason(R"({"cases": [{"id": "x", "kind": "match_recognize", "pattern": "A", "rows": []}]})")
        == "it carries no expectation");
  CHECK(reason(R"({"python_tests": {"a.py": {"test_x": {"features": {}}}}})")
        == "it carries no expectation");
  CHECK_THROWS_AS(runs_of(json::parse("[1]")), unknown_notation);
}

TEST_CASE("conformance: rows that are missing and rows that are too many are told") {
  json a{{"n", 1}, {"at", "1970-01-01T00:00:01Z"}};
  json same{{"at", 1000}, {"n", 1.0}, {"more", true}};
  CHECK(difference({a}, {same}).empty());
  CHECK(difference({a, a}, {same}) == "missing {at: 1000.0, n: 1.0}");
  CHECK(difference({}, {a}) == "too much {at: 1000.0, n: 1.0}");
  CHECK(difference({a}, {json{{"n", 1}}}).find("no such column") != std::string::npos);
}

} // namespace keyfold::config
