#pragma once

#include "features/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace keyfold {

/// The kinds of the definition language's types.
enum class type_kind : uint8_t {
  null, // only of the literal NULL
  boolean,
  int32,
  int64,
  float32,
  float64,
  decimal,
  string,
  bytes,
  timestamp,
  list,
  map,
};

/// A type of the definition language, e.g. `decimal(5,2)` or `list<string>`. A value; cheap to
/// copy.
struct data_type {
  type_kind kind = type_kind::null;
  uint8_t precision = 0; ///< of a decimal: digits in all, 1 to 18
  uint8_t scale = 0;     ///< of a decimal: digits after the point, at most `precision`
  std::shared_ptr<const data_type>
      element; ///< of a list: its items; of a map: its values (keys are strings)

  friend bool operator==(const data_type& a, const data_type& b) noexcept;
};

inline bool is_integer(type_kind kind) noexcept {
  return kind == type_kind::int32 || kind == type_kind::int64;
}
inline bool is_real(type_kind kind) noexcept {
  return kind == type_kind::float32 || kind == type_kind::float64;
}
inline bool is_numeric(type_kind kind) noexcept {
  return is_integer(kind) || is_real(kind) || kind == type_kind::decimal;
}

/// The type as the definition language writes it.
std::string to_string(const data_type& type);

/// Reads `bool`, `int32`, `int64`, `float`, `double`, `decimal(p,s)`, `string`, `bytes`,
/// `timestamp`, `list<T>`, `map<string,T>`.
result<data_type> parse_data_type(std::string_view text);

} // namespace keyfold
