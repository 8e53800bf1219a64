#include "connectors/kafka/source_reader.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

namespace keyfold::kafka {
namespace {

/// What one poll may hold in memory, beyond which it returns what it has.
constexpr size_t max_batch_bytes = 64u << 20;
constexpr uint64_t max_dead_letter_bytes = 8u << 20;
constexpr size_t max_payload_kept = 64u << 10;
/// Messages taken from a queue at once: their payloads stay in the processor's cache.
constexpr size_t messages_at_once = 1024;

std::optional<event_time> time_of(const rd_kafka_message_t& x) {
  rd_kafka_timestamp_type_t kind{};
  auto ms = rd_kafka_message_timestamp(&x, &kind);
  if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0)
    return std::nullopt;
  return event_time{std::chrono::milliseconds{ms}};
}

} // namespace

bool source_reader::budget::spent() const noexcept {
  return rows == 0 || dead_letter_bytes >= max_dead_letter_bytes;
}

result<source_poll> source_reader::poll(size_t max_rows, std::chrono::milliseconds timeout) {
  if (!client_)
    return fail(fmt::format("{}: reading has not begun", owner()));
  auto deadline = std::chrono::steady_clock::now() + timeout;
  source_poll out;
  for (;;) {
    serve_client();
    if (!fatal_.empty())
      return fail(fatal_);
    read(max_rows, out);
    if (!fatal_.empty())
      return fail(fatal_);
    assignment_.collect(out);
    if (out.records > 0 || !out.progress.empty() || !out.revoked.empty())
      break;
    if (interrupted_.exchange(false) || !wake_.wait_until(deadline))
      break;
  }
  assignment_.collect_unread(!problems_.has("connection"), out);
  metrics_.stalled.Set(static_cast<double>(assignment_.stalled()));
  if (builder_.size() > 0)
    out.events = builder_.build();
  return out;
}

void source_reader::serve_client() {
  while (message_handle x{rd_kafka_consumer_poll(client_, 0)})
    on_client_message(*x);
  if (std::exchange(must_restart_, false))
    if (auto begun = assignment_.restart(client_); !begun)
      problems_.set("assignment", begun.error().message);
  if (assignment_.must_rejoin(std::chrono::steady_clock::now())) {
    rd_kafka_unsubscribe(client_);
    if (auto again = subscribe(); !again)
      fatal_ = again.error().message;
  }
  if (connected_ && (assignment_.partitions().empty() || !problems_.status().ready))
    look_for_missing_topics();
  send_group_commit();
}

void source_reader::on_client_message(const rd_kafka_message_t& x) {
  metrics_.errors.Increment();
  std::string_view reason = rd_kafka_message_errstr(&x);
  auto* topic = x.rkt ? rd_kafka_topic_name(x.rkt) : "";
  switch (x.err) {
  case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
  case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
  case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    if (!settings_.topic_pattern.empty()) {
      look_again_at_ = {}; // a pattern without topics
      break;
    }
    problems_.set(fmt::format("topic {}", topic),
                  fmt::format("topic \"{}\" does not exist at {}: create it; looking again", topic,
                              settings_.brokers));
    break;
  case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    problems_.set(fmt::format("topic {}", topic),
                  fmt::format("topic \"{}\" may not be read: grant READ and DESCRIBE on it; trying "
                              "again",
                              topic));
    break;
  case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    problems_.set("group", fmt::format("the consumer group \"{}\" may not be joined: grant READ on "
                                       "it; trying again",
                                       settings_.group));
    break;
  default:
    on_error(x.err, reason);
  }
}

void source_reader::on_error(rd_kafka_resp_err_t code, std::string_view reason) {
  metrics_.errors.Increment();
  if (code != RD_KAFKA_RESP_ERR__FATAL) {
    connection_.take(owner(), code, reason);
    return;
  }
  std::array<char, 512> why{};
  auto cause = rd_kafka_fatal_error(client_, why.data(), why.size());
  fatal_ = cause == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
               ? fmt::format("{}: another process has taken over as \"{}\" of the consumer group "
                             "\"{}\": stop one of the two, or give them different instance ids",
                             owner(), settings_.instance_id, settings_.group)
               : fmt::format("{}: the Kafka client cannot go on: {}: {}", owner(),
                             rd_kafka_err2str(cause), why.data());
}

void source_reader::on_statistics(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object all;
  if (parser.parse(json.data(), json.size()).get(all))
    return;
  simdjson::dom::object brokers;
  bool connected = false;
  uint64_t disconnects = 0;
  if (!all["brokers"].get(brokers))
    for (auto [name, broker] : brokers) {
      std::string_view state;
      uint64_t count = 0;
      if (!broker["state"].get(state))
        connected |= state == "UP";
      if (!broker["disconnects"].get(count))
        disconnects += count;
    }
  if (disconnects > disconnects_)
    metrics_.disconnects.Increment(static_cast<double>(disconnects - disconnects_));
  disconnects_ = std::max(disconnects, disconnects_);
  connected_ = connected;
  if (connected && problems_.clear("connection"))
    spdlog::info("{}: connected to {}", owner(), settings_.brokers);
  simdjson::dom::object topics;
  if (all["topics"].get(topics))
    return;
  for (auto [topic, about] : topics) {
    simdjson::dom::object partitions;
    if (about["partitions"].get(partitions))
      continue;
    for (auto [number, x] : partitions) {
      int64_t partition = 0;
      int64_t stable = 0;
      if (x["partition"].get(partition) || x["ls_offset"].get(stable) || stable < 0)
        continue;
      auto* ours = assignment_.find(topic, static_cast<int32_t>(partition));
      if (ours && ours->next != assigned_partition::unknown)
        metrics_.lag(ours->name, std::max<int64_t>(stable - ours->next, 0));
    }
  }
}

