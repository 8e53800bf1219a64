#include "config/document.hpp"
#include "config/graph.hpp"
#include "config/names.hpp"
#include "config/node.hpp"
#include "config/on_demand.hpp"
#include "config/outputs.hpp"
#include "config/plan.hpp"
#include "config/schema_check.hpp"
#include "config/settings.hpp"
#include "config/streams.hpp"
#include "config/tables.hpp"

namespace keyfold::config {

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
  table_set tables{definition};
  name_table stream_names{"streams"};
  auto streams = read_streams(definition, made.application, stream_names, tables);
  graph views{definition, streams, stream_names, tables};
  views.check();
  for (auto& stream : streams) {
    made.streams.push_back(stream.plan);
    made.streams.back().schema = std::make_shared<stream_schema>(stream.full);
  }
  read_outputs(definition, views, streams, made);
  made.on_demand = read_on_demand(definition, views);
  made.services = read_services(definition, views, made.on_demand);
  made.serving = read_serving(definition["serving"]);
  made.ledger = read_ledger(definition["ledger"]);
  made.limits = read_limits(definition["limits"]);
  if (!source.failed()) {
    views.check_use();
    tables.check_use();
  }
  if (source.failed())
    return tl::unexpected{source.errors()};

  tables.begin_again();
  std::vector<std::shared_ptr<const stream_schema>> schemas;
  for (size_t i = 0; i < streams.size(); ++i)
    made.streams[i].schema = schemas.emplace_back(prune(streams[i], tables));
  made.entities = views.build(schemas);
  made.tables = tables.plans();
  if (source.failed())
    return tl::unexpected{source.errors()};
  return made;
}

} // namespace keyfold::config
