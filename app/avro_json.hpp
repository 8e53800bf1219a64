#pragma once

#include "connectors/registry/schema_registry.hpp"
#include "features/result.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace keyfold {

/// Whether `record` begins as what a registry's serializers write.
bool looks_framed(std::string_view record) noexcept;

/// Writes framed Avro records as JSON objects, as `make_row_writer` does: a member for each field
/// that a column could have, those of nested records as `outer.inner`. Fields of other types (lists
/// of records, unions of several types) are left out. One thread.
class avro_json {
public:
  /// @param patience for the registry, with each schema
  avro_json(std::shared_ptr<avro::schema_source> registry, std::chrono::milliseconds patience)
      : registry_(std::move(registry)), patience_(patience) {}

  /// @pre `looks_framed(record)`
  result<std::string> text(std::string_view record);

private:
  struct reading;
  result<std::shared_ptr<const avro::schema>> find(int32_t id) const;
  result<std::shared_ptr<reading>> reading_of(int32_t id);

  std::shared_ptr<avro::schema_source> registry_;
  std::chrono::milliseconds patience_;
  std::map<int32_t, std::shared_ptr<reading>> readings_;
};

} // namespace keyfold
