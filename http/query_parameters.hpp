#pragma once

#include "features/event_time.hpp"
#include "features/result.hpp"
#include "http/target.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace keyfold::http {

/// The moment that `as_of` names: `now`, `watermark` (nothing), a number of milliseconds since
/// 1970, or an RFC 3339 timestamp; given as a parameter or in front of the path: `/as_of/now/…`.
/// Without: nothing.
/// @param now the wall clock
result<std::optional<event_time>> read_as_of(const target& where, event_time now);

/// An error if a parameter is none of `known`, or given twice: one of the two would be passed over.
result<void> check_parameters(const target& where, std::span<const std::string_view> known);

/// The wall clock in event time's unit.
event_time wall_now();

} // namespace keyfold::http
