#include "connectors/dynamodb/output_metrics.hpp"

namespace keyfold::dynamodb {

namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& what,
                             const std::string& help, const std::string& output) {
  return prometheus::BuildCounter()
      .Name("keyfold_dynamodb_output_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add({{"output", output}});
}

} // namespace

output_metrics::output_metrics(const std::shared_ptr<prometheus::Registry>& registry,
                               const std::string& output)
    : owner(registry),
      rows(counter(*registry, "rows", "Items put or deleted, also of epochs that failed later.",
                   output)),
      superseded(counter(*registry, "superseded",
                         "Changes left out because a later one of the same epoch has their key.",
                         output)),
      requests(counter(*registry, "requests", "Requests sent.", output)),
      unprocessed(counter(*registry, "unprocessed",
                          "Items that a batch left unprocessed, to be sent again.", output)),
      throttled(counter(*registry, "throttled",
                        "Requests refused for the table's or the account's capacity.", output)),
      failed(counter(*registry, "failed",
                     "Requests without an answer, or with an error of the server's.", output)),
      held(counter(*registry, "held",
                   "Conditional writes that changed nothing, since what is there is as new.",
                   output)),
      refused(counter(*registry, "refused",
                      "Rows that DynamoDB does not take; they are dead letters.", output)),
      in_flight(prometheus::BuildGauge()
                    .Name("keyfold_dynamodb_output_in_flight")
                    .Help("Requests sent and not answered.")
                    .Register(*registry)
                    .Add({{"output", output}})),
      publish_seconds(prometheus::BuildHistogram()
                          .Name("keyfold_dynamodb_output_publish_seconds")
                          .Help("Time to publish an epoch.")
                          .Register(*registry)
                          .Add({{"output", output}},
                               prometheus::Histogram::BucketBoundaries{
                                   0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})) {}

} // namespace keyfold::dynamodb
