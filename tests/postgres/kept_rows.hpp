#pragma once

#include "connectors/postgres/table_copy.hpp"

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::postgres::test {

/// What a ledger holds of a table: as the engine would keep it, in memory.
struct kept_rows {
  std::map<std::string, std::string> rows;
  std::optional<table_position> position;
};

/// An epoch on its way to the ledger.
struct open_epoch {
  std::vector<std::pair<std::string, std::string>> rows;
  table_share share;
};

inline open_epoch take_from(kept_table& x, size_t max_bytes = std::numeric_limits<size_t>::max(),
                            bool last = false) {
  open_epoch out;
  out.share = x.take(max_bytes, last, [&](std::string_view key, std::string_view row) {
    out.rows.emplace_back(key, row);
  });
  return out;
}

inline void commit_to(kept_rows& ledger, const open_epoch& x) {
  for (const auto& [key, row] : x.rows)
    if (row.empty())
      ledger.rows.erase(key);
    else
      ledger.rows[key] = row;
  ledger.position = x.share.position;
}

/// A whole epoch: taken, committed, told.
inline open_epoch keep(kept_table& x, kept_rows& ledger,
                       size_t max_bytes = std::numeric_limits<size_t>::max(), bool last = false) {
  auto out = take_from(x, max_bytes, last);
  commit_to(ledger, out);
  x.committed();
  return out;
}

inline void restore_to(kept_table& x, const kept_rows& ledger) {
  x.restore(ledger.position);
  for (const auto& [key, row] : ledger.rows)
    x.restore_row(key, row);
}

} // namespace keyfold::postgres::test
