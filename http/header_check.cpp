#include "http/header_check.hpp"

#include <fmt/format.h>

namespace keyfold::http {

namespace {

struct field_counts {
  uint32_t fields = 0;
  uint32_t hosts = 0;
  uint32_t lengths = 0;
  uint32_t encodings = 0;
};

bool equals_ignoring_case(std::string_view a, std::string_view lower) noexcept {
  if (a.size() != lower.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i) {
    auto c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i])
      return false;
  }
  return true;
}

std::string_view trimmed(std::string_view x) noexcept {
  while (!x.empty() && (x.front() == ' ' || x.front() == '\t'))
    x.remove_prefix(1);
  while (!x.empty() && (x.back() == ' ' || x.back() == '\t'))
    x.remove_suffix(1);
  return x;
}

refusal malformed(std::string detail) {
  return {fault::malformed_request, std::move(detail)};
}

std::optional<refusal> check_request_line(std::string_view line, const header_limits& limits,
                                          bool& old_version) {
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return malformed("the request line is not `METHOD target HTTP/1.1`");
  auto version = line.substr(last + 1);
  old_version = version == "HTTP/1.0";
  if (!old_version && version != "HTTP/1.1") {
    if (version.starts_with("HTTP/"))
      return refusal{fault::http_version, "use HTTP/1.1 or HTTP/1.0"};
    return malformed("the request line is not `METHOD target HTTP/1.1`");
  }
  if (last - first - 1 > limits.max_target_bytes)
    return refusal{fault::target_too_long,
                   fmt::format("the target is longer than {} bytes", limits.max_target_bytes)};
  return std::nullopt;
}

std::optional<refusal> check_field(std::string_view line, field_counts& seen) {
  if (line.front() == ' ' || line.front() == '\t')
    return malformed("a header field is folded over two lines");
  auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return malformed("a header line has no colon");
  auto name = line.substr(0, colon);
  ++seen.fields;
  // The three names that matter have 4, 14 and 17 letters.
  if (name.size() == 4 && equals_ignoring_case(name, "host")) {
    if (++seen.hosts > 1)
      return malformed("there is more than one Host");
  } else if (name.size() == 14 && equals_ignoring_case(name, "content-length")) {
    if (++seen.lengths > 1)
      return malformed("there is more than one Content-Length");
    auto value = trimmed(line.substr(colon + 1));
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos)
      return malformed("Content-Length is malformed: it is not a number");
  } else if (name.size() == 17 && equals_ignoring_case(name, "transfer-encoding")) {
    if (++seen.encodings > 1 || !equals_ignoring_case(trimmed(line.substr(colon + 1)), "chunked"))
      return malformed("Transfer-Encoding is not exactly `chunked`");
  }
  return std::nullopt;
}

std::optional<refusal> check_counts(const field_counts& seen, bool old_version,
                                    const header_limits& limits) {
  if (seen.encodings != 0 && seen.lengths != 0)
    return malformed("there are both Transfer-Encoding and Content-Length");
  if (seen.encodings != 0 && old_version)
    return malformed("HTTP/1.0 has no Transfer-Encoding");
  if (seen.hosts == 0 && !old_version)
    return malformed("there is no Host");
  if (seen.fields > limits.max_fields)
    return refusal{fault::header_too_large,
                   fmt::format("there are more than {} header fields", limits.max_fields)};
  return std::nullopt;
}

} // namespace

std::optional<refusal> check_header(std::string_view header, const header_limits& limits) {
  field_counts seen;
  bool old_version = false;
  bool first = true;
  while (!header.empty()) {
    auto end = header.find('\n');
    if (end == std::string_view::npos || end == 0 || header.find('\r') != end - 1)
      return malformed("a line does not end in CR LF");
    auto line = header.substr(0, end - 1);
    header.remove_prefix(end + 1);
    if (line.empty() && !first)
      break;
    if (line.find('\0') != std::string_view::npos)
      return malformed("the header holds a zero byte");
    auto wrong = first ? check_request_line(line, limits, old_version) : check_field(line, seen);
    if (wrong)
      return wrong;
    first = false;
  }
  return check_counts(seen, old_version, limits);
}

} // namespace keyfold::http
