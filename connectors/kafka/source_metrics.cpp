#include "connectors/kafka/source_metrics.hpp"

#include <utility>

namespace keyfold::kafka {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& stream,
                             const std::string& what, const std::string& help) {
  return prometheus::BuildCounter()
      .Name("keyfold_kafka_source_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add({{"stream", stream}});
}

} // namespace

source_metrics::source_metrics(std::shared_ptr<prometheus::Registry> registry,
                               const std::string& stream)
    : source_metrics(*registry, stream) {
  registry_ = std::move(registry);
}

source_metrics::source_metrics(prometheus::Registry& registry, const std::string& stream)
    : records(counter(registry, stream, "records", "Records read.")),
      bytes(counter(registry, stream, "bytes", "Bytes of the values read.")),
      tombstones(counter(registry, stream, "tombstones", "Records without a value, passed over.")),
      held_back(counter(registry, stream, "held_back",
                        "Times that a partition was left waiting because it is more than max_lead "
                        "ahead of the one furthest behind.")),
      unparsable(counter(registry, stream, "unparsable",
                         "Records that could not be decoded: they are dead letters.")),
      rebalances(counter(registry, stream, "rebalances",
                         "Times that the partitions were dealt out to the consumer group anew.")),
      disconnects(counter(registry, stream, "disconnects", "Connections to brokers that broke.")),
      errors(counter(registry, stream, "errors", "Errors reported by brokers or the connection.")),
      lost_positions(counter(registry, stream, "lost_positions",
                             "Times that reading went on elsewhere because the records at the "
                             "ledger's position were gone.")),
      group_commit_failures(counter(registry, stream, "group_commit_failures",
                                    "Positions that could not be shown to the consumer group; "
                                    "the ledger has them all the same.")),
      stalls(counter(registry, stream, "schema_stalls",
                     "Times that a partition had to wait for the schema of its next record.")),
      stalled(prometheus::BuildGauge()
                  .Name("keyfold_kafka_source_stalled_partitions")
                  .Help("Partitions whose next record waits for its schema.")
                  .Register(registry)
                  .Add({{"stream", stream}})),
      stream_(stream),
      lag_family_(prometheus::BuildGauge()
                      .Name("keyfold_kafka_source_lag_records")
                      .Help("Committed records of a partition that have not been read yet.")
                      .Register(registry)) {}

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

} // namespace keyfold::kafka
