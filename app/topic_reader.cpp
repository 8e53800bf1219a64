#include "app/topic_reader.hpp"

#include "connectors/kafka/client.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <set>

namespace keyfold {

namespace {

using metadata_handle =
    std::unique_ptr<const rd_kafka_metadata_t, kafka::destroyer<rd_kafka_metadata_destroy>>;

class consumer final : public topic_reader {
public:
  consumer(topic_reader_settings settings, rd_kafka_t* client)
      : settings_(std::move(settings)), client_(client) {}
  ~consumer() override {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  consumer(const consumer&) = delete;
  consumer& operator=(const consumer&) = delete;

  result<void> assign() {
    kafka::topic_handle topic{rd_kafka_topic_new(client_, settings_.topic.c_str(), nullptr)};
    const rd_kafka_metadata_t* answer = nullptr;
    auto code = rd_kafka_metadata(client_, 0, topic.get(), &answer,
                                  static_cast<int>(settings_.timeout.count()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(
          fmt::format("no answer from the broker {}: {}; is it up, and does the address name "
                      "one of its listeners?",
                      settings_.brokers, rd_kafka_err2str(code)));
    metadata_handle metadata{answer};
    if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR
        || metadata->topics[0].partition_cnt == 0)
      return fail(fmt::format(
          "the broker {} has no topic {}: {}", settings_.brokers, settings_.topic,
          metadata->topic_cnt == 1 ? rd_kafka_err2str(metadata->topics[0].err) : "unknown topic"));
    auto count = metadata->topics[0].partition_cnt;
    kafka::partition_list partitions{rd_kafka_topic_partition_list_new(count)};
    for (int i = 0; i < count; ++i) {
      auto number = metadata->topics[0].partitions[i].id;
      rd_kafka_topic_partition_list_add(partitions.get(), settings_.topic.c_str(), number)->offset =
          RD_KAFKA_OFFSET_BEGINNING;
      unread_.insert(number);
    }
    code = rd_kafka_assign(client_, partitions.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(fmt::format("cannot read {}: {}", settings_.topic, rd_kafka_err2str(code)));
    return {};
  }

  result<void> read_to_end(const record_visitor& visit) override {
    auto heard = std::chrono::steady_clock::now();
    do {
      kafka::message_handle message{rd_kafka_consumer_poll(client_, 200)};
      auto now = std::chrono::steady_clock::now();
      if (message == nullptr) {
        if (!unread_.empty() && now - heard > settings_.timeout)
          return fail(
              fmt::format("no more records from the broker {} within {} s, and the end of {} "
                          "partitions of {} is not reached",
                          settings_.brokers, settings_.timeout.count() / 1000, unread_.size(),
                          settings_.topic));
        continue;
      }
      if (auto taken = take(*message, visit); !taken)
        return taken;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR
          || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        heard = now;
    } while (!unread_.empty());
    return {};
  }

private:
  result<void> take(const rd_kafka_message_t& x, const record_visitor& visit) {
    switch (x.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: {
      std::optional<std::string_view> key, value;
      if (x.key != nullptr)
        key.emplace(static_cast<const char*>(x.key), x.key_len);
      if (x.payload != nullptr)
        value.emplace(static_cast<const char*>(x.payload), x.len);
      visit(fmt::format("{}-{}@{}", settings_.topic, x.partition, x.offset), key, value);
      return {};
    }
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      unread_.erase(x.partition);
      return {};
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return {}; // librdkafka connects again
    default:
      return fail(fmt::format("cannot read {}: {}", settings_.topic, rd_kafka_message_errstr(&x)));
    }
  }

  topic_reader_settings settings_;
  rd_kafka_t* client_;
  std::set<int32_t> unread_; // partitions whose end has not been seen
};

} // namespace

result<topic_reader_settings> parse_topic_address(std::string_view text) {
  auto slash = text.rfind('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return fail(
        fmt::format("kafka://{} names no broker and topic; write kafka://HOST:PORT/TOPIC", text));
  topic_reader_settings result;
  result.brokers = text.substr(0, slash);
  result.topic = text.substr(slash + 1);
  return result;
}

result<std::unique_ptr<topic_reader>> topic_reader::open(const topic_reader_settings& settings) {
  auto conf = kafka::make_settings(
      "tail",
      {{"bootstrap.servers", settings.brokers},
       {"group.id", "keyfold-tail"}, // required, but never joined
       {"isolation.level", "read_committed"},
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"enable.partition.eof", "true"},
       {"auto.offset.reset", "earliest"},
       {"allow.auto.create.topics", "false"}},
      settings.properties, {{"enable.partition.eof", "tail ends at the ends of partitions"}});
  if (!conf)
    return tl::unexpected(conf.error());
  auto client =
      kafka::make_client("tail", RD_KAFKA_CONSUMER, std::move(*conf), settings.properties);
  if (!client)
    return tl::unexpected(client.error());
  rd_kafka_poll_set_consumer(*client);
  auto reader = std::make_unique<consumer>(settings, *client);
  if (auto assigned = reader->assign(); !assigned)
    return tl::unexpected(assigned.error());
  return reader;
}

} // namespace keyfold
