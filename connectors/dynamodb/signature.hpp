#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold::dynamodb {

/// What requests are signed with. Never to be written anywhere.
struct credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token; ///< of temporary ones; empty: none

  friend bool operator==(const credentials&, const credentials&) = default;
};

/// What of a request is signed: one to `/`, without a query, as all of DynamoDB's are.
struct signable_request {
  std::string_view method = "POST";
  /// All that are signed, names in lower case; `host` and `x-amz-date` must be among them.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
};

/// `20150830T123600Z`
std::string signing_date(std::chrono::sys_seconds at);

/// Signs requests by AWS Signature Version 4. libcurl's own (CURLOPT_AWS_SIGV4) is not used: up to
/// 8.2 it sends a second X-Amz-Date where a date is given, and so cannot follow a server's clock.
/// For one thread.
class request_signer {
public:
  request_signer(std::string region, std::string service)
      : region_(std::move(region)), service_(std::move(service)) {}

  /// The value of the header Authorization.
  /// @param date as `signing_date` writes it; the value of `x-amz-date`
  std::string authorization(const credentials& by, std::string_view date,
                            const signable_request& what);

private:
  const std::string& key_of(const credentials& by, std::string_view day);

  std::string region_;
  std::string service_;
  std::string secret_; // what `key_` was made of
  std::string day_;
  std::string key_;
};

} // namespace keyfold::dynamodb
