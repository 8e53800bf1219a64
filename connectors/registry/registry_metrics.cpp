#include "connectors/registry/registry_metrics.hpp"

#include <utility>

namespace keyfold {

namespace {

prometheus::Counter& requests(const metric_maker& make, const std::string& outcome) {
  return make.counter("requests", "Requests to the schema registry, by what they came to.",
                      {{"result", outcome}});
}

} // namespace

registry_metrics::registry_metrics(std::shared_ptr<metrics_registry> registry,
                                   const std::string& url)
    : make_(std::move(registry), "keyfold_schema_registry", {{"url", url}}),
      found(requests(make_, "found")), missing(requests(make_, "missing")),
      refused(requests(make_, "refused")), failed(requests(make_, "failed")),
      registered(requests(make_, "registered")),
      forgotten(
          make_.counter("forgotten", "Schemas forgotten because more than the bound were in use.")),
      schemas(make_.gauge("schemas", "Schemas kept in memory.")),
      waiting(make_.gauge("waiting", "Schemas that records wait for, and that the registry has not "
                                     "given yet.")) {}

} // namespace keyfold
