#pragma once

#include "features/cell.hpp"
#include "features/stream_schema.hpp"

#include <string>
#include <string_view>

namespace keyfold {

/// Reads `text` as a value of the scalar `type`; the whole text must be the value. False when it is
/// not. Text of strings and bytes is copied into `memory`.
///
/// bool: `true` or `false` in any case. Integers: digits, also `12.0` and `1e3`, in range. Reals:
/// finite. Decimals: exact. Bytes: base64. Timestamps: as `field` says.
/// @pre `type` is neither a list nor a map
bool read_text_value(std::string_view text, const data_type& type, const stream_field& field,
                     arena& memory, cell& out);

/// Reads a real number, finite and, for a float, in its range.
bool read_real(std::string_view text, type_kind kind, cell& out);
/// A double as `kind` keeps it; false when that is not finite.
bool make_real(double value, type_kind kind, cell& out);
/// Reads an integer in the range of `kind`, also written `12.0` or `1e3`.
bool read_integer(std::string_view text, type_kind kind, cell& out);

/// Whether a 64-bit number is in the range of the integer type `kind`.
constexpr bool in_range(int64_t x, type_kind kind) noexcept {
  return kind != type_kind::int32 || (x >= INT32_MIN && x <= INT32_MAX);
}

/// "field `a`: expected an int32, found "x"". `found` is cut to a readable length; it is quoted
/// when `quote` is set.
error wrong_value(const stream_field& field, std::string_view found, bool quote);

/// What is printed of bytes found in a record: at most 40 bytes, without control characters.
std::string sample(std::string_view text);

} // namespace keyfold
