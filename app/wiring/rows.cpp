#include "app/wiring/rows.hpp"

#include <algorithm>

namespace keyfold {

namespace {

/// The rows an output receives from a view.
change_columns columns_of(const config::plan& plan, const std::string& view_name) {
  change_columns result;
  result.view = view_name;
  for (const auto& entity : plan.entities)
    for (const auto& view : entity->views) {
      if (view->name() != view_name)
        continue;
      result.key = entity->key;
      const auto& changes = view->changes();
      result.key.insert(result.key.end(), changes.group.begin(), changes.group.end());
      result.values = changes.values;
    }
  return result;
}

/// The rows an output receives of a stream.
change_columns columns_of(const config::stream_plan& stream, const std::vector<std::string>& key) {
  change_columns result;
  result.view = stream.schema->name;
  result.events = true;
  for (const auto& field : stream.schema->fields)
    result.values.push_back({field.name, field.type});
  for (const auto& name : key)
    result.key.push_back({name, stream.schema->fields[*stream.schema->find(name)].type});
  return result;
}

/// The fields of the value, where the definition chose them.
std::vector<written_field> fields_of(const config::output_plan& x, const change_columns& columns) {
  auto place_of = [](const std::vector<column>& among, const std::string& name) {
    auto found = std::find_if(among.begin(), among.end(),
                              [&](const auto& known) { return known.name == name; });
    return static_cast<uint32_t>(found - among.begin());
  };
  std::vector<written_field> result;
  for (const auto& field : x.fields) {
    auto value = place_of(columns.values, field.column);
    auto of_key = value == columns.values.size();
    result.push_back({field.name, of_key, of_key ? place_of(columns.key, field.column) : value});
  }
  return result;
}

} // namespace

std::vector<change_columns> columns_of(const config::plan& plan, const config::output_plan& x) {
  std::vector<change_columns> result;
  for (const auto& view : x.views)
    result.push_back(columns_of(plan, view));
  for (const auto& name : x.streams)
    for (const auto& stream : plan.streams)
      if (stream.schema->name == name)
        result.push_back(columns_of(stream, x.key));
  for (auto& columns : result)
    columns.fields = fields_of(x, columns);
  return result;
}

change_columns dead_letter_columns() {
  const data_type text{type_kind::string, 0, 0, nullptr};
  return {
      "dead_letters", {{"stream", text}, {"place", text}}, {{"reason", text}, {"payload", text}}};
}

} // namespace keyfold
