#pragma once

#include "config/document.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace keyfold::config {

/// What is wrong with one value, for people. The validator says only where a value does not fit and
/// which keyword refused it, not what would fit; this follows the schema to that place and says so.
/// Knows the keywords that definition.schema.json uses.
class schema_navigator {
public:
  struct fault {
    std::string pointer;
    std::string sentence;
    bool of_key = false; ///< it is the key that is wrong, not the value
  };

  /// @param schema must outlive the navigator
  explicit schema_navigator(const nlohmann::json& schema) : schema_(schema) {}

  /// What the value at `pointer` itself, not its members, does wrong; nothing if that is nothing.
  std::vector<fault> faults(const document& x, const std::string& pointer) const;

private:
  using schemas = std::vector<const nlohmann::json*>;

  void collect(const nlohmann::json& schema, const nlohmann::json& value, schemas& out) const;
  schemas at(const nlohmann::json& root, const std::string& pointer) const;

  const nlohmann::json& schema_;
};

} // namespace keyfold::config
