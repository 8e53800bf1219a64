#include "app/commands/get.hpp"

#include "app/http_client.hpp"
#include "app/table.hpp"
#include "connectors/http_client/http_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace keyfold {

namespace {

using json = nlohmann::ordered_json;

std::string member_text(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end() || found->is_null())
    return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string age_text(const json& feature) {
  auto found = feature.find("age_seconds");
  if (found == feature.end() || !found->is_number())
    return "";
  auto seconds = found->get<double>();
  auto size = seconds < 0 ? -seconds : seconds;
  if (size < 120)
    return fmt::format("{:.3g} s", seconds);
  if (size < 7200)
    return fmt::format("{:.1f} min", seconds / 60);
  return size < 172'800 ? fmt::format("{:.1f} h", seconds / 3600)
                        : fmt::format("{:.1f} d", seconds / 86'400);
}

/// Whether the server refuses the question rather than knows no answer.
bool is_mistake(const http_answer& answer) {
  auto body = json::parse(answer.body, nullptr, false);
  auto code = body.is_object() ? member_text(body, "code") : "";
  return answer.status == 400 || answer.status == 401 || answer.status == 403
         || (answer.status == 404 && code != "key_not_found");
}

/// What a problem+json says, or the body as it is.
std::string problem_text(const http_answer& answer) {
  auto body = json::parse(answer.body, nullptr, false);
  if (body.is_object())
    for (auto* name : {"detail", "title"})
      if (auto text = member_text(body, name); !text.empty())
        return text;
  return fmt::format("the server answered {}: {}", answer.status,
                     printable(answer.body.substr(0, 500)));
}

result<std::string> read_token(const std::string& file) {
  std::ifstream in{file};
  std::string token;
  if (!std::getline(in, token) || token.empty())
    return fail(fmt::format("--token-file {} has no first line to read a token from", file));
  return token;
}

} // namespace

void add_get_options(CLI::App& app, get_options& options) {
  app.add_option("ENTITY", options.entity, "Name of the entity, e.g. user")->required();
  app.add_option("KEY", options.key,
                 "The key: its field, or several fields joined by | (a | inside one: \\|)")
      ->required();
  app.add_option("--address", options.address, "Where `keyfold run` serves")->capture_default_str();
  auto* features = app.add_option("--feature", options.features,
                                  "Only this feature; may be given more than once, or with commas")
                       ->delimiter(',');
  app.add_option("--view", options.view, "Only the features of this view")->excludes(features);
  app.add_option(
      "--as-of", options.as_of,
      "Values at this moment: now, watermark, an RFC 3339 time or milliseconds since 1970 "
      "(default: the watermark)");
  app.add_option("--token-file", options.token_file, "File whose first line is the bearer token")
      ->check(CLI::ExistingFile);
  app.add_option("--ca", options.ca_certificate, "File of the certificates to trust, for https://")
      ->check(CLI::ExistingFile);
  app.add_flag("--json", options.json, "Print the server's answer as it is");
  app.footer("Examples:\n"
             "  keyfold get user 1234\n"
             "  keyfold get user 1234 --feature likes_1h,views_1h --as-of now\n"
             "  keyfold get user_post '1234|77' --json\n"
             "Exit status: 0 found, 1 no such key or no server, 2 a mistake in the question.");
}

std::string get_target(const get_options& options) {
  auto target = fmt::format("/v1/entities/{}/{}", escape_segment(options.entity),
                            escape_segment(options.key));
  char separator = '?';
  auto add = [&](const char* name, const std::string& value) {
    if (value.empty())
      return;
    target += fmt::format("{}{}={}", separator, name, escape_segment(value));
    separator = '&';
  };
  add("features", fmt::format("{}", fmt::join(options.features, ",")));
  add("view", options.view);
  add("as_of", options.as_of);
  return target;
}

result<std::string> get_table(const std::string& body) {
  auto answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("features") || !answer["features"].is_object())
    return fail("the server's answer is not one of keyfold's: is --address right?");
  std::string key;
  if (auto fields = answer.find("key"); fields != answer.end() && fields->is_object())
    for (auto& [name, value] : fields->items())
      key += fmt::format("{}{}={}", key.empty() ? "" : ", ", name,
                         value.is_string() ? value.get<std::string>() : value.dump());
  auto as_of = member_text(answer, "as_of");
  text_table table{{"feature", "value", "status", "event time", "age"}};
  for (auto& [name, feature] : answer["features"].items()) {
    if (!feature.is_object())
      return fail("the server's answer is not one of keyfold's: is --address right?");
    auto value = feature.find("value");
    table.add({name, value == feature.end() ? "" : value->dump(), member_text(feature, "status"),
               member_text(feature, "event_time"), age_text(feature)});
  }
  return fmt::format("{} {}{}\n\n{}", printable(member_text(answer, "entity")), printable(key),
                     as_of.empty() ? "" : " as of " + printable(as_of), table.text());
}

int run_get(const get_options& options) {
  auto complain = [](const std::string& message, int status) {
    fmt::print(stderr, "keyfold get: {}\n", message);
    return status;
  };
  auto address = parse_http_address(options.address);
  if (!address)
    return complain(address.error().message, 2);
  http_request request{*address, get_target(options), {}, options.ca_certificate};
  if (!options.token_file.empty()) {
    auto token = read_token(options.token_file);
    if (!token)
      return complain(token.error().message, 2);
    request.bearer_token = *token;
  }
  auto answer = http_get(request);
  if (!answer)
    return complain(answer.error().message, 1);
  if (answer->status != 200)
    return complain(problem_text(*answer), is_mistake(*answer) ? 2 : 1);
  if (options.json) {
    fmt::print("{}\n", answer->body);
    return 0;
  }
  auto table = get_table(answer->body);
  if (!table)
    return complain(table.error().message, 1);
  fmt::print("{}", *table);
  return 0;
}

} // namespace keyfold
