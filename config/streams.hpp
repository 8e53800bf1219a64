#pragma once

#include "config/names.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"
#include "config/tables.hpp"
#include "features/view.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::config {

/// A stream as declared, with all of its columns, and which of them something uses. A derived one
/// has no columns and is not sound until the view that emits it has been made.
struct declared_stream {
  node definition; ///< of a derived one: the `emits` of its view
  std::string name;
  stream_plan plan;       ///< all but the schema
  stream_schema full;     ///< every column
  bool sound = true;      ///< false: a column could not be made, so references cannot be judged
  std::vector<bool> used; ///< of `full.fields`
  bool read = false;      ///< by a view or an output

  bool derived() const noexcept { return std::holds_alternative<view_source>(plan.source); }
  /// Where its name is.
  node name_at() const { return definition.is_string() ? definition : definition["name"]; }
  /// The columns as expressions see them: the first `count`.
  scope columns(size_t count) const;
  scope columns() const { return columns(full.fields.size()); }
};

/// Columns of a stream that a definition may use after pruning.
inline constexpr size_t max_used_fields = 64;

/// Reads the streams of a definition, then those that its views emit; complains of what is wrong
/// with each by itself.
std::vector<declared_stream> read_streams(const node& definition, const std::string& application,
                                          name_table& names, table_set& tables);

/// Reads a field as streams and tables declare them; complains and returns nothing where it cannot
/// be made. @param nested whether records are JSON, in which a path has parts
std::optional<stream_field> read_field(const std::string& name, const node& at, bool nested);

/// Gives a derived stream its columns: those of the events that its view emits, and those derived
/// from them.
void read_emissions(std::span<const column> emitted, table_set& tables, declared_stream& to);

/// The schema of the columns used and of those they are derived from or looked up by.
/// @param tables those that the lookups of the schema hold
/// @pre nothing was wrong with `x`
std::shared_ptr<stream_schema> prune(const declared_stream& x, table_set& tables);

/// Compiles the string at `text`; complains inside it.
std::optional<expression> compile(const node& text, const scope& columns);
/// As above; also complains if it is no condition.
std::optional<expression> compile_condition(const node& text, const scope& columns);

/// The scope of a schema's columns.
scope scope_of(const stream_schema& x);

} // namespace keyfold::config
