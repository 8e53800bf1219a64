#include "connectors/kafka/output_metrics.hpp"

#include <utility>

namespace keyfold::kafka {

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : make_(std::move(registry), "keyfold_kafka_output", {{"output", output}}),
      records(make_.counter("records",
                            "Records handed to the producer, also of transactions that failed.")),
      bytes(make_.counter("bytes", "Bytes of the keys and values of these records.")),
      committed(make_.counter("transactions", "Transactions by their result.",
                              {{"result", "committed"}})),
      failed(
          make_.counter("transactions", "Transactions by their result.", {{"result", "failed"}})),
      queue_full(make_.counter("queue_full",
                               "Times that the producer's queue was full and the output waited.")),
      errors(make_.counter("errors", "Errors reported by brokers or the connection.")),
      publish_seconds(
          make_.publish_seconds("Time from the begin of a transaction to its commit.")) {}

} // namespace keyfold::kafka
