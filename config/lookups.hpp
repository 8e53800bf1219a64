#pragma once

#include "config/streams.hpp"
#include "config/tables.hpp"

#include <span>

namespace keyfold::config {

/// Reads the `lookups` of a stream: which of its columns come from tables. To be called around the
/// reading of the derived columns, which may be made of looked-up ones, and be keys of lookups.
class lookup_reader {
public:
  lookup_reader(declared_stream& to, table_set& tables) : to_(to), tables_(tables) {}

  /// Adds the columns; complains of what is wrong with them.
  void columns();
  /// Finds the columns that the tables are looked up by.
  void keys();
  /// Marks the columns used that decide which rows are left out.
  void use() const;

private:
  void read(const node& at, uint32_t number);
  void add_column(const std::string& name, const node& field_at, uint32_t number);
  void read_key(const node& at, uint32_t number);
  void add_key(const std::string& name, const node& at, uint32_t number);

  declared_stream& to_;
  table_set& tables_;
};

/// How many lookups must have been made before all of `columns` are known.
uint32_t stage_of(const stream_schema& schema, std::span<const uint32_t> columns);

/// Gives `to`, whose fields are those needed of `from`, the lookups they come from and those that
/// leave out rows, and numbers the stages again.
void prune_lookups(const declared_stream& from, table_set& tables, stream_schema& to);

} // namespace keyfold::config
