#pragma once

#include "features/cell.hpp"
#include "features/data_type.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace keyfold::postgres {

/// PostgreSQL's numbers of its types, as in its pg_type.dat; they never change.
namespace oid {
inline constexpr uint32_t boolean = 16;
inline constexpr uint32_t bytea = 17;
inline constexpr uint32_t int8 = 20;
inline constexpr uint32_t int2 = 21;
inline constexpr uint32_t int4 = 23;
inline constexpr uint32_t text = 25;
inline constexpr uint32_t json = 114;
inline constexpr uint32_t float4 = 700;
inline constexpr uint32_t float8 = 701;
inline constexpr uint32_t inet = 869;
inline constexpr uint32_t cidr = 650;
inline constexpr uint32_t bpchar = 1042;
inline constexpr uint32_t varchar = 1043;
inline constexpr uint32_t date = 1082;
inline constexpr uint32_t timestamp = 1114;
inline constexpr uint32_t timestamptz = 1184;
inline constexpr uint32_t numeric = 1700;
inline constexpr uint32_t uuid = 2950;
inline constexpr uint32_t jsonb = 3802;
} // namespace oid

/// How a cell is sent: the type of an array's elements.
enum class encoding : uint8_t {
  boolean,
  int8,
  float4,
  float8,
  numeric,
  text,
  bytea,
  timestamp,
  json
};

/// The type's number, and its name in SQL, of an array's elements.
uint32_t element_oid(encoding as) noexcept;
std::string_view element_name(encoding as) noexcept;

/// Appends the cell as an element of an array in the binary format: its length and its bytes; -1 of
/// null. Times are UTC. @pre the cell is null or of a kind that `as` is for
/// @param type of `json`: how its reals are written
void append_element(const cell& x, encoding as, const data_type& type, std::string& out);

/// Appends what stands before the elements of an array of one dimension: 20 bytes.
void append_array_header(uint32_t elements, bool nulls, encoding as, std::string& out);

/// A cell from PostgreSQL's text format of one value, of a session with DateStyle ISO, TimeZone
/// UTC, bytea_output hex. False where the text is none of `type`. Text is copied into `memory`.
/// @pre `type` is neither a list nor a map
bool read_text(std::string_view text, const data_type& type, arena& memory, cell& out);

} // namespace keyfold::postgres
