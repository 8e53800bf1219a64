#pragma once

#include "config/names.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::config {

/// The tables of a definition, for whatever reads them: lookups of streams, kinds of views. Not
/// thread-safe.
class table_set {
public:
  /// Reads the tables; complains of what is wrong with each by itself.
  /// @param application which the names of what is made elsewhere begin with
  explicit table_set(const node& definition, std::string application = {});

  /// The table that the string `reference` names, to be held by what reads it; complains where
  /// there is none. Null also for a table that something is wrong with.
  std::shared_ptr<lookup_table> find(const node& reference);
  /// Likewise, for a view that reads the table as a whole; complains of one that is not in memory
  /// as a whole. The table's plan names the view from now on.
  std::shared_ptr<table> find_loaded(const node& reference, const std::string& view);
  /// From now on `find` returns new tables. Views are compiled twice, and the indexes that they add
  /// to a table must be there once.
  void begin_again();
  /// Complains of tables that nothing reads.
  void check_use() const;
  /// The tables that `find` returns now. @pre nothing was wrong
  const std::vector<table_plan>& plans() const noexcept { return plans_; }

private:
  void read(const node& at);

  std::optional<uint32_t> find_number(const node& reference);

  std::string application_;
  std::vector<node> at_;
  name_table names_{"tables"};
  std::vector<table_plan> plans_; // without a table where something is wrong with it
  std::vector<bool> used_;
};

/// The field of a table that the string `name` names, as a number of `columns()`; complains where
/// there is none.
std::optional<uint32_t> find_field(const lookup_table& from, const node& name);

} // namespace keyfold::config
