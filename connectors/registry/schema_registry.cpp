#include "connectors/registry/schema_registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace keyfold {

namespace {

using nlohmann::json;

constexpr int unknown_schema = 40403;

/// The member of an answer as a string; empty where it has none.
std::string text(const json& at, const char* key) {
  auto found = at.is_object() ? at.find(key) : at.end();
  return found != at.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

int64_t number(const json& at, const char* key) {
  auto found = at.is_object() ? at.find(key) : at.end();
  return found != at.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

json parsed(const std::string& body) {
  return json::parse(body, nullptr, false);
}

/// What an answer with an error says, cut to a readable length.
std::string complaint(const http_exchange_answer& x) {
  constexpr size_t longest = 300;
  auto message = text(parsed(x.body), "message");
  return fmt::format("{}{}{}", x.status, message.empty() ? "" : ": ", message.substr(0, longest));
}

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/')
    url.pop_back();
  return url;
}

/// Half of it and a random part of the other half, so that many processes do not ask at once.
std::chrono::milliseconds jittered(std::chrono::milliseconds x) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return x / 2 + std::chrono::milliseconds{random() % static_cast<unsigned>(x.count() / 2 + 1)};
}

} // namespace

schema_registry::schema_registry(registry_settings settings,
                                 std::shared_ptr<prometheus::Registry> metrics)
    : settings_(std::move(settings)), metrics_(metrics, settings_.url), client_(settings_.http) {
  settings_.url = without_slash(std::move(settings_.url));
}

schema_registry::~schema_registry() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  client_.interrupt();
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

schema_registry::answer schema_registry::find(int32_t id) {
  std::lock_guard guard{mutex_};
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    ask(id);
    return {};
  }
  if (found->second.until <= clock::now()) {
    found->second = {};
    ask(id);
  }
  return found->second.known;
}

/// @pre the mutex is held
void schema_registry::ask(int32_t id) {
  entries_[id] = {};
  std::erase(order_, id);
  asked_.push_back(id);
  metrics_.waiting.Set(static_cast<double>(asked_.size()));
  if (!thread_.joinable() && !stopping_)
    thread_ = std::thread{[this] { loop(); }};
  changed_.notify_all();
}

void schema_registry::loop() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (asked_.empty())
      changed_.wait(lock);
    else if (clock::now() < not_before_)
      changed_.wait_until(lock, not_before_);
    else
      answer_next(lock);
  }
}

/// @pre the lock is held; it is given back while the registry is asked
void schema_registry::answer_next(std::unique_lock<std::mutex>& lock) {
  auto id = asked_.front();
  asked_.pop_front();
  lock.unlock();
  auto found = look_up(id);
  lock.lock();
  if (stopping_)
    return;
  if (found.known.what != state::awaited) {
    failures_ = 0;
    keep(id, std::move(found));
  } else {
    asked_.push_back(id);
    auto wait = settings_.retry_from * (1u << std::min(failures_++, 16u));
    not_before_ = clock::now() + jittered(std::min(wait, settings_.retry_to));
    metrics_.failed.Increment();
    fail_all(found.known.why);
  }
  metrics_.waiting.Set(static_cast<double>(asked_.size()));
}

/// One failure stands for all that wait: most are of the registry and not of the schema.
void schema_registry::fail_all(const std::string& why) {
  for (auto id : asked_)
    entries_[id].known.why = why;
}

void schema_registry::keep(int32_t id, entry found) {
  auto missing = found.until != clock::time_point::max();
  (missing                            ? metrics_.missing
   : found.known.what == state::found ? metrics_.found
                                      : metrics_.refused)
      .Increment();
  entries_[id] = std::move(found);
  order_.push_back(id);
  while (order_.size() > max_schemas) {
    entries_.erase(order_.front());
    order_.pop_front();
    metrics_.forgotten.Increment();
  }
  metrics_.schemas.Set(static_cast<double>(order_.size()));
}

schema_registry::entry schema_registry::look_up(int32_t id) {
  entry out;
  auto refuse = [&](std::string why) {
    out.known = {state::refused, nullptr, std::move(why)};
    return out;
  };
  auto asked = get(fmt::format("/schemas/ids/{}", id));
  if (asked.what == reply::kind::missing) {
    out.until = clock::now() + settings_.forget_missing;
    return refuse(fmt::format("the registry at {} does not know it; was the record written with "
                              "another registry?",
                              settings_.url));
  }
  if (asked.what == reply::kind::failed) {
    out.known.why = std::move(asked.why);
    return out;
  }
  auto body = parsed(asked.body);
  auto type = text(body, "schemaType");
  if (type == "PROTOBUF" || type == "JSON")
    return refuse(fmt::format("its records are {}, and of those with a registry's frame keyfold "
                              "reads Avro only: write them as Avro, or as JSON without a frame",
                              type == "JSON" ? "JSON with a JSON Schema" : "Protobuf"));
  if (!type.empty() && type != "AVRO")
    return refuse(fmt::format("its type is {}, and keyfold reads AVRO", type.substr(0, 80)));
  std::deque<std::string> seen;
  std::vector<std::string> references;
  if (!add_references(asked.body, seen, references, out.known.why))
    return seen.size() > max_references ? refuse(out.known.why) : out;
  auto made = avro::parse_schema(text(body, "schema"), references);
  if (!made)
    return refuse(made.error().message);
  out.known = {state::found, std::make_shared<const avro::schema>(std::move(*made)), ""};
  return out;
}

