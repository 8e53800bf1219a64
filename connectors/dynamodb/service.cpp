#include "connectors/dynamodb/service.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace keyfold::dynamodb {

namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

std::string endpoint_of(const connection_settings& x) {
  if (x.endpoint.empty())
    return fmt::format("https://dynamodb.{}.amazonaws.com{}", x.region,
                       x.region.starts_with("cn-") ? ".cn" : "");
  auto out = x.endpoint;
  while (!out.empty() && out.back() == '/')
    out.pop_back();
  return out;
}

std::string host_of(const std::string& url) {
  auto begin = url.find("://");
  begin = begin == std::string::npos ? 0 : begin + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

http_client_settings http_of(const connection_settings& x) {
  http_client_settings out;
  out.ca_certificate = x.ca_certificate;
  out.timeout = x.timeout;
  out.max_answer_bytes = 20u << 20; // UnprocessedItems are as large as what was sent
  return out;
}

} // namespace

service::service(connection_settings settings)
    : settings_(std::move(settings)), endpoint_(endpoint_of(settings_)), host_(host_of(endpoint_)),
      credentials_(settings_.credentials), signer_(settings_.region, "dynamodb"),
      client_(http_of(settings_)) {}

http_client_settings service::http() const {
  return http_of(settings_);
}

result<http_exchange_request> service::request(std::string_view operation, std::string body) {
  auto keys = credentials_.get();
  if (!keys)
    return tl::unexpected{keys.error()};
  auto now = std::chrono::floor<seconds>(system_clock::now()) + ahead_;
  auto date = signing_date(now);
  signable_request signed_part{"POST",
                               {{"content-type", "application/x-amz-json-1.0"},
                                {"host", host_},
                                {"x-amz-date", date},
                                {"x-amz-target", fmt::format("DynamoDB_20120810.{}", operation)}},
                               body};
  if (!keys->session_token.empty())
    signed_part.headers.emplace_back("x-amz-security-token", keys->session_token);
  http_exchange_request out{"POST", endpoint_ + "/", {}, {}};
  out.headers.push_back("Authorization: " + signer_.authorization(*keys, date, signed_part));
  for (const auto& [name, value] : signed_part.headers)
    out.headers.push_back(fmt::format("{}: {}", name, value));
  out.body = std::move(body);
  return out;
}

bool service::learn(const judgement& said, const result<http_exchange_answer>& answered) {
  if (said.what == verdict::stale_keys || said.what == verdict::bad_keys)
    credentials_.forget();
  if (said.what == verdict::wrong_time && answered && answered->date > 0) {
    auto theirs = std::chrono::sys_seconds{seconds{answered->date}};
    ahead_ = theirs - std::chrono::floor<seconds>(system_clock::now());
    return true;
  }
  return said.what == verdict::stale_keys;
}

service::reply service::call(std::string_view operation, const std::string& body) {
  for (int attempt = 0;; ++attempt) {
    auto asked = request(operation, body);
    if (!asked)
      return {{verdict::bad_keys, asked.error().message, {}}, {}};
    auto answered = client_.exchange(*asked);
    auto said = judge(answered);
    if (!learn(said, answered) || attempt > 0)
      return {std::move(said), answered ? std::move(answered->body) : std::string{}};
  }
}

void service::interrupt() noexcept {
  credentials_.interrupt();
  client_.interrupt();
}

std::string remedy(verdict x, std::string_view table, std::string_view region) {
  switch (x) {
  case verdict::no_table:
    return fmt::format("there is no table `{}` in {}: create it, or set `create_table`", table,
                       region);
  case verdict::forbidden:
    return fmt::format("grant dynamodb:DescribeTable, BatchWriteItem, PutItem, DeleteItem and, for "
                       "a marker, GetItem on table `{}`",
                       table);
  case verdict::bad_keys:
  case verdict::stale_keys:
    return "give the output the credentials of a user or role that exists in the account";
  case verdict::wrong_time:
    return "set this machine's clock";
  case verdict::busy_table:
    return fmt::format("wait until table `{}` is no longer changed", table);
  default:
    return {};
  }
}

} // namespace keyfold::dynamodb
