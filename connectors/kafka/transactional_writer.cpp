#include "connectors/kafka/transactional_writer.hpp"

#include "connectors/formats/avro/row_encoder.hpp"
#include "connectors/kafka/topic_admin.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace keyfold::kafka {
namespace {

/// How long `open` tries before it leaves the wait to its caller.
constexpr auto open_timeout = std::chrono::seconds{20};
/// How long an epoch may take in all; librdkafka's own bound is transaction.timeout.ms.
constexpr auto end_timeout = std::chrono::minutes{5};
constexpr int slice_ms = 500;
constexpr int abort_timeout_ms = 2000;
/// Records handed to librdkafka by one call: one look at the topic and one lock for all.
constexpr size_t records_at_once = 512;
constexpr size_t max_text_at_once = 4u << 20;

} // namespace

transactional_writer::transactional_writer(output_settings settings,
                                           std::shared_ptr<prometheus::Registry> registry)
    : settings_(std::move(settings)), metrics_(std::move(registry), settings_.name) {
  places_.reserve(records_at_once);
  records_.reserve(records_at_once);
}

transactional_writer::~transactional_writer() {
  disconnect();
}

std::string transactional_writer::owner() const {
  return fmt::format("output \"{}\"", settings_.name);
}

result<settings_handle> transactional_writer::client_settings() {
  properties own{
      {"bootstrap.servers", settings_.brokers},
      {"client.id", settings_.transactional_id},
      {"transactional.id", settings_.transactional_id},
      {"transaction.timeout.ms", "60000"},
      {"partitioner", "murmur2_random"}, // as Java's producers
      {"linger.ms", "5"},
      {"batch.num.messages", "10000"},
      {"batch.size", "262144"},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "49152"},
      {"delivery.report.only.error", "true"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.max.ms", "2000"},
  };
  auto settings = make_settings(owner(), own, settings_.passed_through,
                                {{"bootstrap.servers", "use \"brokers\""},
                                 {"metadata.broker.list", "use \"brokers\""},
                                 {"transactional.id", "use \"transactional_id\""},
                                 {"enable.idempotence", "transactions need it"},
                                 {"acks", "transactions need all"},
                                 {"request.required.acks", "transactions need all"},
                                 {"delivery.report.only.error", "only failures are of interest"}});
  if (!settings)
    return settings;
  auto* raw = settings->get();
  rd_kafka_conf_set_opaque(raw, this);
  rd_kafka_conf_set_error_cb(raw, [](rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<transactional_writer*>(self)->on_error(static_cast<rd_kafka_resp_err_t>(code),
                                                       reason);
  });
  rd_kafka_conf_set_dr_msg_cb(raw, [](rd_kafka_t*, const rd_kafka_message_t* x, void* self) {
    static_cast<transactional_writer*>(self)->on_delivery(*x);
  });
  return settings;
}

void transactional_writer::on_error(rd_kafka_resp_err_t code, std::string_view reason) {
  metrics_.errors.Increment();
  if (code != RD_KAFKA_RESP_ERR__FATAL) // that one comes back from the transaction's calls
    connection_.take(owner(), code, reason);
}

void transactional_writer::on_delivery(const rd_kafka_message_t& x) {
  if (x.err && !undelivered_)
    undelivered_ = x.err;
}

void transactional_writer::disconnect() noexcept {
  usable_ = false;
  topic_.reset();
  if (client_)
    rd_kafka_destroy(client_);
  client_ = nullptr;
}

result<void> transactional_writer::connect() {
  // A client whose transaction failed has nothing to offer that a new one has not: that fences the
  // old one and ends its transaction.
  if (client_ && !usable_ && topic_)
    disconnect();
  if (client_)
    return {};
  auto settings = client_settings();
  if (!settings)
    return tl::unexpected{settings.error()};
  auto client =
      make_client(owner(), RD_KAFKA_PRODUCER, std::move(*settings), settings_.passed_through);
  if (!client)
    return tl::unexpected{client.error()};
  client_ = *client;
  return {};
}

