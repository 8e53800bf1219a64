#include "config/document.hpp"
#include "config/graph.hpp"
#include "config/names.hpp"
#include "config/node.hpp"
#include "config/on_demand.hpp"
#include "config/outputs.hpp"
#include "config/plan.hpp"
#include "config/schema_check.hpp"
#include "config/services.hpp"
#include "config/settings.hpp"
#include "config/streams.hpp"
#include "config/tables.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

/// Whether a key is known only when the row has been joined with a table.
bool is_looked_up(const stream_key& key, const stream_schema& schema) {
  return std::any_of(key.columns.begin(), key.columns.end(),
                     [&](uint32_t column) { return schema.fields[column].stage > 0; });
}

/// Tells the streams that have a source which of their columns are keys. What a view emits is no
/// record that could be set aside, and neither is a row whose key comes from a table: there the
/// routers count what has no key.
void name_keys(const plan& made, std::span<const std::shared_ptr<stream_schema>> schemas) {
  for (size_t i = 0; i < schemas.size(); ++i) {
    schemas[i]->max_key_bytes = made.limits.max_key_bytes;
    if (std::holds_alternative<view_source>(made.streams[i].source))
      continue;
    for (const auto& entity : made.entities)
      for (const auto& input : entity->inputs)
        if (input.stream == schemas[i]->name)
          schemas[i]->keys.push_back({entity->name, input.key_columns});
    auto& keys = schemas[i]->keys;
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const auto& key) { return is_looked_up(key, *schemas[i]); }))
      keys.clear();
  }
}

} // namespace

tl::expected<plan, plan_errors>
compile_plan(std::string_view text, const std::string& file,
             const std::function<std::optional<std::string>(const std::string&)>& environment) {
  document source{text, file, environment};
  // What does not fit the schema cannot be judged further: every later message would be about that.
  if (source.failed() || !check_schema(source))
    return tl::unexpected{source.errors()};

  node definition{source, &source.root(), ""};
  plan made;
  made.application = definition.text_or("application", "");
  check_name(definition["application"]);
  table_set tables{definition, made.application};
  name_table stream_names{"streams"};
  auto streams = read_streams(definition, made.application, stream_names, tables);
  graph views{definition, streams, stream_names, tables};
  views.check();
  for (auto& stream : streams) {
    made.streams.push_back(stream.plan);
    made.streams.back().schema = std::make_shared<stream_schema>(stream.full);
  }
  made.ledger = read_ledger(definition["ledger"]);
  read_outputs(definition, views, streams, made);
  made.on_demand = read_on_demand(definition, views);
  made.services = read_services(definition, views, made.on_demand);
  made.serving = read_serving(definition["serving"]);
  made.limits = read_limits(definition["limits"]);
  if (!source.failed()) {
    views.check_use();
    tables.check_use();
  }
  if (source.failed())
    return tl::unexpected{source.errors()};

  tables.begin_again();
  std::vector<std::shared_ptr<stream_schema>> schemas;
  schemas.reserve(streams.size());
  for (const auto& stream : streams)
    schemas.push_back(prune(stream, tables));
  made.entities = views.build({schemas.begin(), schemas.end()});
  made.tables = tables.plans();
  name_keys(made, schemas);
  for (size_t i = 0; i < streams.size(); ++i)
    made.streams[i].schema = schemas[i];
  if (source.failed())
    return tl::unexpected{source.errors()};
  return made;
}

} // namespace keyfold::config