void source_reader::read(size_t max_rows, source_poll& out) {
  auto& partitions = assignment_.partitions();
  if (partitions.empty() || max_rows == 0)
    return;
  budget left{max_rows};
  auto records_before = out.records;
  // Every partition gets its share of the poll, and what some leave goes to the others.
  for (bool more = true; more && !left.spent();) {
    more = false;
    auto limit = read_limit();
    auto share = std::max<size_t>(left.rows / partitions.size(), 1);
    for (size_t i = 0; i < partitions.size() && !left.spent(); ++i) {
      auto& from = partitions[(cursor_ + i) % partitions.size()];
      if (from.ended)
        continue;
      if (from.max_time > limit) {
        metrics_.held_back.Increment();
        continue;
      }
      more |= read_partition(from, std::min(share, left.rows), left, out);
    }
    if (builder_.memory() >= max_batch_bytes)
      break;
  }
  cursor_ = (cursor_ + 1) % partitions.size();
  metrics_.records.Increment(static_cast<double>(out.records - records_before));
}

event_time source_reader::read_limit() {
  progress_.clear();
  for (const auto& x : assignment_.partitions())
    progress_.push_back({x.max_time, x.caught_up || x.ended, x.heard_at});
  return keyfold::read_limit(progress_, std::chrono::steady_clock::now(), settings_.max_lead,
                             schema_->time.idle_after);
}

bool source_reader::read_partition(assigned_partition& from, size_t count, budget& left,
                                   source_poll& out) {
  messages_.resize(messages_at_once);
  auto before = out.records;
  bool any = false;
  while (count > 0 && !left.spent() && !from.ended && builder_.memory() < max_batch_bytes) {
    auto taken = next_messages(from, std::min(count, messages_at_once));
    if (taken == 0)
      break;
    if (!take_all(from, taken, left, out))
      return out.records > before;
    any = true;
    from.heard_at = std::chrono::steady_clock::now();
    count -= taken;
    left.rows -= std::min(left.rows, taken);
  }
  return any;
}

/// Those that are held come first.
size_t source_reader::next_messages(assigned_partition& from, size_t count) {
  size_t taken = 0;
  for (; taken < count && !from.held.empty(); ++taken) {
    messages_[taken] = from.held.front().release();
    from.held.pop_front();
  }
  if (taken > 0)
    return taken;
  auto fetched = rd_kafka_consume_batch_queue(from.queue.get(), 0, messages_.data(), count);
  taken = fetched > 0 ? static_cast<size_t>(fetched) : 0;
  uint64_t bytes = 0;
  for (auto* x : std::span{messages_.data(), taken})
    bytes += x->len;
  metrics_.bytes.Increment(static_cast<double>(bytes));
  return taken;
}

/// Takes the first `count` of `messages_`; false where it cannot go on, and then holds the rest.
bool source_reader::take_all(assigned_partition& from, size_t count, budget& left,
                             source_poll& out) {
  for (size_t i = 0; i < count; ++i) {
    const auto& x = *messages_[i];
    if (x.err) {
      on_partition_error(from, x);
    } else if (!from.ended && !take(from, x, left, out)) {
      hold(from, i, count);
      return false;
    }
    rd_kafka_message_destroy(messages_[i]);
  }
  return true;
}

bool source_reader::take(assigned_partition& from, const rd_kafka_message_t& x, budget& left,
                         source_poll& out) {
  if (from.end != assigned_partition::unknown && x.offset >= from.end) {
    on_end(from, from.end);
    return true;
  }
  // Whatever the client does after a rebalance or a broken connection, no record is taken twice.
  if (x.offset < from.next)
    return true;
  if (!x.payload) {
    ++out.filtered;
    metrics_.tombstones.Increment();
  } else {
    auto time = schema_->time.field ? std::nullopt : time_of(x);
    auto row = decoder_->decode({static_cast<const char*>(x.payload), x.len}, time, builder_);
    if (!row && decoder_->must_wait()) {
      stall(from, x.offset, row.error().message);
      return false;
    }
    if (!row)
      bury(from, x, std::move(row.error().message), left, out);
    else if (*row == record_decoder::outcome::filtered)
      ++out.filtered;
    else
      from.max_time = std::max(from.max_time, builder_.last_time());
  }
  if (from.stalled)
    go_on(from);
  from.next = x.offset + 1;
  from.moved = true;
  from.caught_up = false;
  ++out.records;
  if (from.next == from.end)
    from.ended = true;
  return true;
}

