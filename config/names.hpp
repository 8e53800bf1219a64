#pragma once

#include "config/node.hpp"

#include <optional>
#include <string>
#include <vector>

namespace keyfold::config {

/// Complains unless the string is a name: a letter or `_`, then letters, digits, `_` and `-`.
/// Returns whether it is.
bool check_name(const node& name);

/// Complains of what is no table's name in SQL, `table` or `schema.table`, each part a word or in
/// double quotes: it becomes part of statements as it stands.
bool check_table_name(const node& name);

/// Complains of what PostgreSQL takes for no slot's name.
bool check_slot_name(const node& name);

/// Complains unless `name` can be a column: a letter or `_`, then letters, digits and `_`. Returns
/// whether it can.
bool check_column_name(const std::string& name, const node& of);

/// The things of one kind, by name.
class name_table {
public:
  /// @param kind the plural, for messages, e.g. "streams"
  explicit name_table(std::string kind) : kind_(std::move(kind)) {}

  /// Gives `name` the next number; complains at `at` of a name taken. Returns whether it was free.
  bool add(const std::string& name, const node& at);
  /// The number of the thing that `reference` names; complains where there is none.
  std::optional<uint32_t> find(const node& reference) const;
  std::optional<uint32_t> find(const std::string& name) const;
  const std::vector<std::string>& names() const noexcept { return names_; }

private:
  std::string kind_;
  std::vector<std::string> names_;
  std::map<std::string, uint32_t> numbers_;
};

} // namespace keyfold::config