/// Adds the schemas that `body` refers to, each behind those that it uses itself.
bool schema_registry::add_references(const std::string& body, std::deque<std::string>& seen,
                                     std::vector<std::string>& texts, std::string& why) {
  auto all = parsed(body);
  auto references = all.is_object() ? all.find("references") : all.end();
  if (references == all.end() || !references->is_array())
    return true;
  for (const auto& x : *references) {
    auto path = fmt::format("/subjects/{}/versions/{}", escape_segment(text(x, "subject")),
                            number(x, "version"));
    if (std::find(seen.begin(), seen.end(), path) != seen.end())
      continue;
    seen.push_back(path);
    if (seen.size() > max_references) {
      why = fmt::format("it refers to more than {} schemas", max_references);
      return false;
    }
    auto asked = get(path);
    if (asked.what != reply::kind::good) {
      why =
          asked.what == reply::kind::missing
              ? fmt::format("the registry at {} has no {}, which a schema refers to; asking again",
                            settings_.url, path)
              : std::move(asked.why);
      return false;
    }
    if (!add_references(asked.body, seen, texts, why))
      return false;
    texts.push_back(text(parsed(asked.body), "schema"));
  }
  return true;
}

schema_registry::reply schema_registry::get(const std::string& path) {
  return judge(client_.exchange(
      {"GET", settings_.url + path, {"Accept: application/vnd.schemaregistry.v1+json"}, {}}));
}

schema_registry::reply schema_registry::judge(const result<http_exchange_answer>& answered) const {
  using kind = reply::kind;
  auto failed = [&](std::string_view what) {
    return reply{kind::failed,
                 {},
                 fmt::format("the schema registry at {} {}; asking again", settings_.url, what)};
  };
  if (!answered)
    return failed("cannot be reached: " + answered.error().message);
  auto body = parsed(answered->body);
  if (answered->status == 200 && body.is_object() && !text(body, "schema").empty())
    return {kind::good, answered->body, {}};
  if (answered->status == 404 && number(body, "error_code") >= unknown_schema - 2
      && number(body, "error_code") <= unknown_schema)
    return {kind::missing, {}, {}};
  if (answered->status == 401 || answered->status == 403)
    return failed(fmt::format("refuses the credentials ({}): give the stream's registry a "
                              "`username` and `password`, or a `token`, that may read",
                              complaint(*answered)));
  if (answered->status == 404 || answered->status == 200 || answered->status / 100 == 3)
    return failed(
        fmt::format("answers {} as no registry does: is its URL complete? Apicurio's ends "
                    "with /apis/ccompat/v7",
                    answered->status));
  return failed("answers " + complaint(*answered));
}

tl::expected<int32_t, registry_refusal>
schema_registry::number_of(std::string_view subject, std::string_view schema, bool create) {
  http_client client{settings_.http};
  auto path = fmt::format("/subjects/{}{}", escape_segment(subject), create ? "/versions" : "");
  auto answered = client.exchange({"POST",
                                   settings_.url + path,
                                   {"Content-Type: application/vnd.schemaregistry.v1+json"},
                                   json{{"schema", schema}}.dump()});
  auto refuse = [](std::string why, bool permanent) {
    return tl::unexpected{registry_refusal{std::move(why), permanent}};
  };
  if (answered && answered->status == 200) {
    if (auto id = number(parsed(answered->body), "id"); id > 0 && id <= INT32_MAX) {
      metrics_.registered.Increment();
      return static_cast<int32_t>(id);
    }
    return refuse(fmt::format("the schema registry at {} gave no number for the schema of subject "
                              "\"{}\"",
                              settings_.url, subject),
                  false);
  }
  if (answered && answered->status == 409)
    return refuse(fmt::format("the schema registry does not take the schema of subject \"{}\", {}: "
                              "publish under another topic, rename what changed, or relax the "
                              "subject's compatibility",
                              subject, complaint(*answered)),
                  true);
  if (answered && answered->status == 422)
    return refuse(fmt::format("the schema registry does not take the schema of subject \"{}\", {}",
                              subject, complaint(*answered)),
                  true);
  auto why = judge(answered);
  if (why.what == reply::kind::missing)
    return refuse(fmt::format("the schema registry at {} has no such schema under the subject "
                              "\"{}\": register it, or set `register` to true. It is {}",
                              settings_.url, subject, schema),
                  true);
  metrics_.failed.Increment();
  return refuse(std::move(why.why), false);
}

} // namespace keyfold
