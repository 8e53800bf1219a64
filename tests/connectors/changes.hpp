#pragma once

#include "messages/change_log.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::testing {

/// The rows of a view: user → n, last.
inline change_columns counts(const std::string& view = "counts") {
  return {view,
          {{"user", *parse_data_type("string")}},
          {{"n", *parse_data_type("int64")}, {"last", *parse_data_type("string")}}};
}

/// A log of upserts `user` → (n, "x y"); n < 0 is a delete.
inline std::string log_of(const std::vector<std::pair<std::string, int64_t>>& rows,
                          uint32_t source = 0) {
  std::string log;
  change_log_writer writer{log};
  for (auto& [user, n] : rows) {
    auto key = cell::string(user);
    cell values[] = {cell::integer(n), cell::string("x y")};
    change x;
    x.source = source;
    x.erased = n < 0;
    x.key = {&key, 1};
    if (!x.erased)
      x.values = values;
    writer.append(x);
  }
  return log;
}

} // namespace keyfold::testing
