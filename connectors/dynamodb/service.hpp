#pragma once

#include "connectors/dynamodb/answer.hpp"
#include "connectors/dynamodb/credential_source.hpp"
#include "connectors/dynamodb/signature.hpp"
#include "connectors/http_client/http_client.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace keyfold::dynamodb {

/// How DynamoDB is reached. Plain data.
struct connection_settings {
  std::string region;
  std::string endpoint; ///< URL; empty: AWS's of the region
  credential_settings credentials;
  std::string ca_certificate;                ///< file; empty: the system's
  std::chrono::milliseconds timeout{10'000}; ///< of one exchange
};

/// DynamoDB, as far as its requests are signed and its answers understood. For one thread but for
/// `interrupt`.
class service {
public:
  explicit service(connection_settings settings);

  const std::string& endpoint() const noexcept { return endpoint_; }
  /// How an HTTP client reaches it.
  http_client_settings http() const;

  /// A signed request. An error says why there are no credentials.
  result<http_exchange_request> request(std::string_view operation, std::string body);
  /// Learns from an answer what the next request may need: the server's time, other credentials.
  /// @return whether the same request, signed again, may succeed
  bool learn(const judgement& said, const result<http_exchange_answer>& answered);

  struct reply {
    judgement said;
    std::string body;
  };
  /// Asks, and waits for the answer. Asks once more where `learn` says so.
  reply call(std::string_view operation, const std::string& body);
  void interrupt() noexcept;

private:
  connection_settings settings_;
  std::string endpoint_;
  std::string host_;
  credential_source credentials_;
  request_signer signer_;
  http_client client_;
  std::chrono::seconds ahead_{0}; ///< of the server's clock
};

/// What a person must do about an answer that asking again does not mend.
std::string remedy(verdict x, std::string_view table, std::string_view region);

} // namespace keyfold::dynamodb
