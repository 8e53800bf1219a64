#include "expression_rows.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

using namespace keyfold;
using namespace keyfold::test;

namespace {

/// The columns of a table's line, `\|` and `` \` `` without their backslash.
std::vector<std::string> columns_of(const std::string& line) {
  std::vector<std::string> columns;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '|')
      columns.emplace_back();
    else if (!columns.empty())
      columns.back().push_back(line[i] == '\\' ? line[++i] : line[i]);
  }
  for (auto& column : columns) {
    column.erase(0, column.find_first_not_of(' '));
    column.erase(column.find_last_not_of(' ') + 1);
  }
  return columns;
}

/// What stands between the first and the last backquote.
std::string code_of(const std::string& column) {
  auto first = column.find('`');
  auto last = column.rfind('`');
  REQUIRE(last > first);
  return column.substr(first + 1, last - first - 1);
}

struct documented {
  std::string expression;
  std::string outcome;
};

/// The lines of all tables whose header's first column is `title`.
std::vector<documented> tables_of(std::string_view title) {
  std::ifstream in{KEYFOLD_SOURCE_DIR "/docs/expressions.md"};
  REQUIRE(in);
  std::vector<documented> lines;
  auto inside = false;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('|')) {
      inside = false;
    } else if (auto columns = columns_of(line); columns[0] == title) {
      inside = true;
    } else if (inside && !line.starts_with("|---")) {
      REQUIRE(columns.size() >= 2);
      lines.push_back({code_of(columns[0]), columns[1]});
    }
  }
  return lines;
}

} // namespace

TEST_CASE("expression: every example of the documentation has the result it names") {
  example_row row;
  auto examples = tables_of("Example");
  CHECK(examples.size() > 120);
  for (const auto& example : examples) {
    INFO(example.expression);
    CHECK(evaluated(example.expression, row) == code_of(example.outcome));
  }
}

TEST_CASE("expression: every error of the documentation is reported as it says") {
  example_row row;
  auto examples = tables_of("Expression");
  CHECK(examples.size() >= 9);
  for (const auto& example : examples) {
    INFO(example.expression);
    auto compiled = compile_expression(example.expression, row.columns());
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().message == example.outcome);
  }
}
