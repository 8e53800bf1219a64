#pragma once

#include "features/cell.hpp"
#include "features/view.hpp"
#include "http/json_writer.hpp"

#include <string_view>

namespace keyfold::http {

/// The dialects in which values leave the server.
enum class value_dialect : uint8_t {
  plain, ///< timestamps in RFC 3339
  feast, ///< timestamps in whole seconds; an empty list is null, nulls inside a list are left out,
         ///< because Feast's SDK raises on them
};

/// Appends `x` as JSON: integers exact, reals with a point, decimals as numbers, bytes in base64,
/// lists as arrays, maps as objects.
void write_value(json_writer& out, const cell& x, value_dialect dialect);

/// PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE.
std::string_view status_name(feature_status status) noexcept;

} // namespace keyfold::http
