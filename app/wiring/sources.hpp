#pragma once

#include "app/avro_parts.hpp"
#include "config/plan.hpp"
#include "connectors/http_push/push_hub.hpp"
#include "messages/event_source.hpp"
#include "messages/metrics.hpp"

#include <memory>

namespace keyfold {

/// Makes the sources of a plan; those that are pushed to share a hub. Connects to nothing yet.
class source_maker {
public:
  using outcome = result<std::unique_ptr<event_source>>;

  /// @param bounded sources end where their data ends now
  source_maker(const config::plan& plan, bool bounded, registry_pool& registries,
               std::shared_ptr<metrics_registry> metrics)
      : plan_(plan), bounded_(bounded), registries_(registries), metrics_(std::move(metrics)) {}

  /// Null of a derived stream: its view emits it. An error is a sentence for the user.
  outcome make(const config::stream_plan& stream);
  /// Null while no stream takes pushes.
  const std::shared_ptr<push_hub>& hub() const noexcept { return hub_; }

private:
  outcome make_from(const config::kafka_source& x, const config::stream_plan& stream);
  outcome make_from(const config::s2_source& x, const config::stream_plan& stream);
  outcome make_from(const config::file_source& x, const config::stream_plan& stream);
  outcome make_from(const config::stdin_source& x, const config::stream_plan& stream);
  outcome make_from(const config::http_push_source& x, const config::stream_plan& stream);
  outcome make_from(const config::view_source& x, const config::stream_plan& stream);

  const config::plan& plan_;
  bool bounded_;
  registry_pool& registries_;
  std::shared_ptr<metrics_registry> metrics_;
  std::shared_ptr<push_hub> hub_;
};

} // namespace keyfold
