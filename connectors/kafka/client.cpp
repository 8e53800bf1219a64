#include "connectors/kafka/client.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace keyfold::kafka {
namespace {

bool is_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 6> parts{
      "password", "secret", "ssl.key.pem", "oauthbearer.config", "token", "jaas"};
  return std::any_of(parts.begin(), parts.end(),
                     [&](auto part) { return name.find(part) != name.npos; });
}

void forward_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // Syslog's levels. What librdkafka calls an error it retries by itself: keyfold's own lines say
  // when something does not mend.
  static constexpr std::array levels{spdlog::level::err,   spdlog::level::err,  spdlog::level::err,
                                     spdlog::level::warn,  spdlog::level::warn, spdlog::level::info,
                                     spdlog::level::debug, spdlog::level::trace};
  auto index = static_cast<size_t>(std::clamp(level, 0, 7));
  spdlog::log(levels[index], "kafka {} {}: {}", client ? rd_kafka_name(client) : "", facility,
              text);
}

} // namespace

properties redacted(const properties& x) {
  auto out = x;
  for (auto& [name, value] : out)
    if (is_secret(name))
      value = "***";
  return out;
}

std::string without_secrets(std::string text, const properties& x) {
  for (auto& [name, value] : x) {
    if (!is_secret(name) || value.empty())
      continue;
    for (size_t at = 0; (at = text.find(value, at)) != text.npos; at += 3)
      text.replace(at, value.size(), "***");
    // librdkafka quotes from the place where it gave up: no whole value is there to be found.
    if (auto at = text.find("beginning at: "); text.find(name) != text.npos && at != text.npos)
      text.replace(at, text.npos, "beginning at: ***");
  }
  return text;
}

result<settings_handle> make_settings(std::string_view owner, const properties& own,
                                      const properties& passed_through,
                                      std::initializer_list<reserved_property> reserved) {
  settings_handle settings{rd_kafka_conf_new()};
  std::array<char, 512> why{};
  auto set = [&](const std::string& name, const std::string& value) {
    return rd_kafka_conf_set(settings.get(), name.c_str(), value.c_str(), why.data(), why.size())
           == RD_KAFKA_CONF_OK;
  };
  for (auto& [name, value] : own)
    if (!set(name, value))
      return fail(fmt::format("{}: {}", owner, why.data()));
  for (auto& [name, value] : passed_through) {
    auto refused = std::find_if(reserved.begin(), reserved.end(),
                                [&wanted = name](auto& x) { return x.name == wanted; });
    if (refused != reserved.end())
      return fail(fmt::format("{}: the Kafka property \"{}\" cannot be set: {}", owner, name,
                              refused->reason));
    if (!set(name, value))
      return fail(fmt::format(
          "{}: the Kafka property \"{}\" is refused: {} (librdkafka {} knows the properties that "
          "its CONFIGURATION.md lists)",
          owner, name, without_secrets(why.data(), passed_through), rd_kafka_version_str()));
  }
  rd_kafka_conf_set_log_cb(settings.get(), forward_log);
  return settings;
}

result<rd_kafka_t*> make_client(std::string_view owner, rd_kafka_type_t type,
                                settings_handle settings, const properties& passed_through) {
  std::array<char, 512> why{};
  auto* client = rd_kafka_new(type, settings.get(), why.data(), why.size());
  if (!client)
    return fail(fmt::format("{}: the Kafka client cannot be made with these properties: {}", owner,
                            without_secrets(why.data(), passed_through)));
  static_cast<void>(settings.release()); // the client's now
  return client;
}

std::string connection_problem(rd_kafka_resp_err_t code, std::string_view brokers,
                               std::string_view reason) {
  // "host:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in
  // state CONNECT)": only the middle is news.
  if (auto at = reason.find("failed: "); at != reason.npos)
    reason.remove_prefix(at + 8);
  if (auto at = reason.find(" (after "); at != reason.npos)
    reason = reason.substr(0, at);
  switch (code) {
  case RD_KAFKA_RESP_ERR__AUTHENTICATION:
  case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    return fmt::format(
        "the broker at {} refuses the credentials: {}; check sasl.* and security.protocol", brokers,
        reason);
  case RD_KAFKA_RESP_ERR__SSL:
    return fmt::format("no TLS connection to {}: {}; check ssl.* and security.protocol", brokers,
                       reason);
  case RD_KAFKA_RESP_ERR__RESOLVE:
    return fmt::format("the host name of {} is unknown: {}; retrying", brokers, reason);
  default:
    return fmt::format("no broker reachable at {}: {}; retrying", brokers, reason);
  }
}

bool forbidden(rd_kafka_resp_err_t code) noexcept {
  switch (code) {
  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
  case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    return true;
  default:
    return false;
  }
}

} // namespace keyfold::kafka