tl::unexpected<error> transactional_writer::fail_open(std::string message, bool permanent) {
  fatal_ = permanent;
  interrupted_ = false;
  auto sentence = fmt::format("{}: {}", owner(), message);
  problems_.set("output", std::move(message));
  return fail(std::move(sentence));
}

/// Once: the schemas are registered by then.
result<void> transactional_writer::make_writers() {
  std::vector<row_writers> made;
  for (const auto& x : settings_.columns) {
    auto& to = made.emplace_back();
    if (!x.key.empty()) {
      auto key = make_writer(settings_.key_format, settings_.key_style, x, "key");
      if (!key)
        return tl::unexpected{std::move(key).error()};
      to.key = std::move(*key);
    }
    auto value = make_writer(settings_.value_format, settings_.value_style, x, "value");
    if (!value)
      return tl::unexpected{std::move(value).error()};
    to.value = std::move(*value);
  }
  writers_ = std::move(made);
  return {};
}

result<std::unique_ptr<row_writer>> transactional_writer::make_writer(row_format format,
                                                                      const row_style& style,
                                                                      const change_columns& x,
                                                                      std::string_view part) {
  if (format != row_format::avro)
    return make_row_writer(format, x, style);
  auto schemas = avro::derive_schemas(x, settings_.name_space);
  if (!schemas)
    return fail_open(schemas.error().message, true);
  auto number = settings_.registry->number_of(fmt::format("{}-{}", settings_.topic, part),
                                              part == "key" ? schemas->key : schemas->value,
                                              settings_.register_schemas);
  if (!number)
    return fail_open(number.error().message, number.error().permanent);
  return avro::make_row_encoder(x, *number, *number);
}

result<uint64_t> transactional_writer::open() {
  fatal_ = false;
  auto deadline = clock::now() + open_timeout;
  auto keep_waiting = [&] { return clock::now() < deadline && !interrupted_; };
  if (auto connected = connect(); !connected) {
    fatal_ = true;
    problems_.set("output", connected.error().message);
    return tl::unexpected{connected.error()};
  }
  if (auto fenced = fence_others(keep_waiting); !fenced)
    return tl::unexpected{fenced.error()};
  if (writers_.size() < settings_.columns.size())
    if (auto made = make_writers(); !made)
      return tl::unexpected{made.error()};
  if (settings_.create_topic && !topic_there_) {
    auto created = ensure_topic(
        client_, {settings_.topic, settings_.partitions, settings_.compacted}, keep_waiting);
    if (!created)
      return fail_open(created.error().message, created.error().permanent);
    topic_there_ = true;
    if (*created)
      spdlog::info("{}: topic \"{}\" created with {} partitions", owner(), settings_.topic,
                   settings_.partitions);
  }
  if (!topic_)
    topic_.reset(rd_kafka_topic_new(client_, settings_.topic.c_str(), nullptr));
  auto marker = read_marker(
      {settings_.brokers, settings_.transactional_id, settings_.topic, settings_.passed_through},
      keep_waiting);
  if (!marker)
    return fail_open(marker.error().message, marker.error().permanent);
  problems_.clear_all("");
  return *marker;
}

result<void> transactional_writer::fence_others(const std::function<bool()>& keep_waiting) {
  while (!usable_) {
    error_handle failed{rd_kafka_init_transactions(client_, slice_ms)};
    rd_kafka_poll(client_, 0);
    if (!failed) {
      usable_ = true;
      break;
    }
    if (!rd_kafka_error_is_retriable(failed.get())) {
      auto sentence = fmt::format("the transactional id \"{}\" cannot be taken over: {}",
                                  settings_.transactional_id, rd_kafka_error_string(failed.get()));
      auto permanent = forbidden(rd_kafka_error_code(failed.get()));
      disconnect();
      return fail_open(std::move(sentence), permanent);
    }
    if (!keep_waiting()) {
      auto sentence = connection_.sentence();
      return fail_open(sentence.empty() ? rd_kafka_error_string(failed.get()) : sentence, false);
    }
  }
  return {};
}

