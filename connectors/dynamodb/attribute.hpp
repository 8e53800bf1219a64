#pragma once

#include "features/cell.hpp"
#include "features/data_type.hpp"
#include "features/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace keyfold::dynamodb {

/// How timestamps are written: as a string, or as a number of units since 1970.
enum class timestamp_style : uint8_t { rfc3339, seconds, milliseconds, microseconds };

/// Appends a value in DynamoDB's typed JSON, `{"N":"1.5"}`: numbers N, strings S, bytes B, truth
/// values BOOL, lists L, maps M, null, NaN and infinities NULL. Numbers are exact or, of reals, the
/// shortest text that reads back as the same; magnitudes below 1E-130 are 0. An error says why
/// DynamoDB would refuse the value; what was appended then is to be thrown away.
/// @param size is raised by at least 1 for each value, and by no more than DynamoDB counts for it
/// @pre `value` is null or of `type`
result<void> append_attribute(const cell& value, const data_type& type, timestamp_style timestamps,
                              std::string& out, size_t& size);

/// `S`, `N`, `B` or, of types that cannot be part of a table's key, 0.
char key_type_of(const data_type& type, timestamp_style timestamps) noexcept;

} // namespace keyfold::dynamodb
