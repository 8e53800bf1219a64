#include "connectors/kafka/output_metrics.hpp"

#include <utility>

namespace keyfold::kafka {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& what,
                             const std::string& help,
                             const std::map<std::string, std::string>& labels) {
  return prometheus::BuildCounter()
      .Name("keyfold_kafka_output_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add(labels);
}

} // namespace

output_metrics::output_metrics(std::shared_ptr<prometheus::Registry> registry,
                               const std::string& output)
    : records(counter(*registry, "records",
                      "Records handed to the producer, also of "
                      "transactions that failed.",
                      {{"output", output}})),
      bytes(counter(*registry, "bytes", "Bytes of the keys and values of these records.",
                    {{"output", output}})),
      committed(counter(*registry, "transactions", "Transactions by their result.",
                        {{"output", output}, {"result", "committed"}})),
      failed(counter(*registry, "transactions", "Transactions by their result.",
                     {{"output", output}, {"result", "failed"}})),
      queue_full(counter(*registry, "queue_full",
                         "Times that the producer's queue was full and the output waited.",
                         {{"output", output}})),
      errors(counter(*registry, "errors", "Errors reported by brokers or the connection.",
                     {{"output", output}})),
      publish_seconds(prometheus::BuildHistogram()
                          .Name("keyfold_kafka_output_publish_seconds")
                          .Help("Time from the begin of a transaction to its commit.")
                          .Register(*registry)
                          .Add({{"output", output}},
                               prometheus::Histogram::BucketBoundaries{
                                   0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})),
      registry_(std::move(registry)) {}

} // namespace keyfold::kafka
