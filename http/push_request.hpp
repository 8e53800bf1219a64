#pragma once

#include "features/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::http {

/// Events to push, one JSON object each, as the stream's decoder will read them. The text of values
/// is the request's, byte for byte: numbers lose nothing on their way.
struct push_request {
  std::string stream;
  std::vector<std::string> rows;
  bool columns = false; ///< came in Feast's form, `df`
};

/// Bounds of a push.
struct push_limits {
  size_t max_rows = 100'000;
  size_t max_depth = 32;
};

/// Reads `{"stream":…,"rows":[{…},…]}`, `{"push_source_name":…,"df":{column:[…],…},"to":"online"}`
/// or `{"feature_view_name":…,"df":…}`. Rows are checked for their brackets here, by the stream's
/// decoder for the rest.
/// @param body gets padding appended to its capacity
/// @param complete_times `event_timestamp` and `created` of a `df` that have no zone get a `Z`: the
/// SDK sends UTC without saying so
result<push_request> read_push(std::string& body, const push_limits& limits, bool complete_times);

/// Reads rows alone: a JSON array of objects, one object, or one object per line.
/// @param lines the content type says that each line is an object
result<std::vector<std::string>> read_push_rows(std::string& body, bool lines,
                                                const push_limits& limits);

} // namespace keyfold::http
