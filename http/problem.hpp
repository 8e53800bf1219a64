#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keyfold::http {

/// All that can be wrong with a request, or with the server when it comes.
enum class fault : uint8_t {
  malformed_request,
  invalid_argument,
  invalid_key,
  token_missing,
  token_scope,
  unknown_path,
  unknown_entity,
  unknown_feature,
  unknown_view,
  unknown_stream,
  key_not_found,
  method_not_allowed,
  request_timeout,
  body_too_large,
  too_many_keys,
  target_too_long,
  expectation_failed,
  malformed_body,
  rows_rejected,
  overloaded,
  header_too_large,
  method_not_implemented,
  internal,
  query_timeout,
  push_timeout,
  too_many_connections,
  not_started,
  stopping,
  http_version,
};

/// The HTTP status of a fault: the one place that maps errors to statuses.
unsigned status_of(fault what) noexcept;
/// The fault's name in answers and metrics, e.g. `unknown_entity`.
std::string_view code_of(fault what) noexcept;
/// The reason phrase of a status.
std::string_view reason_phrase(unsigned status) noexcept;

/// The body of an `application/problem+json` answer (RFC 9457), with the member `code` besides.
/// @param detail a sentence for the caller
std::string problem_body(fault what, std::string_view detail);

} // namespace keyfold::http
