#include "connectors/s2/requests.hpp"

#include "connectors/s2/answers.hpp"

#include <fmt/format.h>

namespace keyfold::s2 {

namespace {

constexpr std::string_view placeholder = "{basin}";

} // namespace

basin_requests::basin_requests(const basin_settings& basin) : base_(basin.endpoint) {
  while (base_.ends_with('/'))
    base_.pop_back();
  headers_ = {"Accept: application/json", "S2-Format: base64"};
  if (auto at = base_.find(placeholder); at != std::string::npos)
    base_.replace(at, placeholder.size(), basin.basin);
  else
    headers_.push_back("S2-Basin: " + basin.basin);
  base_ += "/v1/streams";
}

http_exchange_request basin_requests::get(std::string target) const {
  return {"GET", base_ + std::move(target), headers_, {}};
}

std::string basin_requests::records_of(std::string_view stream) const {
  return fmt::format("/{}/records", escape_segment(stream));
}

http_exchange_request basin_requests::list(std::string_view prefix, std::string_view after) const {
  auto target = fmt::format("?limit=1000&prefix={}", escape_segment(prefix));
  if (!after.empty())
    target += "&start_after=" + escape_segment(after);
  return get(std::move(target));
}

http_exchange_request basin_requests::create(std::string_view stream) const {
  auto out = get(fmt::format("/{}", escape_segment(stream)));
  out.method = "PUT";
  out.headers.emplace_back("Content-Type: application/json");
  out.body = "{}";
  return out;
}

http_exchange_request basin_requests::tail(std::string_view stream) const {
  return get(fmt::format("/{}/records/tail", escape_segment(stream)));
}

http_exchange_request basin_requests::read(std::string_view stream, int64_t first,
                                           size_t count) const {
  return get(fmt::format("{}?seq_num={}&count={}", records_of(stream), first, count));
}

http_exchange_request basin_requests::first_at(std::string_view stream,
                                               int64_t timestamp_ms) const {
  return get(fmt::format("{}?timestamp={}&count=1", records_of(stream), timestamp_ms));
}

http_exchange_request basin_requests::follow(std::string_view stream, int64_t first) const {
  auto out = get(fmt::format("{}?seq_num={}", records_of(stream), first));
  out.headers.front() = "Accept: text/event-stream";
  return out;
}

http_exchange_request basin_requests::append(std::string_view stream, std::string body) const {
  auto out = get(records_of(stream));
  out.method = "POST";
  out.headers.emplace_back("Content-Type: application/json");
  out.headers.emplace_back("Expect:"); // libcurl would wait a second for leave to send
  out.body = std::move(body);
  return out;
}

bool worth_retrying(long status) noexcept {
  constexpr long timeout = 408;
  constexpr long conflict = 409;
  constexpr long too_many = 429;
  constexpr long first_of_servers = 500;
  return status == 0 || status == timeout || status == conflict || status == too_many
         || status >= first_of_servers;
}

std::string refusal(long status, std::string_view body) {
  constexpr size_t most_text = 300;
  auto said = error_of(body);
  auto text = said.message.empty() ? std::string{body.substr(0, most_text)} : said.message;
  switch (status) {
  case 401:
    return "the token is missing, wrong or has expired: " + text;
  case 403:
    return "the token does not allow it: " + text;
  case 404:
    return said.code == "basin_not_found" ? "there is no such basin: create it: " + text
                                          : "not found: " + text;
  case 429:
    return "the service asks to wait: " + text;
  default:
    return fmt::format("status {}: {}", status, text);
  }
}

} // namespace keyfold::s2
