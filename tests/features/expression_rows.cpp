#include "expression_rows.hpp"

#include "features/decimal.hpp"

#include <fmt/format.h>

namespace keyfold::test {

std::string shown(const cell& x) {
  switch (x.kind()) {
  case cell_kind::null:
    return "NULL";
  case cell_kind::boolean:
    return x.as_boolean() ? "TRUE" : "FALSE";
  case cell_kind::integer:
    return fmt::to_string(x.as_integer());
  case cell_kind::real:
    return fmt::format("{}", x.as_real());
  case cell_kind::decimal: {
    std::string text;
    append_decimal(x, text);
    return text;
  }
  case cell_kind::timestamp:
    return "TIMESTAMP '" + format_rfc3339(x.as_timestamp()) + "'";
  case cell_kind::string: {
    std::string text = "'";
    for (auto c : x.as_text())
      text += c == '\'' ? std::string{"''"} : std::string{c};
    return text + "'";
  }
  default:
    return "…";
  }
}

std::string evaluated(const std::string& text, const example_row& row) {
  auto compiled = compile_expression(text, row.columns());
  if (!compiled)
    return fmt::format("error at {}: {}", compiled.error().offset, compiled.error().message);
  arena scratch;
  return shown(compiled->evaluate(row.cells(), scratch));
}

} // namespace keyfold::test
