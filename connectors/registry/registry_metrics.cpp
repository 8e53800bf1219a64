#include "connectors/registry/registry_metrics.hpp"

namespace keyfold {

namespace {

prometheus::Counter& requests(prometheus::Registry& registry, const std::string& url,
                              const std::string& outcome) {
  return prometheus::BuildCounter()
      .Name("keyfold_schema_registry_requests_total")
      .Help("Requests to the schema registry, by what they came to.")
      .Register(registry)
      .Add({{"url", url}, {"result", outcome}});
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const std::string& name,
                         const std::string& help, const std::string& url) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({{"url", url}});
}

} // namespace

registry_metrics::registry_metrics(const std::shared_ptr<prometheus::Registry>& registry,
                                   const std::string& url)
    : owner(registry), found(requests(*registry, url, "found")),
      missing(requests(*registry, url, "missing")), refused(requests(*registry, url, "refused")),
      failed(requests(*registry, url, "failed")),
      registered(requests(*registry, url, "registered")),
      forgotten(prometheus::BuildCounter()
                    .Name("keyfold_schema_registry_forgotten_total")
                    .Help("Schemas forgotten because more than the bound were in use.")
                    .Register(*registry)
                    .Add({{"url", url}})),
      schemas(gauge(*registry, "keyfold_schema_registry_schemas", "Schemas kept in memory.", url)),
      waiting(gauge(*registry, "keyfold_schema_registry_waiting",
                    "Schemas that records wait for, and that the registry has not given yet.",
                    url)) {}

} // namespace keyfold
