#include "connectors/dynamodb/answer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace keyfold::dynamodb {

namespace {

using nlohmann::json;

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html and the errors
// of the operations.
constexpr std::array<std::pair<std::string_view, verdict>, 24> known{{
    {"ProvisionedThroughputExceededException", verdict::throttled},
    {"ThrottlingException", verdict::throttled},
    {"Throttling", verdict::throttled},
    {"RequestLimitExceeded", verdict::throttled},
    {"LimitExceededException", verdict::throttled},
    {"InternalServerError", verdict::failing},
    {"InternalFailure", verdict::failing},
    {"ServiceUnavailable", verdict::failing},
    {"ServiceUnavailableException", verdict::failing},
    {"ReplicatedWriteConflictException", verdict::failing},
    {"ConditionalCheckFailedException", verdict::held},
    {"ValidationException", verdict::bad_row},
    {"ItemCollectionSizeLimitExceededException", verdict::bad_row},
    {"SerializationException", verdict::bad_row},
    {"RequestExpired", verdict::wrong_time},
    {"RequestTimeTooSkewed", verdict::wrong_time},
    {"ExpiredTokenException", verdict::stale_keys},
    {"UnrecognizedClientException", verdict::bad_keys},
    {"InvalidSignatureException", verdict::bad_keys},
    {"IncompleteSignatureException", verdict::bad_keys},
    {"MissingAuthenticationTokenException", verdict::bad_keys},
    {"AccessDeniedException", verdict::forbidden},
    {"ResourceNotFoundException", verdict::no_table},
    {"ResourceInUseException", verdict::busy_table},
}};

std::string text(const json& at, const char* name) {
  auto found = at.is_object() ? at.find(name) : at.end();
  return found != at.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// What stands behind the `#`, as compared: namespaces differ from version to version.
std::string type_of(const json& body) {
  auto type = text(body, "__type");
  if (auto hash = type.rfind('#'); hash != std::string::npos)
    type.erase(0, hash + 1);
  return type.substr(0, type.find(':'));
}

/// The message, cut before it goes on to tell how the signature was made: that has the token in it.
std::string message_of(const json& body) {
  constexpr size_t longest = 400;
  auto message = text(body, "message");
  if (message.empty())
    message = text(body, "Message");
  message.resize(std::min(
      {message.size(), longest, message.find("The Canonical String"), message.find('\n')}));
  return message;
}

judgement judge_success(const json& body) {
  if (!body.is_object())
    return {verdict::failing, "the answer is no JSON object: is this DynamoDB?", {}};
  judgement out{verdict::done, {}, {}};
  auto rest = body.find("UnprocessedItems");
  if (rest == body.end() || !rest->is_object())
    return out;
  for (const auto& table : *rest)
    for (const auto& request : table.is_array() ? table : json::array())
      out.unprocessed.push_back(request.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!out.unprocessed.empty())
    out = {verdict::rest, "the table's capacity is used up", std::move(out.unprocessed)};
  return out;
}

bool of_time(std::string_view message) {
  return message.find("Signature expired") != std::string_view::npos
         || message.find("Signature not yet current") != std::string_view::npos;
}

} // namespace

judgement judge(const result<http_exchange_answer>& answered) {
  if (!answered)
    return {verdict::failing, answered.error().message, {}};
  auto body = json::parse(answered->body, nullptr, false);
  if (answered->status == 200)
    return judge_success(body);
  auto type = type_of(body);
  auto message = message_of(body);
  auto why = type.empty() ? fmt::format("HTTP {}", answered->status)
                          : fmt::format("{}{}{}", type, message.empty() ? "" : ": ", message);
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](const auto& x) { return x.first == type; });
  auto what = found != known.end()                                     ? found->second
              : answered->status == 413                                ? verdict::too_large
              : answered->status == 429                                ? verdict::throttled
              : answered->status / 100 == 5 || answered->status == 408 ? verdict::failing
                                                                       : verdict::unknown;
  if (what == verdict::bad_keys && of_time(message))
    what = verdict::wrong_time;
  return {what, std::move(why), {}};
}

} // namespace keyfold::dynamodb
