#pragma once

#include "connectors/dynamodb/signature.hpp"
#include "connectors/http_client/http_client.hpp"
#include "features/result.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace keyfold::dynamodb {

/// Credentials, and when they cease to be valid.
struct dated_credentials {
  credentials keys;
  std::optional<std::chrono::system_clock::time_point> until; ///< never, where there is none
};

/// Reads what the endpoints of containers and instances answer: `AccessKeyId`, `SecretAccessKey`,
/// `Token`, `Expiration`. An error names the member that is missing, and no value.
result<dated_credentials> parse_endpoint_answer(const std::string& body);

/// Where credentials are looked for. Plain data.
struct credential_settings {
  enum class from : uint8_t {
    anywhere,    ///< the first of those below that has some
    given,       ///< `keys`
    environment, ///< AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
    file,        ///< AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), AWS_CONFIG_FILE
    container,   ///< AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI
    instance     ///< the metadata service of EC2, version 2
  };
  from where = from::anywhere;
  credentials keys;
  std::string profile; ///< of the file; empty: AWS_PROFILE, else `default`
  /// The environment; null for what is not set. Tests give their own.
  std::function<const char*(const char*)> variable;
  std::chrono::milliseconds timeout{2000}; ///< of one exchange with an endpoint
  std::chrono::milliseconds pause{10'000}; ///< before another attempt to refresh valid ones
};

/// Finds credentials as AWS's own libraries do, keeps them, and fetches temporary ones again five
/// minutes before they end. While that fails the old ones serve to their end. For one thread but
/// for `interrupt`. No error and no log line holds a credential.
class credential_source {
public:
  explicit credential_source(credential_settings settings);

  /// Credentials valid now. An error says where was looked, and what was wrong there.
  result<credentials> get();
  /// The server refuses what `get` gave: the next one looks again.
  void forget() noexcept { known_.reset(); }
  void interrupt() noexcept { client_.interrupt(); }

private:
  using clock = std::chrono::system_clock;
  using found = result<std::optional<dated_credentials>>; // nothing: not there

  result<dated_credentials> look();
  found look_in(credential_settings::from where);
  found in_environment() const;
  found in_file() const;
  found at_container();
  found at_instance();
  result<std::string> ask_instance(const std::string& path, const std::string& token);
  std::string text(const char* name) const;

  credential_settings settings_;
  http_client client_;
  std::optional<dated_credentials> known_;
  clock::time_point not_before_{}; ///< of another attempt to refresh
};

} // namespace keyfold::dynamodb
