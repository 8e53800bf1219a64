#include "config/views/aggregates.hpp"
#include "config/views/windows.hpp"
#include "features/windows/session_windows.hpp"

namespace keyfold::config {

std::shared_ptr<const view> read_session_window(const view_request& x) {
  const auto& at = x.definition;
  view_complaints complaints;
  session_windows_settings made;
  made.name = x.name;
  made.stream = x.columns.schema().name;
  made.where = read_where(x, made.where_text, complaints);
  made.gap = read_length(at["gap"], complaints).value_or(duration{1});
  std::vector<std::pair<node, std::string>> names;
  for (auto& aggregate : read_aggregates(x, false, complaints)) {
    names.emplace_back(aggregate.at, aggregate.definition.name);
    made.outputs.push_back(std::move(aggregate.definition));
  }
  for (auto& [number, as] : read_columns(x, at["carry"], complaints))
    made.carry.push_back({number, std::move(as)});
  for (const auto& column : at["carry"].items())
    names.emplace_back(column, column.text());
  check_value_names(names, {"session_start", "session_end"}, complaints);
  made.having = at.text_or("having", "");
  made.readable_for = at.duration_or("readable_for", duration{0});
  made.max_sessions_per_key = at.whole_or("max_sessions_per_key", made.max_sessions_per_key);
  if (!complaints.sound() || !take_features(x, 2 * (made.outputs.size() + 2)))
    return nullptr;
  return made_or_complain(x, make_session_windows(std::move(made)));
}

} // namespace keyfold::config
