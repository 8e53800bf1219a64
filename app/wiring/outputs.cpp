#include "app/wiring/outputs.hpp"

#include "app/wiring/dynamodb.hpp"
#include "app/wiring/formats.hpp"
#include "app/wiring/rows.hpp"
#include "app/wiring/s2.hpp"
#include "connectors/file/file_output.hpp"
#include "connectors/kafka/kafka_output.hpp"
#include "connectors/postgres/postgres_output.hpp"
#include "connectors/sqlite/sqlite_output.hpp"
#include "connectors/webhook/webhook_output.hpp"

namespace keyfold {

namespace {

using metrics_ptr = std::shared_ptr<metrics_registry>;

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

using output_result = result<std::unique_ptr<event_output>>;

/// What outputs share.
struct shared_parts {
  const std::string& application;
  registry_pool& registries;
  const metrics_ptr& metrics;
  const std::shared_ptr<dead_letter_queue>& letters; ///< where rows go that the other side refuses
};

/// Makes the other side of one output.
class output_maker {
public:
  output_maker(const config::output_plan& x, std::vector<change_columns> columns,
               const shared_parts& with)
      : x_(x), columns_(std::move(columns)), with_(with) {}

  output_result make() {
    return std::visit([&](const auto& target) { return make_to(target); }, x_.target);
  }

private:
  output_result make_to(const config::file_output& target) {
    file_output_settings settings;
    settings.name = x_.name;
    settings.path = target.path;
    settings.format = format_of(x_.value_format);
    settings.style = style_of(x_.value_format);
    settings.header = target.header;
    settings.sync = target.sync;
    settings.rotate = {target.rotate.size, target.rotate.every, target.rotate.keep};
    settings.columns = std::move(columns_);
    return std::make_unique<file_output>(std::move(settings), with_.metrics);
  }

  output_result make_to(const config::sqlite_output& target) {
    sqlite::output_settings settings;
    settings.name = x_.name;
    settings.pipeline = with_.application + "-" + x_.name;
    settings.path = target.path;
    settings.table = target.table;
    settings.create_table = target.create_table;
    settings.lock_wait = target.lock_wait;
    settings.columns = std::move(columns_.front());
    return sqlite::make_sqlite_output(std::move(settings), with_.letters, with_.metrics);
  }

  output_result make_to(const config::dynamodb_output& target) {
    return make_dynamodb(x_, target, std::move(columns_.front()), with_.application, with_.metrics,
                         with_.letters);
  }

  output_result make_to(const config::webhook_output& target) {
    webhook::output_settings settings;
    settings.name = x_.name;
    settings.pipeline = with_.application + "-" + x_.name;
    settings.url = target.url;
    settings.method = target.put ? "PUT" : "POST";
    settings.headers = target.headers;
    settings.http.token = target.token;
    settings.http.ca_certificate = target.ca_certificate;
    settings.http.client_certificate = target.client_certificate;
    settings.http.client_key = target.client_key;
    settings.http.timeout = target.timeout;
    settings.key_header = target.key_header;
    settings.batch_rows = target.batch_rows;
    settings.batch_bytes = target.batch_bytes;
    settings.max_in_flight = target.max_in_flight;
    settings.columns = std::move(columns_);
    return webhook::make_webhook_output(std::move(settings), with_.metrics, with_.letters);
  }

  output_result make_to(const config::kafka_output& target) {
    kafka::output_settings settings;
    settings.name = x_.name;
    settings.brokers = target.brokers;
    settings.topic = target.topic;
    settings.transactional_id = target.transactional_id.empty() ? with_.application + "-" + x_.name
                                                                : target.transactional_id;
    settings.key_format = format_of(x_.key_format);
    settings.value_format = format_of(x_.value_format);
    settings.key_style = style_of(x_.key_format);
    settings.value_style = style_of(x_.value_format);
    settings.create_topic = target.create_topic;
    settings.partitions = static_cast<int>(target.partitions);
    settings.compacted = !x_.views.empty(); // dead letters and events replace none before them
    settings.columns = std::move(columns_);
    settings.passed_through = target.properties;
    if (x_.avro.registry) {
      settings.registry = with_.registries.get(*x_.avro.registry);
      settings.name_space = x_.avro.name_space;
      settings.register_schemas = x_.avro.create;
    }
    return kafka::make_kafka_output(std::move(settings), with_.metrics);
  }

  output_result make_to(const config::postgres_output& target) {
    postgres::output_settings settings;
    settings.name = x_.name;
    settings.pipeline = with_.application;
    settings.connection = {target.url, target.password, "keyfold/" + with_.application,
                           target.timeout};
    settings.table = target.table;
    settings.marker_table = target.marker_table;
    settings.create_table = target.create_table;
    settings.batch_rows = target.batch_rows;
    settings.columns = std::move(columns_.front());
    return postgres::make_postgres_output(std::move(settings), with_.metrics, with_.letters);
  }

  output_result make_to(const config::s2_output& target) {
    auto settings = settings_of(target, x_.name, with_.application);
    settings.key_format = format_of(x_.key_format);
    settings.value_format = format_of(x_.value_format);
    settings.key_style = style_of(x_.key_format);
    settings.value_style = style_of(x_.value_format);
    settings.columns = std::move(columns_);
    settings.letters = with_.letters;
    return s2::make_s2_output(std::move(settings), with_.metrics);
  }

  const config::output_plan& x_;
  std::vector<change_columns> columns_;
  const shared_parts& with_;
};

result<engine_output> make_output(const config::output_plan& x, std::vector<change_columns> columns,
                                  const shared_parts& with) {
  auto output = output_maker{x, std::move(columns), with}.make();
  if (!output)
    return tl::unexpected{output.error()};
  engine_output made;
  made.name = x.name;
  made.views = x.views;
  made.every_change = x.every_change;
  made.max_pending_bytes = x.max_pending_bytes;
  made.output = std::move(*output);
  return made;
}

} // namespace

result<void> add_outputs(const config::plan& plan, engine_settings& engine,
                         registry_pool& registries, const metrics_ptr& metrics) {
  const shared_parts with{plan.application, registries, metrics, engine.letters};
  for (const auto& x : plan.outputs) {
    auto made = make_output(x, columns_of(plan, x), with);
    if (!made)
      return tl::unexpected{made.error()};
    made->streams = streams_of(plan, x);
    engine.outputs.push_back(std::move(*made));
  }
  config::output_plan letters;
  config::file_output beside_ledger;
  beside_ledger.path = plan.ledger.path + ".dead-letters.jsonl";
  letters.target = beside_ledger;
  if (plan.dead_letter)
    letters = *plan.dead_letter;
  letters.name = "dead_letter";
  auto made = make_output(letters, {dead_letter_columns()}, with);
  if (!made)
    return tl::unexpected{made.error()};
  engine.dead_letter_output = engine.outputs.size();
  engine.outputs.push_back(std::move(*made));
  return {};
}

} // namespace keyfold
