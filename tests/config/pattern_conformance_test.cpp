#include "pattern_cases.hpp"
#include "replay.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

namespace keyfold::conformance {

namespace {

json read_cases() {
  std::ifstream in{KEYFOLD_SOURCE_DIR "/tests/conformance/patterns.json"};
  return json::parse(in)["cases"];
}

/// Sorted texts with the members of each row in one order, numbers by value.
std::vector<std::string> sorted(const std::vector<json>& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows) {
    nlohmann::json ordered = nlohmann::json::parse(comparable_pattern_row(row).dump());
    for (auto& x : ordered)
      if (x.is_number())
        x = x.get<double>();
    out.push_back(ordered.dump());
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("pattern: every conformance case, through the definition language") {
  size_t runs = 0;
  for (const auto& x : read_cases())
    for (const auto& run : runs_of_pattern_case(x)) {
      auto outcome = replay(run);
      INFO(run.name << "\n" << run.definition["views"].dump(1));
      for (const auto& problem : outcome.problems)
        UNSCOPED_INFO(problem);
      CHECK(run.skipped.empty());
      CHECK(outcome.compiled != run.refused);
      CHECK(sorted(outcome.emitted) == sorted(run.expected));
      ++runs;
    }
  CHECK(runs == 90);
}

} // namespace keyfold::conformance
