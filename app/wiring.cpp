#include "app/wiring.hpp"

#include "app/avro_parts.hpp"
#include "app/wiring/catalog.hpp"
#include "app/wiring/outputs.hpp"
#include "app/wiring/sources.hpp"
#include "app/wiring/tables.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace keyfold {

namespace {

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

} // namespace

result<wired_plan> wire(const config::plan& plan, bool bounded,
                        const std::shared_ptr<metrics_registry>& metrics) {
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
  for (const auto& table : plan.tables) {
    auto made = make_table(table, plan, metrics, engine.letters);
    if (!made)
      return tl::unexpected{made.error()};
    engine.tables.push_back(std::move(*made));
  }
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
