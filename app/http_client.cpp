#include "app/http_client.hpp"

#include "connectors/http_client/http_client.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

/// Largest answer that is taken.
constexpr size_t max_answer_bytes = 64u << 20;

std::string url_of(const http_request& what) {
  auto bare = what.to.host.find(':') != std::string::npos; // IPv6
  return fmt::format("http{}://{}{}{}:{}{}{}", what.to.tls ? "s" : "", bare ? "[" : "",
                     what.to.host, bare ? "]" : "", what.to.port, what.to.base, what.target);
}

} // namespace

result<http_address> parse_http_address(std::string_view text) {
  auto wrong = [&] {
    return fail(
        fmt::format("\"{}\" is not an address: write http://HOST:PORT or https://HOST:PORT", text));
  };
  http_address result;
  auto rest = text;
  auto scheme = rest.find("://");
  if (scheme == std::string_view::npos)
    return wrong();
  result.tls = rest.substr(0, scheme) == "https";
  if (!result.tls && rest.substr(0, scheme) != "http")
    return wrong();
  rest.remove_prefix(scheme + 3);
  auto slash = rest.find('/');
  if (slash != std::string_view::npos)
    result.base = rest.substr(slash);
  while (!result.base.empty() && result.base.back() == '/')
    result.base.pop_back();
  auto place = rest.substr(0, slash);
  auto bracket = place.rfind(']'); // of an IPv6 address
  auto colon = place.rfind(':');
  if (colon != std::string_view::npos && bracket != std::string_view::npos && colon < bracket)
    colon = std::string_view::npos;
  result.host = place.substr(0, colon);
  result.port =
      colon == std::string_view::npos ? (result.tls ? "443" : "80") : place.substr(colon + 1);
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']')
    result.host = result.host.substr(1, result.host.size() - 2);
  if (result.host.empty() || result.port.empty()
      || result.port.find_first_not_of("0123456789") != std::string::npos)
    return wrong();
  return result;
}

result<http_answer> http_get(const http_request& what) {
  http_client_settings settings;
  settings.token = what.bearer_token;
  settings.ca_certificate = what.ca_certificate;
  settings.timeout = what.timeout;
  settings.max_answer_bytes = max_answer_bytes;
  settings.proxies = false;
  http_client client{std::move(settings)};
  auto answer = client.exchange({"GET", url_of(what), {}, {}});
  if (!answer)
    return fail(
        fmt::format("no answer from {}:{} ({}): is `keyfold run` up, and is --address what its "
                    "definition's \"serving\" says?",
                    what.to.host, what.to.port, answer.error().message));
  return http_answer{static_cast<unsigned>(answer->status), std::move(answer->body)};
}

} // namespace keyfold
