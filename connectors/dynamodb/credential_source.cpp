#include "connectors/dynamodb/credential_source.hpp"

#include "connectors/dynamodb/shared_file.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace keyfold::dynamodb {

namespace {

using nlohmann::json;
using from = credential_settings::from;

constexpr auto refresh_before = std::chrono::minutes{5};
constexpr size_t max_file_bytes = 1u << 20;
constexpr std::string_view instance_credentials = "/latest/meta-data/iam/security-credentials/";

http_client_settings endpoint_settings(std::chrono::milliseconds timeout) {
  http_client_settings out;
  out.timeout = timeout;
  out.max_answer_bytes = 64u << 10;
  out.proxies = false; // these endpoints are on the machine itself
  return out;
}

std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string out(max_file_bytes, '\0');
  file.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(file.gcount()));
  return out;
}

std::string value_of(const std::map<std::string, std::string>& profile, const char* name) {
  auto found = profile.find(name);
  return found == profile.end() ? std::string{} : found->second;
}

/// Whether a container's endpoint may be asked without TLS: it is this machine's.
bool is_local(const std::string& url) {
  constexpr std::array<std::string_view, 6> hosts{"http://127.",           "http://localhost",
                                                  "http://[::1]",          "http://169.254.170.2",
                                                  "http://169.254.170.23", "http://[fd00:ec2::23]"};
  return std::any_of(hosts.begin(), hosts.end(), [&](auto host) {
    return url.starts_with(host)
           && (host.back() == '.' || url.size() == host.size() || url[host.size()] == '/'
               || url[host.size()] == ':');
  });
}

} // namespace

