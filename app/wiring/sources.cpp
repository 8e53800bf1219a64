#include "app/wiring/sources.hpp"

#include "app/wiring/formats.hpp"
#include "app/wiring/s2.hpp"
#include "connectors/file/file_source.hpp"
#include "connectors/file/stdin_source.hpp"
#include "connectors/kafka/kafka_source.hpp"

#include <fmt/format.h>

namespace keyfold {

source_maker::outcome source_maker::make(const config::stream_plan& stream) {
  return std::visit([&](const auto& x) { return make_from(x, stream); }, stream.source);
}

source_maker::outcome source_maker::make_from(const config::kafka_source& x,
                                              const config::stream_plan& stream) {
  kafka::source_settings settings;
  settings.application = plan_.application;
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
    auto avro = make_avro_format(stream.format.avro, registries_);
    if (!avro)
      return fail(fmt::format("stream `{}`: {}", stream.schema->name, avro.error().message));
    settings.format.avro = std::move(*avro);
  }
  settings.until_end = bounded_ || x.bounded;
  return kafka::make_kafka_source(std::move(settings), stream.schema, metrics_);
}
static_assert(static_cast<int>(kafka::source_settings::start::timestamp)
                  == static_cast<int>(config::kafka_source::start::timestamp)
              && static_cast<int>(kafka::source_settings::start::latest)
                     == static_cast<int>(config::kafka_source::start::latest));
static_assert(static_cast<int>(kafka::source_settings::missing::earliest)
                  == static_cast<int>(config::kafka_source::missing::earliest)
              && static_cast<int>(kafka::source_settings::missing::latest)
                     == static_cast<int>(config::kafka_source::missing::latest));

source_maker::outcome source_maker::make_from(const config::s2_source& x,
                                              const config::stream_plan& stream) {
  auto settings = settings_of(x, bounded_);
  settings.format = format_of(stream.format);
  return s2::make_s2_source(std::move(settings), stream.schema, metrics_);
}

source_maker::outcome source_maker::make_from(const config::file_source& x,
                                              const config::stream_plan& stream) {
  file_source_settings settings;
  settings.schema = stream.schema;
  settings.format = format_of(stream.format);
  settings.path = x.path;
  settings.follow = x.follow && !bounded_;
  auto made = file_source::make(std::move(settings));
  if (!made)
    return tl::unexpected{made.error()};
  return std::move(*made);
}

source_maker::outcome source_maker::make_from(const config::stdin_source&,
                                              const config::stream_plan& stream) {
  return stdin_source::make(stream.schema, format_of(stream.format));
}

source_maker::outcome source_maker::make_from(const config::http_push_source& x,
                                              const config::stream_plan& stream) {
  if (hub_ == nullptr)
    hub_ = std::make_shared<push_hub>();
  push_stream_settings settings;
  settings.schema = stream.schema;
  settings.max_pending_rows = x.max_pending_rows;
  return hub_->add_stream(std::move(settings));
}

source_maker::outcome source_maker::make_from(const config::view_source&,
                                              const config::stream_plan&) {
  return nullptr;
}

} // namespace keyfold
