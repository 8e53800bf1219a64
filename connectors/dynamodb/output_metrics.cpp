#include "connectors/dynamodb/output_metrics.hpp"

#include <utility>

namespace keyfold::dynamodb {

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : make_(std::move(registry), "keyfold_dynamodb_output", {{"output", output}}),
      rows(make_.counter("rows", "Items put or deleted, also of epochs that failed later.")),
      superseded(make_.counter(
          "superseded", "Changes left out because a later one of the same epoch has their key.")),
      requests(make_.counter("requests", "Requests sent.")),
      unprocessed(
          make_.counter("unprocessed", "Items that a batch left unprocessed, to be sent again.")),
      throttled(make_.counter("throttled",
                              "Requests refused for the table's or the account's capacity.")),
      failed(
          make_.counter("failed", "Requests without an answer, or with an error of the server's.")),
      held(make_.counter(
          "held", "Conditional writes that changed nothing, since what is there is as new.")),
      refused(make_.counter("refused", "Rows that DynamoDB does not take; they are dead letters.")),
      in_flight(make_.gauge("in_flight", "Requests sent and not answered.")),
      publish_seconds(make_.publish_seconds("Time to publish an epoch.")) {}

} // namespace keyfold::dynamodb
