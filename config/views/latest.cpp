#include "config/views/latest.hpp"

#include "config/names.hpp"
#include "config/views/view_parts.hpp"
#include "features/latest.hpp"

namespace keyfold::config {

std::shared_ptr<const view> read_latest(const view_request& x) {
  const auto& at = x.definition;
  view_parts parts{x};
  latest_settings made;
  made.name = x.name;
  made.stream = x.columns.schema().name;
  auto columns = parts.columns(x.columns, "columns");
  made.columns = columns.named;
  made.column_places = columns.places;
  made.time_feature = at.text_or("time_feature", "");
  if (at["time_feature"] && !check_column_name(made.time_feature, at["time_feature"]))
    parts.refuse_silently();
  made.where = parts.condition(x.columns, "where", made.where_text);
  made.delete_when = parts.condition(x.columns, "delete_when", made.delete_text);
  made.time_to_live = parts.length_of("ttl");
  if (at["keep_deletions"] && !made.delete_when)
    parts.refuse(at["keep_deletions"], "`keep_deletions` needs `delete_when`, what deletes");
  made.tombstones = parts.length_of("keep_deletions").value_or(made.tombstones);
  made.late =
      parts.drops_late() ? latest_settings::late_rows::drop : latest_settings::late_rows::fold;
  return parts.sound() ? parts.finish(make_latest(std::move(made))) : nullptr;
}

} // namespace keyfold::config
