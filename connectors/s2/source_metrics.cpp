#include "connectors/s2/source_metrics.hpp"

#include <utility>

namespace keyfold::s2 {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& stream,
                             const std::string& what, const std::string& help) {
  return prometheus::BuildCounter()
      .Name("keyfold_s2_source_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add({{"stream", stream}});
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const std::string& stream,
                         const std::string& what, const std::string& help) {
  return prometheus::BuildGauge()
      .Name("keyfold_s2_source_" + what)
      .Help(help)
      .Register(registry)
      .Add({{"stream", stream}});
}

} // namespace

source_metrics::source_metrics(std::shared_ptr<prometheus::Registry> registry,
                               const std::string& stream)
    : registry_(std::move(registry)), stream_(stream),
      records(counter(*registry_, stream, "records", "Records read.")),
      bytes(counter(*registry_, stream, "bytes", "Bytes of the bodies read.")),
      commands(
          counter(*registry_, stream, "command_records", "Fence and trim records, passed over.")),
      empty(counter(*registry_, stream, "empty_records", "Records without a body, passed over.")),
      held_back(counter(*registry_, stream, "held_back",
                        "Times that a stream was left waiting because it is more than max_lead "
                        "ahead of the one furthest behind.")),
      unparsable(counter(*registry_, stream, "unparsable",
                         "Records that could not be decoded: they are dead letters.")),
      errors(counter(*registry_, stream, "errors",
                     "Requests that were refused, and connections that broke.")),
      connections(counter(*registry_, stream, "connections",
                          "Times that the reading of a stream was begun or resumed.")),
      lost_positions(counter(*registry_, stream, "lost_positions",
                             "Times that reading went on elsewhere because the records at the "
                             "ledger's position were gone.")),
      streams(gauge(*registry_, stream, "streams", "Streams of the basin that are read.")),
      left_out(gauge(*registry_, stream, "left_out_streams",
                     "Streams that have failed for longer than `patience` and hold no watermark "
                     "back.")),
      refused_streams(gauge(*registry_, stream, "refused_streams",
                            "Streams found beyond max_streams, which are not read.")),
      buffered(gauge(*registry_, stream, "buffered_bytes",
                     "Bytes of answers that have come and whose records were not taken.")),
      lag_family_(prometheus::BuildGauge()
                      .Name("keyfold_s2_source_lag_records")
                      .Help("Records of a stream of the basin that have not been read yet.")
                      .Register(*registry_)) {}

source_metrics::~source_metrics() {
  for (auto& [partition, gauge] : lags_)
    lag_family_.Remove(gauge);
}

void source_metrics::lag(const std::string& partition, int64_t value) {
  auto& gauge = lags_[partition];
  if (!gauge)
    gauge = &lag_family_.Add({{"stream", stream_}, {"partition", partition}});
  gauge->Set(static_cast<double>(value));
}

void source_metrics::forget(const std::string& partition) {
  auto found = lags_.find(partition);
  if (found == lags_.end())
    return;
  lag_family_.Remove(found->second);
  lags_.erase(found);
}

} // namespace keyfold::s2