result<void> transactional_writer::publish(uint64_t epoch, std::string_view log) {
  if (!usable_)
    return fail(fmt::format("{}: not open", owner()));
  auto begun = clock::now();
  undelivered_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  result<void> done;
  if (error_handle failed{rd_kafka_begin_transaction(client_)})
    done = describe("a transaction cannot begin", failed.get());
  if (done)
    done = produce(log);
  if (done)
    done = end(epoch);
  if (!done) {
    usable_ = false;
    metrics_.failed.Increment();
    abort();
    problems_.set("output", done.error().message);
    return fail(fmt::format("{}: epoch {}: {}", owner(), epoch, done.error().message));
  }
  metrics_.committed.Increment();
  metrics_.publish_seconds.Observe(std::chrono::duration<double>(clock::now() - begun).count());
  problems_.clear_all("");
  return {};
}

result<void> transactional_writer::produce(std::string_view log) {
  text_.clear();
  places_.clear();
  change_log_reader reader{log};
  change x;
  while (reader.next(x)) {
    if (auto done = append(x); !done)
      return done;
    if (places_.size() >= records_at_once || text_.size() >= max_text_at_once)
      if (auto done = hand_over(); !done)
        return done;
  }
  if (!reader.good()) {
    fatal_ = true;
    return fail("the outbox in the ledger is malformed: restore the ledger from a backup");
  }
  return hand_over();
}

result<void> transactional_writer::append(const change& x) {
  if (x.source >= writers_.size() || !fits(x, settings_.columns[x.source])
      || (writers_[x.source].key && !writers_[x.source].key->takes(x.key, x.values))
      || !writers_[x.source].value->takes(x.key, x.values)) {
    fatal_ = true;
    return fail(fmt::format("the outbox in the ledger has a change of view number {} which does "
                            "not fit what the definition sends here: start once with the "
                            "definition that wrote it",
                            x.source));
  }
  auto& to = writers_[x.source];
  record_place place{text_.size(), 0, 0, to.key != nullptr, x.erased};
  if (to.key)
    to.key->write_key(x.key, text_);
  place.value = text_.size();
  if (!x.erased)
    to.value->write_value(x.key, x.values, text_);
  place.end = text_.size();
  places_.push_back(place);
  return {};
}

