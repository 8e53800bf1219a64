#pragma once

#include "case.hpp"

/// Values as windows.json writes them, as plain ones.
namespace keyfold::conformance {

/// Rows with the names of their columns.
struct table {
  std::vector<std::string> columns;
  std::vector<json> rows; ///< arrays
};

/// `{"columns": [...], "rows": [[...], ...]}`, the rows perhaps under another name.
table table_of(const json& x, const char* rows = "rows");

/// `{"ms": n}`
std::string duration_text(const json& length);

/// Milliseconds since 1970 of a time of day, `2022-01-01 08:01:00` or the like. @throws
/// unknown_notation
int64_t milliseconds_of(const std::string& text);
/// Whether `milliseconds_of` can read it.
bool is_time(const json& x);

/// `{"to_epoch_millis": s}`, `{"to_epoch": s}` and `{"map": [[k, v], ...]}` as numbers and objects.
json plain(const json& x);

} // namespace keyfold::conformance
