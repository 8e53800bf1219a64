#include "app/wiring.hpp"

#include "app/avro_parts.hpp"
#include "connectors/file/csv_table_source.hpp"
#include "connectors/file/file_output.hpp"
#include "connectors/file/file_source.hpp"
#include "connectors/file/stdin_source.hpp"
#include "connectors/http_push/push_hub.hpp"
#include "connectors/kafka/kafka_output.hpp"
#include "connectors/kafka/kafka_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace keyfold {

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

using metrics_ptr = std::shared_ptr<metrics_registry>;

record_format_settings format_of(const config::format_settings& x) {
  record_format_settings result;
  result.format = static_cast<record_format>(x.format);
  result.part_separator = x.part_separator;
  result.value_separator = x.value_separator;
  result.delimiter = x.delimiter;
  result.header = x.header;
  result.columns = x.columns;
  return result;
}
static_assert(
    static_cast<int>(record_format::json) == static_cast<int>(config::record_format::json)
    && static_cast<int>(record_format::csv) == static_cast<int>(config::record_format::csv)
    && static_cast<int>(record_format::text) == static_cast<int>(config::record_format::text)
    && static_cast<int>(record_format::avro) == static_cast<int>(config::record_format::avro));

row_format format_of(const config::output_format& x) {
  using kind = config::output_format::kind;
  return x.is == kind::csv    ? row_format::csv
         : x.is == kind::avro ? row_format::avro
                              : row_format::json;
}

row_style style_of(const config::output_format& x) {
  return {x.list_separator, x.timestamp_pattern};
}

using source_result = result<std::unique_ptr<event_source>>;

source_result make_source(const config::kafka_source& x, const config::stream_plan& stream,
                          const std::string& application, bool bounded, registry_pool& registries,
                          const metrics_ptr& metrics) {
  kafka::source_settings settings;
  settings.application = application;
  settings.brokers = x.brokers;
  settings.topics = x.topics;
  settings.topic_pattern = x.topic_pattern;
  settings.start_at = static_cast<kafka::source_settings::start>(x.start);
  settings.start_time = x.start_at;
  settings.on_missing = static_cast<kafka::source_settings::missing>(x.on_missing);
  settings.max_lead = x.max_lead;
  settings.group = x.group;
  settings.instance_id = x.instance_id;
  settings.passed_through = x.properties;
  settings.format = format_of(stream.format);
  if (stream.format.format == config::record_format::avro) {
    auto avro = make_avro_format(stream.format.avro, registries);
    if (!avro)
      return fail(fmt::format("stream `{}`: {}", stream.schema->name, avro.error().message));
    settings.format.avro = std::move(*avro);
  }
  settings.until_end = bounded || x.bounded;
  return kafka::make_kafka_source(std::move(settings), stream.schema, metrics);
}
static_assert(static_cast<int>(kafka::source_settings::start::timestamp)
                  == static_cast<int>(config::kafka_source::start::timestamp)
              && static_cast<int>(kafka::source_settings::start::latest)
                     == static_cast<int>(config::kafka_source::start::latest));
static_assert(static_cast<int>(kafka::source_settings::missing::earliest)
                  == static_cast<int>(config::kafka_source::missing::earliest)
              && static_cast<int>(kafka::source_settings::missing::latest)
                     == static_cast<int>(config::kafka_source::missing::latest));

source_result make_source(const config::file_source& x, const config::stream_plan& stream,
                          bool bounded) {
  file_source_settings settings;
  settings.schema = stream.schema;
  settings.format = format_of(stream.format);
  settings.path = x.path;
  settings.follow = x.follow && !bounded;
  auto made = file_source::make(std::move(settings));
  if (!made)
    return tl::unexpected{made.error()};
  return std::move(*made);
}

/// Makes the sources of a plan; those that are pushed to share a hub.
class source_maker {
public:
  source_maker(const config::plan& plan, bool bounded, registry_pool& registries,
               const metrics_ptr& metrics)
      : plan_(plan), bounded_(bounded), registries_(registries), metrics_(metrics) {}

  source_result make(const config::stream_plan& stream) {
    return std::visit(
        overloaded{
            [&](const config::kafka_source& x) {
              return make_source(x, stream, plan_.application, bounded_, registries_, metrics_);
            },
            [&](const config::file_source& x) { return make_source(x, stream, bounded_); },
            [&](const config::stdin_source&) {
              return stdin_source::make(stream.schema, format_of(stream.format));
            },
            [&](const config::http_push_source& x) { return push_source(x, stream); },
            [&](const config::view_source&) { return source_result{nullptr}; },
        },
        stream.source);
  }
  const std::shared_ptr<push_hub>& hub() const noexcept { return hub_; }

private:
  source_result push_source(const config::http_push_source& x, const config::stream_plan& stream) {
    if (hub_ == nullptr)
      hub_ = std::make_shared<push_hub>();
    push_stream_settings settings;
    settings.schema = stream.schema;
    settings.max_pending_rows = x.max_pending_rows;
    return hub_->add_stream(std::move(settings));
  }

