#pragma once

#include "features/result.hpp"
#include "messages/change_log.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace keyfold {

/// A column of the database table that an output writes to, and the cell of a change it holds.
struct table_column {
  std::string name;
  data_type type;
  bool of_key = false; ///< the cell is one of `change::key`, else of `change::values`
  uint32_t place = 0;

  const cell& of(const change& x) const noexcept { return (of_key ? x.key : x.values)[place]; }
};

/// The columns of a table that holds the rows of one view or stream: those of the key first
/// (`key` says how many), then those of the value. A column of the key that the output's fields
/// name is there once, under the name they give it. Of a stream there is no key.
struct table_columns {
  std::vector<table_column> all;
  size_t key = 0;

  std::span<const table_column> of_key() const noexcept { return {all.data(), key}; }
  std::span<const table_column> of_value() const noexcept { return std::span{all}.subspan(key); }
};

/// An error, a sentence for the user, when two columns would have the same name (case aside, as
/// most databases see it), or there is none.
result<table_columns> table_columns_of(const change_columns& rows);

} // namespace keyfold
