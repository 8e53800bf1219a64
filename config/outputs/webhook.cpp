#include "config/outputs/targets.hpp"

#include <algorithm>
#include <string_view>

namespace keyfold::config {

namespace {

/// Whether `x` is a header's name: RFC 9110's token.
bool is_header_name(const std::string& x) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !x.empty() && std::all_of(x.begin(), x.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || others.find(c) != std::string_view::npos;
  });
}

bool same_header(const std::string& a, const std::string& b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

void read_headers(const node& at, webhook_output& to) {
  for (const auto& [name, value] : at["headers"].members()) {
    if (!is_header_name(name))
      value.complain_of_key("`" + name + "` is no name of an HTTP header");
    for (const auto* own : {"Content-Type", "Content-Length", "Host", "Transfer-Encoding"})
      if (same_header(name, own))
        value.complain_of_key("the header `" + name + "` is keyfold's to set");
    if (same_header(name, to.key_header))
      value.complain_of_key("the header `" + name + "` carries the idempotency key");
    if (value.text().find_first_of("\r\n") != std::string::npos)
      value.complain("a header is one line");
    to.headers.emplace_back(name, value.text());
  }
  if (!is_header_name(to.key_header))
    at["idempotency_header"].complain(at["idempotency_header"].quoted()
                                      + " is no name of an HTTP header");
}

/// What the schema's pattern says of URLs.
bool is_url(const std::string& x) {
  auto host = x.find("://");
  if ((!x.starts_with("http://") && !x.starts_with("https://")) || host + 3 == x.size())
    return false;
  auto authority = x.substr(host + 3, x.find_first_of("/?#", host + 3) - host - 3);
  return !authority.empty() && authority.find('@') == std::string::npos
         && x.find_first_of(" \r\n") == std::string::npos;
}

} // namespace

webhook_output read_webhook_output(const node& at, target_names& taken) {
  webhook_output out;
  out.url = at.text_or("url", "");
  if (!is_url(out.url))
    at["url"].complain(
        "the URL begins with `http://` or `https://` and a host; a user and password "
        "are headers");
  out.put = at.text_or("method", "POST") == "PUT";
  out.key_header = at.text_or("idempotency_header", out.key_header);
  out.token = at.text_or("token", "");
  if (out.token.find_first_of("\r\n") != std::string::npos)
    at["token"].complain("a token is one line");
  out.ca_certificate = at.text_or("ca_certificate", "");
  out.client_certificate = at.text_or("client_certificate", "");
  out.client_key = at.text_or("client_key", "");
  if (out.client_certificate.empty() != out.client_key.empty())
    at.complain("`client_certificate` and `client_key` go together");
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  out.batch_rows = at.whole_or("batch_rows", out.batch_rows);
  out.batch_bytes = at.size_or("batch_bytes", out.batch_bytes);
  out.max_in_flight = at.whole_or("max_in_flight", out.max_in_flight);
  read_headers(at, out);
  if (!taken.take({"webhook", out.url}))
    at["url"].complain("two outputs send to " + at["url"].quoted()
                       + "; let one of them send both, in `views`, so that they come in order");
  return out;
}

} // namespace keyfold::config