void source_reader::hold(assigned_partition& from, size_t first, size_t count) {
  for (auto i = count; i-- > first;)
    from.held.emplace_front(messages_[i]);
}

void source_reader::stall(assigned_partition& from, int64_t offset, const std::string& why) {
  if (!from.stalled) {
    metrics_.stalls.Increment();
    from.moved = true; // one that begins here must go on here, also after a restart
  }
  from.stalled = true;
  from.next = offset;
  if (why.empty())
    return;
  auto sentence = fmt::format("{} waits at offset {}: {}", from.name, offset, why);
  if (problems_.set("schema of " + from.name, sentence))
    spdlog::warn("{}: {}", owner(), sentence);
}

void source_reader::go_on(assigned_partition& from) {
  from.stalled = false;
  if (problems_.clear("schema of " + from.name))
    spdlog::info("{}: {} goes on", owner(), from.name);
}

void source_reader::bury(const assigned_partition& from, const rd_kafka_message_t& x,
                         std::string reason, budget& left, source_poll& out) {
  metrics_.unparsable.Increment();
  std::string_view payload{static_cast<const char*>(x.payload), x.len};
  out.dead_letters.push_back({schema_->name, fmt::format("{}@{}", from.name, x.offset),
                              std::move(reason), std::string{payload.substr(0, max_payload_kept)}});
  left.dead_letter_bytes += out.dead_letters.back().payload.size() + sizeof(dead_letter);
}

void source_reader::on_end(assigned_partition& from, int64_t offset) {
  problems_.clear("partition " + from.name);
  if (offset > from.next) {
    from.next = offset; // past control records, which are never delivered
    from.moved = true;
  }
  metrics_.lag(from.name, 0);
  from.caught_up = true;
  if (settings_.until_end && !from.ended) {
    from.ended = true;
    from.moved = true;
  }
}

void source_reader::on_partition_error(assigned_partition& from, const rd_kafka_message_t& x) {
  if (x.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    on_end(from, x.offset);
    return;
  }
  metrics_.errors.Increment();
  if (x.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
      || x.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    on_missing_records(from);
    return;
  }
  auto sentence =
      forbidden(x.err)
          ? fmt::format("topic \"{}\" may not be read: grant READ on it; trying again", from.topic)
          : fmt::format("{} cannot be read: {}; trying again", from.name,
                        rd_kafka_message_errstr(&x));
  if (problems_.set("partition " + from.name, sentence))
    spdlog::warn("{}: {}", owner(), sentence);
}

void source_reader::on_missing_records(assigned_partition& from) {
  int64_t low = -1;
  int64_t high = -1;
  constexpr int timeout_ms = 2000;
  rd_kafka_query_watermark_offsets(client_, from.topic.c_str(), from.number, &low, &high,
                                   timeout_ms);
  auto what = fmt::format("{}: the ledger's position {} is no longer in the topic, which holds {} "
                          "to {}: records were deleted before they were read, or the topic was "
                          "created anew",
                          from.name, from.next, low, high);
  if (settings_.on_missing == source_settings::missing::refuse) {
    fatal_ = fmt::format("{}: {}. To go on without them set \"on_missing\" to \"earliest\" or "
                         "\"latest\"",
                         owner(), what);
    return;
  }
  auto earliest = settings_.on_missing == source_settings::missing::earliest;
  spdlog::warn("{}: {}; going on at the {} record, as the definition says", owner(), what,
               earliest ? "earliest" : "latest");
  metrics_.lost_positions.Increment();
  from.next = assigned_partition::unknown;
  from.start = earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  must_restart_ = true;
}

void source_reader::committed(uint64_t epoch, const source_positions& positions) {
  std::lock_guard guard{commit_mutex_};
  to_commit_ = {epoch, positions};
}

void source_reader::send_group_commit() {
  if (committing_)
    return;
  std::optional<group_commit> next;
  {
    std::lock_guard guard{commit_mutex_};
    next.swap(to_commit_);
  }
  if (!next)
    return;
  partition_list list{rd_kafka_topic_partition_list_new(1)};
  auto metadata = fmt::format("epoch={}", next->epoch);
  for (auto& x : assignment_.partitions()) {
    auto found = next->positions.find(x.name);
    if (found == next->positions.end())
      continue;
    auto* entry = rd_kafka_topic_partition_list_add(list.get(), x.topic.c_str(), x.number);
    entry->offset = found->second.next;
    entry->metadata = strdup(metadata.c_str());
    entry->metadata_size = metadata.size();
  }
  if (list->cnt == 0)
    return;
  // One at a time: while no coordinator answers, the client would keep them all.
  committing_ = rd_kafka_commit(client_, list.get(), 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void source_reader::on_group_commit(rd_kafka_resp_err_t failed) {
  committing_ = false;
  if (!failed || failed == RD_KAFKA_RESP_ERR__NO_OFFSET)
    return;
  metrics_.group_commit_failures.Increment();
  spdlog::debug("{}: the group does not take the positions: {}", owner(), rd_kafka_err2str(failed));
}

} // namespace keyfold::kafka
