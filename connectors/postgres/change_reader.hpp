#pragma once

#include "connectors/postgres/pgoutput.hpp"
#include "connectors/postgres/table_copy.hpp"
#include "connectors/postgres/table_reading.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::postgres {

/// Turns the changes of one table into steps of its copy. Pure.
class change_reader {
public:
  explicit change_reader(const table_settings& of) : of_(of) {}

  /// Only changes of the table with this number in the catalogue are of interest; 0: of any.
  void follow(uint32_t table) noexcept { followed_ = table; }
  /// The columns of the table that changes are of from now on; another table is passed over. False,
  /// and why, where one is missing or the replica identity lacks the key.
  bool see(const pgoutput::relation& x, std::string& why);
  bool knows(uint32_t relation) const noexcept { return relation == relation_ && !places_.empty(); }
  /// Whether one of the columns that are wanted did not come, since its long value is unchanged.
  bool lacks_values(const pgoutput::row& x) const noexcept;
  /// What the row that has this key now was; nothing where that is not known.
  using old_row = std::function<std::optional<std::string>(const std::string& key)>;
  /// @param old for values that the server leaves out since they are unchanged
  /// @return false, and why, where the row cannot be read: then `out` erases what was under its
  /// key, and has an empty one where that cannot be read either
  bool put(const pgoutput::row& now, const old_row& old, table_copy::step& out,
           std::string& why) const;
  bool erase(const pgoutput::row& before, table_copy::step& out, std::string& why) const;

private:
  bool key_of(const pgoutput::row& x, std::string& key, std::string& why) const;
  bool keep_values(const std::vector<uint8_t>& kept, const old_row& old, const std::string& key,
                   arena& memory, std::vector<cell>& cells, std::string& why) const;

  const table_settings& of_;
  uint32_t followed_ = 0;
  uint32_t relation_ = 0;
  size_t width_ = 0;
  std::vector<size_t> places_; ///< per field: the column
};

} // namespace keyfold::postgres