result<dated_credentials> parse_endpoint_answer(const std::string& body) {
  auto all = json::parse(body, nullptr, false);
  auto text = [&](const char* name) {
    auto at = all.is_object() ? all.find(name) : all.end();
    return at != all.end() && at->is_string() ? at->get<std::string>() : std::string{};
  };
  dated_credentials out;
  out.keys = {text("AccessKeyId"), text("SecretAccessKey"), text("Token")};
  for (const auto* name : {"AccessKeyId", "SecretAccessKey"})
    if (text(name).empty())
      return fail(fmt::format("its answer has no `{}`", name));
  if (auto end = text("Expiration"); !end.empty()) {
    auto at = parse_timestamp(end, timestamp_unit::rfc3339);
    if (!at)
      return fail("the `Expiration` in its answer is no RFC 3339 time");
    // The system's clock counts nanoseconds, and ends in 2262.
    constexpr std::chrono::microseconds latest{9'000'000'000'000'000};
    out.until = std::chrono::system_clock::time_point{
        std::clamp<std::chrono::microseconds>(at->time_since_epoch(), -latest, latest)};
  }
  return out;
}

credential_source::credential_source(credential_settings settings)
    : settings_(std::move(settings)), client_(endpoint_settings(settings_.timeout)) {
  if (!settings_.variable)
    settings_.variable = [](const char* name) { return std::getenv(name); };
}

std::string credential_source::text(const char* name) const {
  const auto* value = settings_.variable(name);
  return value == nullptr ? "" : value;
}

result<credentials> credential_source::get() {
  auto now = clock::now();
  auto valid = known_ && (!known_->until || now < *known_->until);
  auto fresh = valid && (!known_->until || now + refresh_before < *known_->until);
  if (fresh || (valid && now < not_before_))
    return known_->keys;
  auto looked = look();
  not_before_ = now + settings_.pause;
  if (looked)
    known_ = std::move(*looked);
  else if (!valid)
    return fail(looked.error().message);
  return known_->keys;
}

result<dated_credentials> credential_source::look() {
  if (settings_.where != from::anywhere) {
    auto there = look_in(settings_.where);
    if (!there)
      return tl::unexpected{there.error()};
    if (!*there)
      return fail("there are no AWS credentials where `credentials` says that they are");
    return **there;
  }
  std::string trouble;
  for (auto where : {from::environment, from::file, from::container, from::instance}) {
    auto there = look_in(where);
    if (there && *there)
      return **there;
    if (!there)
      trouble += "; " + there.error().message;
  }
  return fail("no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
              "the shared file, the container or the instance a role"
              + trouble);
}

credential_source::found credential_source::look_in(from where) {
  switch (where) {
  case from::given:
    return dated_credentials{settings_.keys, std::nullopt};
  case from::environment:
    return in_environment();
  case from::file:
    return in_file();
  case from::container:
    return at_container();
  default:
    return at_instance();
  }
}

credential_source::found credential_source::in_environment() const {
  credentials keys{text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"),
                   text("AWS_SESSION_TOKEN")};
  if (keys.access_key.empty() && keys.secret_key.empty())
    return std::nullopt;
  if (keys.access_key.empty() || keys.secret_key.empty())
    return fail("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
  return dated_credentials{std::move(keys), std::nullopt};
}

credential_source::found credential_source::in_file() const {
  auto folder = text("HOME") + "/.aws/";
  auto path_or = [&](const char* name, const std::string& otherwise) {
    auto path = text(name);
    return path.empty() ? folder + otherwise : path;
  };
  auto profile = settings_.profile.empty() ? text("AWS_PROFILE") : settings_.profile;
  if (profile.empty())
    profile = "default";
  for (const auto& path : {path_or("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
                           path_or("AWS_CONFIG_FILE", "config")}) {
    auto settings = read_profile(content_of(path), profile);
    credentials keys{value_of(settings, "aws_access_key_id"),
                     value_of(settings, "aws_secret_access_key"),
                     value_of(settings, "aws_session_token")};
    if (!keys.access_key.empty() && !keys.secret_key.empty())
      return dated_credentials{std::move(keys), std::nullopt};
    for (const auto* name : {"role_arn", "credential_process", "sso_session", "sso_start_url"})
      if (settings.contains(name))
        return fail(fmt::format("the profile `{}` in {} has `{}`, which keyfold does not follow: "
                                "write the keys there, or put them into the environment",
                                profile, path, name));
  }
  if (settings_.where == from::file)
    return fail(fmt::format("no profile `{}` with `aws_access_key_id` and `aws_secret_access_key` "
                            "in {}",
                            profile, path_or("AWS_SHARED_CREDENTIALS_FILE", "credentials")));
  return std::nullopt;
}

credential_source::found credential_source::at_container() {
  auto relative = text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  auto url = relative.empty() ? text("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                              : "http://169.254.170.2" + relative;
  if (url.empty())
    return std::nullopt;
  if (!url.starts_with("https://") && !is_local(url))
    return fail("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine: "
                "credentials would travel in the clear");
  http_exchange_request asked{"GET", url, {"Accept: application/json"}, {}};
  auto token = text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (auto path = text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !path.empty())
    token = content_of(path);
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r'))
    token.pop_back();
  if (token.find_first_of("\r\n") != std::string::npos)
    return fail("the container's authorization token has several lines");
  if (!token.empty())
    asked.headers.push_back("Authorization: " + token);
  auto said = client_.exchange(asked);
  if (!said)
    return fail("the container's credential endpoint cannot be reached: " + said.error().message);
  if (said->status != 200)
    return fail(fmt::format("the container's credential endpoint answers {}", said->status));
  auto keys = parse_endpoint_answer(said->body);
  if (!keys)
    return fail("the container's credential endpoint: " + keys.error().message);
  return std::move(*keys);
}

result<std::string> credential_source::ask_instance(const std::string& path,
                                                    const std::string& token) {
  auto base = text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  while (!base.empty() && base.back() == '/')
    base.pop_back();
  http_exchange_request asked{
      "GET", (base.empty() ? "http://169.254.169.254" : base) + path, {}, {}};
  if (token.empty()) {
    asked.method = "PUT";
    asked.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 21600"};
  } else {
    asked.headers = {"X-aws-ec2-metadata-token: " + token};
  }
  auto said = client_.exchange(asked);
  if (!said)
    return fail("the instance's metadata service cannot be reached: " + said.error().message);
  if (said->status != 200)
    return fail(fmt::format("the instance's metadata service answers {} to {}{}", said->status,
                            path, said->status == 404 ? ": has the instance a role?" : ""));
  return std::move(said->body);
}

credential_source::found credential_source::at_instance() {
  if (text("AWS_EC2_METADATA_DISABLED") == "true")
    return std::nullopt;
  auto token = ask_instance("/latest/api/token", "");
  if (!token)
    return fail(token.error().message);
  if (token->empty() || token->find_first_of("\r\n") != std::string::npos)
    return fail("the instance's metadata service gives no token");
  auto role = ask_instance(std::string{instance_credentials}, *token);
  if (!role)
    return fail(role.error().message);
  auto name = role->substr(0, role->find_first_of("\r\n"));
  if (name.empty())
    return fail("the instance has no role");
  auto said = ask_instance(std::string{instance_credentials} + escape_segment(name), *token);
  if (!said)
    return fail(said.error().message);
  auto keys = parse_endpoint_answer(*said);
  if (!keys)
    return fail("the instance's metadata service: " + keys.error().message);
  return std::move(*keys);
}

} // namespace keyfold::dynamodb
