#pragma once

#include "records.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::testing {

/// A record whose field `a` is of a type.
inline std::string typed(const std::string& type) {
  return record_of(R"({"name":"a","type":)" + type + "}");
}

/// What a value of the writer's `type` becomes as a column of type `as`.
inline cell become(const std::string& type, const std::string& as, const std::string& bytes) {
  static std::vector<std::unique_ptr<avro_reading>> alive; // the cell's text
  alive.push_back(std::make_unique<avro_reading>(typed(type), std::vector{avro_field("a", as)}));
  INFO(type << " as " << as);
  return alive.back()->first(bytes);
}

inline std::string refused(const std::string& type, const std::string& as,
                           const std::string& bytes) {
  avro_reading read{typed(type), {avro_field("a", as)}};
  return read.problem().empty() ? read(bytes) : read.problem();
}

inline std::string number(int64_t x) {
  return avro_bytes{}.number(x);
}
inline std::string text(std::string_view x) {
  return avro_bytes{}.text(x);
}

} // namespace keyfold::testing