result<void> transactional_writer::hand_over() {
  records_.clear();
  for (auto& x : places_) {
    rd_kafka_message_t record{};
    record.key = x.keyed ? text_.data() + x.key : nullptr;
    record.key_len = x.value - x.key;
    record.payload = x.erased ? nullptr : text_.data() + x.value;
    record.len = x.end - x.value;
    records_.push_back(record);
  }
  metrics_.records.Increment(static_cast<double>(places_.size()));
  metrics_.bytes.Increment(static_cast<double>(text_.size()));
  std::span<rd_kafka_message_t> left{records_};
  while (!left.empty()) {
    auto taken = static_cast<size_t>(rd_kafka_produce_batch(topic_.get(), RD_KAFKA_PARTITION_UA,
                                                            RD_KAFKA_MSG_F_COPY, left.data(),
                                                            static_cast<int>(left.size())));
    if (taken == left.size())
      break;
    auto first = std::find_if(left.begin(), left.end(), [](auto& x) { return x.err != 0; });
    if (first->err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
      return refused(first->err, *first);
    if (interrupted())
      return fail("interrupted");
    metrics_.queue_full.Increment();
    rd_kafka_poll(client_, 10);
    // Once one record did not fit none after it was taken, so that the order is kept.
    left = left.subspan(static_cast<size_t>(first - left.begin()));
  }
  rd_kafka_poll(client_, 0);
  text_.clear();
  places_.clear();
  if (interrupted())
    return fail("interrupted");
  return {};
}

result<void> transactional_writer::refused(rd_kafka_resp_err_t why, const rd_kafka_message_t& x) {
  if (why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    fatal_ = true;
    std::string_view key{static_cast<const char*>(x.key),
                         x.key ? std::min<size_t>(x.key_len, 64) : 0};
    return fail(
        fmt::format("the change of {} has {} bytes, more than the producer sends: raise its "
                    "property message.max.bytes and the topic's max.message.bytes",
                    key, x.key_len + x.len));
  }
  auto cause = undelivered_ ? undelivered_ : why;
  std::array<char, 512> text{};
  if (auto fatal = rd_kafka_fatal_error(client_, text.data(), text.size())) {
    error_handle failed{rd_kafka_error_new(fatal, "%s", text.data())};
    return describe("records cannot be sent", failed.get());
  }
  return fail(fmt::format("records cannot be sent: {}", rd_kafka_err2str(cause)));
}

result<void> transactional_writer::end(uint64_t epoch) {
  auto deadline = clock::now() + end_timeout;
  if (auto sent = send_marker(epoch, deadline); !sent)
    return sent;
  return commit(deadline);
}

result<void> transactional_writer::send_marker(uint64_t epoch, clock::time_point deadline) {
  using group_metadata = std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                                         destroyer<rd_kafka_consumer_group_metadata_destroy>>;
  group_metadata group{rd_kafka_consumer_group_metadata_new(settings_.transactional_id.c_str())};
  partition_list list{rd_kafka_topic_partition_list_new(1)};
  auto* marker = rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), 0);
  auto metadata = fmt::format("epoch={}", epoch);
  marker->offset = static_cast<int64_t>(epoch);
  marker->metadata = strdup(metadata.c_str());
  marker->metadata_size = metadata.size();
  for (;;) {
    error_handle failed{
        rd_kafka_send_offsets_to_transaction(client_, list.get(), group.get(), 10 * slice_ms)};
    rd_kafka_poll(client_, 0);
    if (!failed)
      return {};
    if (!rd_kafka_error_is_retriable(failed.get()) || clock::now() >= deadline)
      return describe("the marker cannot be sent", failed.get());
    if (interrupted())
      return fail("interrupted");
  }
}

result<void> transactional_writer::commit(clock::time_point deadline) {
  for (;;) {
    error_handle failed{rd_kafka_commit_transaction(client_, slice_ms)};
    if (!failed)
      return {};
    if (!rd_kafka_error_is_retriable(failed.get()) || clock::now() >= deadline)
      return describe("the transaction cannot be committed", failed.get());
    if (interrupted())
      return fail("interrupted");
  }
}

result<void> transactional_writer::describe(std::string_view doing,
                                            const rd_kafka_error_t* failed) {
  auto code = rd_kafka_error_code(failed);
  std::string reason = without_secrets(rd_kafka_error_string(failed), settings_.passed_through);
  if (undelivered_)
    reason = rd_kafka_err2str(undelivered_);
  auto cause = undelivered_ ? undelivered_ : code;
  if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED
      || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH) {
    fatal_ = true;
    return fail(fmt::format("another process has taken over the transactional id \"{}\", or this "
                            "one stood still for longer than transaction.timeout.ms: make sure "
                            "that only one runs, then start it again",
                            settings_.transactional_id));
  }
  if (cause == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    fatal_ = true;
    return fail(fmt::format("{}: a record is larger than the topic takes: raise max.message.bytes "
                            "of topic \"{}\"",
                            doing, settings_.topic));
  }
  if (forbidden(cause)) {
    fatal_ = true;
    return fail(fmt::format("{}: {}: grant WRITE on topic \"{}\" and the transactional id, READ on "
                            "the group, \"{}\"",
                            doing, reason, settings_.topic, settings_.transactional_id));
  }
  return fail(fmt::format("{}: {}", doing, reason));
}

void transactional_writer::abort() noexcept {
  // Only to let readers go on sooner: the next `open` ends the transaction in any case.
  if (rd_kafka_fatal_error(client_, nullptr, 0) == RD_KAFKA_RESP_ERR_NO_ERROR)
    error_handle ignored{rd_kafka_abort_transaction(client_, abort_timeout_ms)};
}

} // namespace keyfold::kafka
