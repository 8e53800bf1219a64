#pragma once

#include "connectors/postgres/table_copy.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::postgres::test {

using step = table_copy::step;
using rows = std::map<std::string, std::string>;

inline step put(std::string key, std::string row) {
  return {step::kind::put, std::move(key), std::move(row)};
}
inline step erase(std::string key) {
  return {step::kind::erase, std::move(key), {}};
}

/// Of a table `users` without rows, keyed by its first column.
inline std::unique_ptr<table_copy> make_copy(table_bounds bounds = {}) {
  return std::make_unique<table_copy>("users", std::vector<column>{}, std::vector<uint32_t>{0},
                                      bounds);
}

} // namespace keyfold::postgres::test