  const config::plan& plan_;
  bool bounded_;
  registry_pool& registries_;
  metrics_ptr metrics_;
  std::shared_ptr<push_hub> hub_;
};

std::unique_ptr<table_source> make_table(const config::table_plan& x, const metrics_ptr& metrics,
                                         const std::shared_ptr<dead_letter_queue>& letters) {
  const auto& file = std::get<config::csv_table>(x.source);
  csv_table_settings settings;
  settings.held = x.held;
  settings.schema = x.schema;
  settings.format = format_of(file.format);
  settings.path = file.path;
  settings.settle = file.settle;
  settings.max_bad_rows = file.max_bad_rows;
  settings.bounds = x.bounds;
  return std::make_unique<csv_table_source>(std::move(settings), metrics, letters);
}

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

/// What an output receives, by `change::source`.
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

std::vector<engine_stream_output> streams_of(const config::plan& plan,
                                             const config::output_plan& x) {
  std::vector<engine_stream_output> result;
  for (const auto& name : x.streams)
    for (const auto& stream : plan.streams) {
      if (stream.schema->name != name)
        continue;
      auto& made = result.emplace_back(engine_stream_output{name, {}});
      for (const auto& column : x.key)
        made.key.push_back(*stream.schema->find(column));
    }
  return result;
}

change_columns dead_letter_columns() {
  const data_type text{type_kind::string, 0, 0, nullptr};
  return {
      "dead_letters", {{"stream", text}, {"place", text}}, {{"reason", text}, {"payload", text}}};
}

result<engine_output> make_output(const config::output_plan& x, std::vector<change_columns> columns,
                                  const std::string& application, registry_pool& registries,
                                  const metrics_ptr& metrics) {
  engine_output made;
  made.name = x.name;
  made.views = x.views;
  made.every_change = x.every_change;
  made.max_pending_bytes = x.max_pending_bytes;
  if (const auto* file = std::get_if<config::file_output>(&x.target)) {
    made.output = std::make_unique<file_output>(
        file_output_settings{x.name, file->path, format_of(x.value_format), std::move(columns),
                             style_of(x.value_format)});
    return made;
  }
  const auto& target = std::get<config::kafka_output>(x.target);
  kafka::output_settings settings;
  settings.name = x.name;
  settings.brokers = target.brokers;
  settings.topic = target.topic;
  settings.transactional_id =
      target.transactional_id.empty() ? application + "-" + x.name : target.transactional_id;
  settings.key_format = format_of(x.key_format);
  settings.value_format = format_of(x.value_format);
  settings.key_style = style_of(x.key_format);
  settings.value_style = style_of(x.value_format);
  settings.create_topic = target.create_topic;
  settings.partitions = static_cast<int>(target.partitions);
  settings.compacted = !x.views.empty(); // dead letters and events replace none before them
  settings.columns = std::move(columns);
  settings.passed_through = target.properties;
  if (x.avro.registry) {
    settings.registry = registries.get(*x.avro.registry);
    settings.name_space = x.avro.name_space;
    settings.register_schemas = x.avro.create;
  }
  auto output = kafka::make_kafka_output(std::move(settings), metrics);
  if (!output)
    return tl::unexpected{output.error()};
  made.output = std::move(*output);
  return made;
}

result<void> add_outputs(const config::plan& plan, engine_settings& engine,
                         registry_pool& registries, const metrics_ptr& metrics) {
  for (const auto& x : plan.outputs) {
    auto made = make_output(x, columns_of(plan, x), plan.application, registries, metrics);
    if (!made)
      return tl::unexpected{made.error()};
    made->streams = streams_of(plan, x);
    engine.outputs.push_back(std::move(*made));
  }
  config::output_plan letters;
  letters.target = config::file_output{plan.ledger.path + ".dead-letters.jsonl"};
  if (plan.dead_letter)
    letters = *plan.dead_letter;
  letters.name = "dead_letter";
  auto made = make_output(letters, {dead_letter_columns()}, plan.application, registries, metrics);
  if (!made)
    return tl::unexpected{made.error()};
  engine.dead_letter_output = engine.outputs.size();
  engine.outputs.push_back(std::move(*made));
  return {};
}

