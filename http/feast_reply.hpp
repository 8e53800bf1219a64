#pragma once

#include "http/responder.hpp"

#include <string>
#include <string_view>

namespace keyfold::http {

/// Answers with an error as Feast's server writes it: a JSON string that holds the JSON object
/// {module, class, message}; the SDK raises that class of `feast.errors` with the message.
/// @param status a 4xx: the SDK retries 429, 500 and 503, and loses the message
void feast_error(const responder& to, unsigned status, std::string_view error_class,
                 std::string_view message);

/// Answers 422 with `{"detail":[{"type","loc","msg"}]}`, as Feast does for a body it cannot read.
/// @param where the place in the body, e.g. `entities.user_id`; empty: the whole
void feast_malformed(const responder& to, std::string_view where, std::string_view message);

} // namespace keyfold::http
