#pragma once

#include "connectors/postgres/connection.hpp"

#include <string>
#include <vector>

namespace keyfold::postgres {

/// The prepared statements of an output, and what its transactions have in common.
inline constexpr const char* upsert_name = "keyfold_upsert";
inline constexpr const char* delete_name = "keyfold_delete";
inline constexpr const char* marker_name = "keyfold_marker";
/// A row's fault is told with the row, and not with the commit.
inline constexpr const char* immediate_constraints = "SET CONSTRAINTS ALL IMMEDIATE";

/// Arrays in the binary format as parameters, which refer to them.
inline std::vector<parameter> array_parameters(const std::vector<std::string>& arrays) {
  std::vector<parameter> out;
  out.reserve(arrays.size());
  for (const auto& x : arrays)
    out.push_back({x, true});
  return out;
}

} // namespace keyfold::postgres