http::server_settings serving_of(const config::serving_plan& x) {
  http::server_settings result;
  result.address = x.address;
  result.port = x.port;
  result.metrics_address = x.metrics_address;
  result.metrics_port = x.metrics_port;
  result.threads = x.threads;
  result.max_connections = x.max_connections;
  result.max_connections_per_address = x.max_connections_per_address;
  result.max_body_bytes = x.max_body_bytes;
  result.max_keys_per_request = x.max_keys_per_request;
  result.header_timeout = x.header_timeout;
  result.body_timeout = x.body_timeout;
  result.idle_timeout = x.idle_timeout;
  result.write_timeout = x.write_timeout;
  result.drain_timeout = x.drain_timeout;
  result.tokens_file = x.tokens_file;
  result.tls_certificate = x.tls_certificate;
  result.tls_key = x.tls_key;
  return result;
}

/// Where a feature that a definition names is.
std::optional<feature_catalog::service_feature> place_of(const feature_catalog& catalog,
                                                         const config::service_plan::item& wanted) {
  for (uint32_t entity = 0; entity < catalog.entities.size(); ++entity)
    for (uint32_t view = 0; view < catalog.entities[entity]->views.size(); ++view) {
      const auto& definition = *catalog.entities[entity]->views[view];
      for (uint32_t i = 0; definition.name() == wanted.view && i < definition.features().size();
           ++i)
        if (definition.features()[i].name == wanted.feature)
          return feature_catalog::service_feature{entity, {view, i}};
    }
  for (uint32_t view = 0; view < catalog.on_demand.size(); ++view) {
    const auto& computed = catalog.on_demand[view];
    for (uint32_t i = 0; computed.name == wanted.view && i < computed.features.size(); ++i)
      if (computed.features[i].name == wanted.feature)
        return feature_catalog::service_feature{computed.entity, {view, i}, view};
  }
  return std::nullopt;
}

void add_on_demand(const config::on_demand_plan& x, feature_catalog& to) {
  on_demand_view made{x.name, 0, {}, x.parameters, x.features};
  while (made.entity + 1 < to.entities.size() && to.entities[made.entity]->name != x.entity)
    ++made.entity;
  for (const auto& source : x.sources)
    made.sources.push_back(place_of(to, source)->feature); // the plan has been checked
  to.on_demand.push_back(std::move(made));
}

std::shared_ptr<const feature_catalog> catalog_of(const config::plan& plan) {
  auto result = std::make_shared<feature_catalog>();
  result->entities = plan.entities;
  for (const auto& x : plan.tables)
    result->tables.push_back(x.held);
  for (const auto& x : plan.on_demand)
    add_on_demand(x, *result);
  for (const auto& x : plan.services) {
    auto& service = result->services.emplace_back();
    service.name = x.name;
    for (const auto& feature : x.features)
      if (auto place = place_of(*result, feature))
        service.features.push_back(*place);
  }
  return result;
}

} // namespace

result<wired_plan> wire(const config::plan& plan, bool bounded, const metrics_ptr& metrics) {
  wired_plan result;
  auto& engine = result.engine;
  engine.application = plan.application;
  engine.entities = plan.entities;
  engine.ledger_path = plan.ledger.path;
  engine.reset_changed_views = plan.ledger.reset_changed_views;
  engine.epochs.interval = plan.ledger.epoch_interval;
  engine.epochs.max_interval = plan.ledger.max_epoch_interval;
  engine.max_in_flight_rows = plan.limits.max_in_flight_rows;
  engine.max_key_bytes = plan.limits.max_key_bytes;
  engine.residency = {plan.limits.max_resident_keys, plan.limits.max_resident_bytes,
                      plan.limits.passivate_after};
  engine.finish_at_end = bounded;
  registry_pool registries{metrics};
  source_maker sources{plan, bounded, registries, metrics};
  for (const auto& stream : plan.streams) {
    auto source = sources.make(stream);
    if (!source)
      return tl::unexpected{source.error()};
    const auto* from = std::get_if<config::view_source>(&stream.source);
    engine.streams.push_back(
        {stream.schema, std::move(*source), from == nullptr ? "" : from->view});
  }
  engine.letters = std::make_shared<dead_letter_queue>();
  for (const auto& table : plan.tables)
    result.tables.push_back(make_table(table, metrics, engine.letters));
  if (auto added = add_outputs(plan, engine, registries, metrics); !added)
    return tl::unexpected{added.error()};
  result.push = sources.hub();
  result.serving = serving_of(plan.serving);
  result.catalog = catalog_of(plan);
  return result;
}

tl::expected<config::plan, config::plan_errors> load_plan(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return tl::unexpected{config::plan_errors{{fmt::format(
        "{}: the definition cannot be read: is the path right, and is it yours to read?", path)}}};
  return config::compile_plan(
      text.str(), path, [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>{value};
      });
}

} // namespace keyfold
