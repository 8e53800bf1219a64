#include "http/problem.hpp"

#include "http/json_writer.hpp"

namespace keyfold::http {

namespace {

struct fault_entry {
  unsigned status;
  std::string_view code;
};

fault_entry entry_of(fault what) noexcept {
  switch (what) {
  case fault::malformed_request:
    return {400, "malformed_request"};
  case fault::invalid_argument:
    return {400, "invalid_argument"};
  case fault::invalid_key:
    return {400, "invalid_key"};
  case fault::token_missing:
    return {401, "token_missing"};
  case fault::token_scope:
    return {403, "token_scope"};
  case fault::unknown_path:
    return {404, "unknown_path"};
  case fault::unknown_entity:
    return {404, "unknown_entity"};
  case fault::unknown_feature:
    return {404, "unknown_feature"};
  case fault::unknown_view:
    return {404, "unknown_view"};
  case fault::unknown_stream:
    return {404, "unknown_stream"};
  case fault::key_not_found:
    return {404, "key_not_found"};
  case fault::method_not_allowed:
    return {405, "method_not_allowed"};
  case fault::request_timeout:
    return {408, "request_timeout"};
  case fault::body_too_large:
    return {413, "body_too_large"};
  case fault::too_many_keys:
    return {413, "too_many_keys"};
  case fault::target_too_long:
    return {414, "target_too_long"};
  case fault::expectation_failed:
    return {417, "expectation_failed"};
  case fault::malformed_body:
    return {422, "malformed_body"};
  case fault::rows_rejected:
    return {422, "rows_rejected"};
  case fault::overloaded:
    return {429, "overloaded"};
  case fault::header_too_large:
    return {431, "header_too_large"};
  case fault::method_not_implemented:
    return {501, "method_not_implemented"};
  case fault::internal:
    return {500, "internal"};
  case fault::query_timeout:
    return {503, "query_timeout"};
  case fault::push_timeout:
    return {503, "push_timeout"};
  case fault::too_many_connections:
    return {503, "too_many_connections"};
  case fault::not_started:
    return {503, "not_started"};
  case fault::stopping:
    return {503, "stopping"};
  case fault::http_version:
    return {505, "http_version"};
  }
  return {500, "internal"};
}

} // namespace

unsigned status_of(fault what) noexcept {
  return entry_of(what).status;
}

std::string_view code_of(fault what) noexcept {
  return entry_of(what).code;
}

std::string_view reason_phrase(unsigned status) noexcept {
  switch (status) {
  case 100:
    return "Continue";
  case 200:
    return "OK";
  case 202:
    return "Accepted";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 417:
    return "Expectation Failed";
  case 422:
    return "Unprocessable Content";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Error";
  }
}

std::string problem_body(fault what, std::string_view detail) {
  json_writer out;
  auto status = status_of(what);
  out.raw(R"({"type":"about:blank","title":)");
  out.string(reason_phrase(status));
  out.raw(R"(,"status":)");
  out.integer(status);
  out.raw(R"(,"detail":)");
  out.string(detail);
  out.raw(R"(,"code":)");
  out.string(code_of(what));
  out.raw('}');
  return std::string{out.view()};
}

} // namespace keyfold::http
