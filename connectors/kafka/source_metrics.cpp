#include "connectors/kafka/source_metrics.hpp"

#include <utility>

namespace keyfold::kafka {

source_metrics::source_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& stream)
    : make_(std::move(registry), "keyfold_kafka_source", {{"stream", stream}}),
      lag_(make_, "Committed records of a partition that have not been read yet."),
      records(make_.counter("records", "Records read.")),
      bytes(make_.counter("bytes", "Bytes of the values read.")),
      tombstones(make_.counter("tombstones", "Records without a value, passed over.")),
      held_back(make_.counter("held_back", "Times that a partition was left waiting because it is "
                                           "more than max_lead ahead of the one furthest behind.")),
      unparsable(
          make_.counter("unparsable", "Records that could not be decoded: they are dead letters.")),
      rebalances(make_.counter(
          "rebalances", "Times that the partitions were dealt out to the consumer group anew.")),
      disconnects(make_.counter("disconnects", "Connections to brokers that broke.")),
      errors(make_.counter("errors", "Errors reported by brokers or the connection.")),
      lost_positions(make_.counter("lost_positions",
                                   "Times that reading went on elsewhere because the "
                                   "records at the ledger's position were gone.")),
      group_commit_failures(make_.counter("group_commit_failures",
                                          "Positions that could not be shown to the consumer "
                                          "group; the ledger has them all the same.")),
      stalls(
          make_.counter("schema_stalls",
                        "Times that a partition had to wait for the schema of its next record.")),
      stalled(make_.gauge("stalled_partitions",
                          "Partitions whose next record waits for its schema.")) {}

} // namespace keyfold::kafka
