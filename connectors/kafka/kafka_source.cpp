#include "connectors/kafka/kafka_source.hpp"

#include "connectors/kafka/source_reader.hpp"
#include "features/murmur2.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <regex.h>

#include <algorithm>
#include <array>

namespace keyfold::kafka {
namespace {

constexpr auto topic_check_interval = std::chrono::seconds{2};
constexpr int topic_check_timeout_ms = 1000;
constexpr int stop_timeout_ms = 5000;

/// As librdkafka wants it: anchored, `^` marks a pattern.
std::string anchored(std::string_view pattern) {
  auto bare = pattern;
  if (bare.starts_with('^'))
    bare.remove_prefix(1);
  if (bare.ends_with('$') && !bare.ends_with("\\$"))
    bare.remove_suffix(1);
  return fmt::format("^({})$", bare);
}

bool compiles(const std::string& pattern, std::string* why) {
  regex_t compiled;
  auto failed = regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB);
  if (failed != 0) {
    std::array<char, 256> text{};
    regerror(failed, &compiled, text.data(), text.size());
    *why = text.data();
    return false;
  }
  regfree(&compiled);
  return true;
}

bool matches(const std::string& pattern, const char* topic) {
  regex_t compiled;
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    return false;
  auto found = regexec(&compiled, topic, 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

} // namespace

result<std::unique_ptr<event_source>>
make_kafka_source(source_settings settings, std::shared_ptr<const stream_schema> schema,
                  std::shared_ptr<prometheus::Registry> registry) {
  if (settings.topics.empty() == settings.topic_pattern.empty())
    return fail(
        fmt::format("stream \"{}\": a Kafka source needs either topics or a pattern of their names",
                    schema->name));
  for (auto& topic : settings.topics)
    if (topic.empty() || topic.starts_with('^'))
      return fail(fmt::format("stream \"{}\": \"{}\" is no name of a topic; a pattern belongs into "
                              "topic_pattern",
                              schema->name, topic));
  if (std::string why;
      !settings.topic_pattern.empty() && !compiles(anchored(settings.topic_pattern), &why))
    return fail(fmt::format("stream \"{}\": the topic pattern \"{}\" is not a POSIX extended "
                            "regular expression: {}",
                            schema->name, settings.topic_pattern, why));
  auto decoder = make_record_decoder(schema, settings.format);
  if (!decoder)
    return tl::unexpected{decoder.error()};
  auto reader = std::make_unique<source_reader>(std::move(settings), std::move(schema),
                                                std::move(*decoder), std::move(registry));
  if (auto possible = reader->client_settings(); !possible)
    return tl::unexpected{possible.error()};
  return reader;
}

source_reader::source_reader(source_settings settings, std::shared_ptr<const stream_schema> schema,
                             std::unique_ptr<record_decoder> decoder,
                             std::shared_ptr<prometheus::Registry> registry)
    : settings_(std::move(settings)), schema_(std::move(schema)), decoder_(std::move(decoder)),
      builder_(schema_, 16'384), metrics_(std::move(registry), schema_->name),
      assignment_(settings_, problems_, wake_, metrics_) {
  if (settings_.group.empty())
    settings_.group = settings_.application;
}

source_reader::~source_reader() {
  stop();
}

std::string source_reader::owner() const {
  return fmt::format("stream \"{}\"", schema_->name);
}

/// Of static membership. The broker gives a static member that comes back what it had before, also
/// when it subscribes to other topics now: then it must be another member.
std::string source_reader::member_name() const {
  auto subscribed = settings_.topic_pattern;
  for (const auto& topic : settings_.topics)
    subscribed += '\n' + topic;
  return fmt::format("{}-{:08x}", settings_.instance_id, murmur2(subscribed));
}

result<settings_handle> source_reader::client_settings() {
  properties own{
      {"bootstrap.servers", settings_.brokers},
      {"client.id", settings_.application},
      {"group.id", settings_.group},
      // What a killed process read waits for so long; a static member comes back sooner.
      {"session.timeout.ms", settings_.instance_id.empty() ? "6000" : "45000"},
      {"heartbeat.interval.ms", settings_.instance_id.empty() ? "2000" : "3000"},
      // Sources wait for outputs that are down; that is no reason to leave the group.
      {"max.poll.interval.ms", "86400000"},
      {"partition.assignment.strategy", "range"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"isolation.level", "read_committed"},
      // The only word on where a log ends that counts control records too.
      {"enable.partition.eof", "true"},
      {"queued.min.messages", "100000"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.message.max.bytes", "1048576"},
      {"fetch.min.bytes", "65536"},
      {"fetch.wait.max.ms", "25"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.max.ms", "2000"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"statistics.interval.ms", "1000"},
  };
  if (!settings_.instance_id.empty())
    own.emplace("group.instance.id", member_name());
  if (!settings_.topic_pattern.starts_with("__") && !settings_.topic_pattern.starts_with("^__"))
    own.emplace("topic.blacklist", "^__consumer_offsets$,^__transaction_state$");
  constexpr std::string_view ledger = "positions come from the ledger";
  auto settings = make_settings(
      owner(), own, settings_.passed_through,
      {{"bootstrap.servers", "use \"brokers\""},
       {"metadata.broker.list", "use \"brokers\""},
       {"group.id", "use \"group\""},
       {"enable.auto.commit", ledger},
       {"enable.auto.offset.store", ledger},
       {"auto.offset.reset", "use \"start\""},
       {"enable.partition.eof", "the end of a partition must be seen"},
       {"partition.assignment.strategy",
        "a join needs the same partitions of all topics, which only \"range\" gives"}});
  if (!settings)
    return settings;
  auto* raw = settings->get();
  rd_kafka_conf_set_opaque(raw, this);
  rd_kafka_conf_set_rebalance_cb(raw, [](rd_kafka_t* client, rd_kafka_resp_err_t what,
                                         rd_kafka_topic_partition_list_t* list, void* self) {
    static_cast<source_reader*>(self)->assignment_.rebalance(client, what, list);
  });
  rd_kafka_conf_set_error_cb(raw, [](rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<source_reader*>(self)->on_error(static_cast<rd_kafka_resp_err_t>(code), reason);
  });
  rd_kafka_conf_set_stats_cb(raw, [](rd_kafka_t*, char* json, size_t size, void* self) {
    static_cast<source_reader*>(self)->on_statistics({json, size});
    return 0;
  });
  rd_kafka_conf_set_offset_commit_cb(
      raw, [](rd_kafka_t*, rd_kafka_resp_err_t failed, rd_kafka_topic_partition_list_t*,
              void* self) { static_cast<source_reader*>(self)->on_group_commit(failed); });
  return settings;
}

result<void> source_reader::start(const source_positions& positions) {
  if (client_)
    return fail(fmt::format("{}: reading has begun already", owner()));
  auto settings = client_settings();
  if (!settings)
    return tl::unexpected{settings.error()};
  auto client =
      make_client(owner(), RD_KAFKA_CONSUMER, std::move(*settings), settings_.passed_through);
  if (!client)
    return tl::unexpected{client.error()};
  client_ = *client;
  problems_.set("connection", fmt::format("connecting to {}", settings_.brokers));
  problems_.set("group", fmt::format("joining the consumer group \"{}\"", settings_.group));
  assignment_.restore(positions);
  rd_kafka_poll_set_consumer(client_);
  main_queue_.reset(rd_kafka_queue_get_consumer(client_));
  rd_kafka_queue_cb_event_enable(
      main_queue_.get(), [](rd_kafka_t*, void* wake) { static_cast<wake_signal*>(wake)->notify(); },
      &wake_);
  return subscribe();
}

result<void> source_reader::subscribe() {
  partition_list list{rd_kafka_topic_partition_list_new(1)};
  if (!settings_.topic_pattern.empty())
    rd_kafka_topic_partition_list_add(list.get(), anchored(settings_.topic_pattern).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  for (auto& topic : settings_.topics)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (auto failed = rd_kafka_subscribe(client_, list.get()))
    return fail(fmt::format("{}: the topics cannot be subscribed to: {}", owner(),
                            rd_kafka_err2str(failed)));
  return {};
}

void source_reader::look_for_missing_topics() {
  auto now = std::chrono::steady_clock::now();
  if (now < look_again_at_)
    return;
  look_again_at_ = now + topic_check_interval;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client_, 1, nullptr, &metadata, topic_check_timeout_ms) != 0)
    return;
  std::unique_ptr<const rd_kafka_metadata_t, destroyer<rd_kafka_metadata_destroy>> held{metadata};
  std::vector<std::string> there;
  for (int i = 0; i < metadata->topic_cnt; ++i)
    if (metadata->topics[i].err == 0 && metadata->topics[i].partition_cnt > 0)
      there.emplace_back(metadata->topics[i].topic);
  if (settings_.topic_pattern.empty()) {
    for (auto& topic : settings_.topics) {
      if (std::find(there.begin(), there.end(), topic) != there.end())
        problems_.clear("topic " + topic);
      else
        problems_.set("topic " + topic,
                      fmt::format("topic \"{}\" does not exist at {}, or may not be seen: create "
                                  "it or grant access; looking again",
                                  topic, settings_.brokers));
    }
    return;
  }
  auto pattern = anchored(settings_.topic_pattern);
  if (std::any_of(there.begin(), there.end(),
                  [&](auto& topic) { return matches(pattern, topic.c_str()); }))
    problems_.clear("topics");
  else
    problems_.set("topics", fmt::format("no topic at {} matches {}; looking again",
                                        settings_.brokers, pattern));
}

std::vector<std::string> source_reader::partitions() const {
  std::vector<std::string> out;
  for (auto& x : assignment_.partitions())
    out.push_back(x.name);
  return out;
}

void source_reader::interrupt() noexcept {
  interrupted_ = true;
  wake_.notify();
}

void source_reader::stop() {
  if (!client_)
    return;
  send_group_commit();
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{stop_timeout_ms};
  queue_handle closing{rd_kafka_queue_new(client_)};
  error_handle failed{rd_kafka_consumer_close_queue(client_, closing.get())};
  // Not the blocking close: it can wait for ever on a partition or topic that is gone.
  while (!failed && !rd_kafka_consumer_closed(client_)
         && std::chrono::steady_clock::now() < deadline)
    if (event_handle event{rd_kafka_queue_poll(closing.get(), 50)};
        event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE)
      assignment_.rebalance(client_, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, nullptr);
  assignment_.clear();
  closing.reset();
  main_queue_.reset();
  rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  client_ = nullptr;
}

} // namespace keyfold::kafka
