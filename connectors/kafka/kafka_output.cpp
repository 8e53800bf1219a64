#include "connectors/kafka/kafka_output.hpp"

#include "connectors/kafka/transactional_writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace keyfold::kafka {

result<std::unique_ptr<event_output>>
make_kafka_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry) {
  if (settings.topic.empty() || settings.transactional_id.empty())
    return fail(fmt::format("output \"{}\": a Kafka output needs a topic and a transactional id",
                            settings.name));
  if (settings.partitions < 1)
    return fail(fmt::format("output \"{}\": a topic has at least one partition, not {}",
                            settings.name, settings.partitions));
  auto writer = std::make_unique<transactional_writer>(std::move(settings), std::move(registry));
  if (auto possible = writer->client_settings(); !possible)
    return tl::unexpected{possible.error()};
  return writer;
}

} // namespace keyfold::kafka
