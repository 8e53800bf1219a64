#pragma once

#include "connectors/formats/avro/schema.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace keyfold::avro {

/// Where the schemas are that records name by number: a registry. Thread-safe; never blocks.
class schema_source {
public:
  enum class state : uint8_t {
    found,
    refused, ///< `why` says what is wrong with every record of the schema
    awaited  ///< it is not known yet: ask again. `why` is empty unless something is amiss
  };
  struct answer {
    state what = state::awaited;
    std::shared_ptr<const schema> found;
    std::string why;
  };

  virtual ~schema_source() = default;
  virtual answer find(int32_t id) = 0;
};

} // namespace keyfold::avro
