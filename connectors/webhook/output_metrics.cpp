#include "connectors/webhook/output_metrics.hpp"

namespace keyfold::webhook {

namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& what,
                             const std::string& help, const std::string& output) {
  return prometheus::BuildCounter()
      .Name("keyfold_webhook_output_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add({{"output", output}});
}

} // namespace

output_metrics::output_metrics(const std::shared_ptr<prometheus::Registry>& registry,
                               const std::string& output)
    : owner(registry),
      rows(counter(*registry, "rows", "Rows that the receiver has taken.", output)),
      requests(counter(*registry, "requests", "Requests sent.", output)),
      repeated(counter(*registry, "repeated",
                       "Requests to be sent again: without an answer, or with one that says so.",
                       output)),
      refused(counter(*registry, "refused",
                      "Rows that the receiver does not take; they are dead letters.", output)) {}

} // namespace keyfold::webhook
