#include "../conformance/window_cases.hpp"
#include "definitions.hpp"
#include "window_runner.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>

namespace keyfold::config {

namespace {

/// Numbers are compared as numbers: the file writes a sum of doubles as it likes.
std::string text_of(const ordered& x) {
  if (x.is_number())
    return nlohmann::json(x.get<double>()).dump();
  if (!x.is_structured())
    return x.dump();
  std::vector<std::string> parts;
  for (const auto& [key, value] : x.items())
    parts.push_back((x.is_object() ? key + ":" : "") + text_of(value));
  if (x.is_object())
    std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& part : parts)
    out += part + " ";
  return "{" + out + "}";
}

std::vector<std::string> expected_lines(const conformance::window_case& x) {
  std::vector<std::string> out;
  for (const auto& row : x.expected)
    out.push_back(text_of(row));
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> published_lines(const conformance::window_case& x,
                                         const std::vector<ordered>& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows) {
    auto wanted = ordered::array();
    for (const auto& column : x.columns)
      wanted.push_back(row.at(column));
    out.push_back(text_of(wanted));
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("windows conformance: every case that can be run passes") {
  std::ifstream file{KEYFOLD_SOURCE_DIR "/tests/conformance/windows.json"};
  REQUIRE(file);
  auto cases = conformance::read_window_cases(conformance::json::parse(file));
  size_t run = 0;
  for (const auto& x : cases) {
    if (!x.skipped.empty()) {
      std::cout << "skipped " << x.name << ": " << x.skipped << '\n';
      continue;
    }
    ++run;
    INFO(x.name);
    INFO(x.definition.dump(1));
    auto made = compile_text(x.definition.dump());
    if (!made)
      for (const auto& message : made.error().messages)
        UNSCOPED_INFO(message);
    REQUIRE(made);
    window_runner runner{*made, "case"};
    for (const auto& row : x.other_rows)
      runner.put(row, "other");
    for (const auto& row : x.rows)
      runner.put(row, "input");
    runner.end();
    CHECK(published_lines(x, runner.published) == expected_lines(x));
    CHECK(runner.counts.late_dropped == 0);
  }
  CHECK(run == 23);
}

} // namespace keyfold::config
