#include "connectors/kafka/kafka_output.hpp"

#include "connectors/formats/avro/row_encoder.hpp"
#include "connectors/kafka/transactional_writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace keyfold::kafka {
namespace {

result<void> check_avro(const output_settings& x) {
  if (x.key_format != row_format::avro && x.value_format != row_format::avro)
    return {};
  if (!x.registry)
    return fail(fmt::format("output \"{}\": Avro needs a schema registry", x.name));
  for (const auto& columns : x.columns)
    if (auto schemas = avro::derive_schemas(columns, x.name_space); !schemas)
      return fail(fmt::format("output \"{}\": {}", x.name, schemas.error().message));
  return {};
}

} // namespace

result<std::unique_ptr<event_output>>
make_kafka_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry) {
  if (settings.topic.empty() || settings.transactional_id.empty())
    return fail(fmt::format("output \"{}\": a Kafka output needs a topic and a transactional id",
                            settings.name));
  if (settings.partitions < 1)
    return fail(fmt::format("output \"{}\": a topic has at least one partition, not {}",
                            settings.name, settings.partitions));
  if (auto possible = check_avro(settings); !possible)
    return tl::unexpected{possible.error()};
  auto writer = std::make_unique<transactional_writer>(std::move(settings), std::move(registry));
  if (auto possible = writer->client_settings(); !possible)
    return tl::unexpected{possible.error()};
  return writer;
}

} // namespace keyfold::kafka
