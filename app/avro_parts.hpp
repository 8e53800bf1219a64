#pragma once

#include "config/plan.hpp"
#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/registry/schema_registry.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// The schema registries of one definition: streams and outputs with the same settings share one.
class registry_pool {
public:
  explicit registry_pool(std::shared_ptr<prometheus::Registry> metrics)
      : metrics_(std::move(metrics)) {}
  std::shared_ptr<schema_registry> get(const config::registry_settings& x);

private:
  std::shared_ptr<prometheus::Registry> metrics_;
  std::map<std::vector<std::string>, std::shared_ptr<schema_registry>> known_;
};

/// What the decoder of a stream in Avro must know. An error names the schema's file.
result<std::shared_ptr<const avro::format>> make_avro_format(const config::avro_settings& x,
                                                             registry_pool& registries);

} // namespace keyfold
