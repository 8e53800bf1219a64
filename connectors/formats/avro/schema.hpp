#pragma once

#include "features/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Avro 1.11: schemas, and records read straight into rows. No I/O here: where schemas come from is
/// `schema_source`'s business.
namespace keyfold::avro {

enum class kind : uint8_t {
  null,
  boolean,
  int32, ///< Avro's `int`
  int64, ///< Avro's `long`
  float32,
  float64,
  bytes,
  string,
  record,
  enumeration,
  array,
  map,
  choice, ///< Avro's union
  fixed
};

/// What a logical type says of the value below it. Unknown ones, and those that do not fit their
/// type, are `none`, as the specification wants it.
enum class meaning : uint8_t {
  none,
  decimal,
  uuid,
  date,
  time_millis,
  time_micros,
  timestamp_millis,
  timestamp_micros,
  timestamp_nanos
};

/// A field of a record.
struct field {
  std::string name;
  std::vector<std::string> aliases;
  uint32_t type = 0; ///< place in `schema::nodes`
};

/// A type. Which members mean something depends on its kind.
struct node {
  kind what = kind::null;
  meaning logical = meaning::none;
  uint8_t precision = 0; ///< of a decimal; at most 255, more is kept as that
  uint8_t scale = 0;
  uint32_t size = 0;                ///< of a fixed: its bytes
  std::string name;                 ///< of a record, an enumeration, a fixed: with its namespace
  std::vector<field> fields;        ///< of a record
  std::vector<std::string> symbols; ///< of an enumeration
  std::vector<uint32_t> parts;      ///< of a union: its branches; of an array or a map: its items
};

/// A schema as a graph: a recursive one refers to itself by place. Plain data.
struct schema {
  std::vector<node> nodes;
  uint32_t root = 0;

  const node& top() const noexcept { return nodes[root]; }
};

// Bounds on what a schema may hold; beyond, it is refused.
inline constexpr size_t max_schema_bytes = 1u << 20;
inline constexpr size_t max_schema_nodes = 20'000;
inline constexpr int max_schema_depth = 64;
inline constexpr size_t max_name_bytes = 1024;
inline constexpr uint32_t max_fixed_bytes = 16u << 20;

/// Reads a schema in JSON.
/// @param references schemas whose named types it may use, each after those that it uses itself
/// @return an error says where in the schema something is wrong
result<schema> parse_schema(std::string_view json, std::span<const std::string> references = {});

/// The type as people write it: `long (timestamp-millis)`, `record com.x.Sales`.
std::string to_string(const node& x);

} // namespace keyfold::avro
