#include "config/views/as_of.hpp"

#include "config/views/view_parts.hpp"
#include "features/as_of.hpp"

namespace keyfold::config {

namespace {

as_of_settings::role read_role(view_parts& parts, view_columns& from, std::string_view columns,
                               std::string_view where) {
  as_of_settings::role out;
  out.stream = from.schema().name;
  auto chosen = parts.columns(from, columns);
  out.columns = std::move(chosen.places);
  out.named = std::move(chosen.named);
  out.where = parts.condition(from, where, out.where_text);
  return out;
}

} // namespace

std::shared_ptr<const view> read_as_of(const view_request& x) {
  const auto& at = x.definition;
  view_parts parts{x};
  as_of_settings made;
  made.name = x.name;
  made.values = read_role(parts, *x.inputs[0], "value_columns", "values_where");
  if (x.inputs[1] != nullptr)
    made.rows = read_role(parts, *x.inputs[1], "row_columns", "rows_where");
  for (const auto* key : {"row_columns", "rows_where", "join", "max_waiting_rows"})
    if (at[key] && x.inputs[1] == nullptr)
      parts.refuse(at[key], "this needs `rows`, the stream to join");
  made.inner = at.text_or("join", "left") == "inner";
  made.history = at.duration_or("history", made.history);
  made.time_to_live = parts.length_of("ttl");
  made.late =
      parts.drops_late() ? as_of_settings::late_rows::drop : as_of_settings::late_rows::fold;
  made.max_versions = at.whole_or("max_versions", made.max_versions);
  made.max_waiting_rows = at.whole_or("max_waiting_rows", made.max_waiting_rows);
  return parts.sound() ? parts.finish(make_as_of(std::move(made))) : nullptr;
}

} // namespace keyfold::config
