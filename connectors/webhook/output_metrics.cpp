#include "connectors/webhook/output_metrics.hpp"

#include <utility>

namespace keyfold::webhook {

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : make_(std::move(registry), "keyfold_webhook_output", {{"output", output}}),
      rows(make_.counter("rows", "Rows that the receiver has taken.")),
      requests(make_.counter("requests", "Requests sent.")),
      repeated(make_.counter(
          "repeated", "Requests to be sent again: without an answer, or with one that says so.")),
      refused(make_.counter("refused",
                            "Rows that the receiver does not take; they are dead letters.")) {}

} // namespace keyfold::webhook
