#pragma once

#include "config/node.hpp"
#include "config/streams.hpp"
#include "config/tables.hpp"
#include "features/view.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::config {

/// Named features that one definition may have in all.
inline constexpr uint64_t max_features = 100'000;

/// What a view's definition may refer to, and the record of what it did refer to. Views are read
/// twice: with all columns, to find every error and what is used, then with the columns used.
class view_columns {
public:
  explicit view_columns(const stream_schema& schema)
      : schema_(schema), scope_(scope_of(schema)), used_(schema.fields.size(), false) {}

  /// The column that the string `name` names; complains where there is none.
  std::optional<uint32_t> find(const node& name);
  /// As above; also complains of a list or a map, which cannot be a key or a group.
  std::optional<uint32_t> find_scalar(const node& name);
  std::optional<expression> compile(const node& text);
  std::optional<expression> compile_condition(const node& text);

  void use(uint32_t column) { used_[column] = true; }
  const stream_field& field(uint32_t column) const { return schema_.fields[column]; }
  std::vector<std::string> names() const;
  const stream_schema& schema() const noexcept { return schema_; }
  const std::vector<bool>& used() const noexcept { return used_; }

private:
  std::optional<expression> record(std::optional<expression> x);

  const stream_schema& schema_;
  scope scope_;
  std::vector<bool> used_;
};

/// A named input of a kind of view. The definition says `"NAME": "stream"`, or `"NAME": {"stream":
/// …, "key": {…}}` where the stream has other names for the entity's key.
struct view_role {
  std::string_view name;
  bool required = true; ///< what the schema must ask for too
};

/// What a kind of view is asked to make.
struct view_request {
  node definition;
  std::string name;
  /// What each role may refer to, in the order of the kind's roles; null: an optional one that is
  /// not given. Of a kind without roles: the one of the view's `stream`. The inputs of the view
  /// made are numbered without those that are null; one stream may be in several roles.
  std::span<view_columns* const> inputs;
  view_columns& columns;   ///< of the first that is given
  uint64_t& features_left; ///< of `max_features`; the kind takes away what it makes
  /// To be asked for the tables that the view reads, by the names in its definition: the view keeps
  /// the `shared_ptr`. It is read twice and gets another table each time.
  table_set& tables;
};

/// Reads a view's definition; complains and returns null where it is wrong.
using view_reader = std::shared_ptr<const view> (*)(const view_request&);

/// A kind of view, e.g. `decayed_counters`.
struct view_kind {
  std::string_view type;
  view_reader read;
  std::span<const view_role> roles = {}; ///< none: the view is over its own `stream`
};

/// The kind called `type`, or null. Lives for ever.
const view_kind* find_view_kind(std::string_view type);

} // namespace keyfold::config
