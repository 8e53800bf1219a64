#include "connectors/kafka/topic_admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <thread>

namespace keyfold::kafka {
namespace {

using options_handle =
    std::unique_ptr<rd_kafka_AdminOptions_t, destroyer<rd_kafka_AdminOptions_destroy>>;
using new_topic_handle = std::unique_ptr<rd_kafka_NewTopic_t, destroyer<rd_kafka_NewTopic_destroy>>;

constexpr int request_timeout_ms = 10'000;
constexpr int slice_ms = 100;

options_handle options(rd_kafka_t* client, rd_kafka_admin_op_t what) {
  options_handle out{rd_kafka_AdminOptions_new(client, what)};
  std::array<char, 128> why{};
  rd_kafka_AdminOptions_set_request_timeout(out.get(), request_timeout_ms, why.data(), why.size());
  return out;
}

/// The answer to the request whose reply goes to `queue`; null when the caller gave up.
event_handle answer(rd_kafka_t* client, rd_kafka_queue_t* queue,
                    const std::function<bool()>& keep_waiting) {
  while (keep_waiting()) {
    rd_kafka_poll(client, 0); // errors of connections come this way
    if (event_handle out{rd_kafka_queue_poll(queue, slice_ms)})
      return out;
  }
  return nullptr;
}

admin_error gave_up(std::string_view doing) {
  return {fmt::format("{}: no answer from the brokers in time", doing), false};
}

bool topic_known(rd_kafka_t* client, const std::string& topic) {
  topic_handle handle{rd_kafka_topic_new(client, topic.c_str(), nullptr)};
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client, 0, handle.get(), &metadata, 1000) != 0)
    return false;
  std::unique_ptr<const rd_kafka_metadata_t, destroyer<rd_kafka_metadata_destroy>> held{metadata};
  return metadata->topic_cnt == 1 && metadata->topics[0].err == 0
         && metadata->topics[0].partition_cnt > 0;
}

/// What `epoch=N` says; nothing for other texts.
std::optional<uint64_t> epoch_of(std::string_view metadata) {
  constexpr std::string_view prefix = "epoch=";
  uint64_t out = 0;
  if (!metadata.starts_with(prefix))
    return std::nullopt;
  metadata.remove_prefix(prefix.size());
  auto [end, failed] = std::from_chars(metadata.data(), metadata.data() + metadata.size(), out);
  if (failed != std::errc{} || end != metadata.data() + metadata.size())
    return std::nullopt;
  return out;
}

/// The settings of a connection among a producer's: what is left is of no concern to a consumer.
properties connection_of(const properties& x) {
  static constexpr std::array prefixes{"sasl.",   "ssl.",        "security.",    "enable.ssl",
                                       "socket.", "enable.sasl", "broker.",      "resolve.",
                                       "client.", "api.version", "connections.", "debug"};
  properties out;
  for (auto& [name, value] : x)
    if (std::any_of(prefixes.begin(), prefixes.end(),
                    [&known = name](auto* prefix) { return known.starts_with(prefix); }))
      out.emplace(name, value);
  return out;
}

/// A client destroyed without a close: it never joined its group.
struct outsider_destroyer {
  void operator()(rd_kafka_t* x) const noexcept {
    rd_kafka_destroy_flags(x, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
};
using outsider = std::unique_ptr<rd_kafka_t, outsider_destroyer>;

} // namespace

admin_result<bool> ensure_topic(rd_kafka_t* client, const new_topic& x,
                                const std::function<bool()>& keep_waiting) {
  auto doing = fmt::format("topic \"{}\" cannot be created", x.name);
  std::array<char, 256> why{};
  new_topic_handle wanted{
      rd_kafka_NewTopic_new(x.name.c_str(), x.partitions, -1, why.data(), why.size())};
  if (!wanted)
    return tl::unexpected{admin_error{fmt::format("{}: {}", doing, why.data()), true}};
  rd_kafka_NewTopic_set_config(wanted.get(), "cleanup.policy", x.compacted ? "compact" : "delete");
  queue_handle queue{rd_kafka_queue_new(client)};
  auto* raw = wanted.get();
  rd_kafka_CreateTopics(client, &raw, 1, options(client, RD_KAFKA_ADMIN_OP_CREATETOPICS).get(),
                        queue.get());
  auto event = answer(client, queue.get(), keep_waiting);
  if (!event)
    return tl::unexpected{gave_up(doing)};
  auto failed = rd_kafka_event_error(event.get());
  std::string reason = rd_kafka_event_error_string(event.get());
  size_t count = 0;
  if (auto* result = rd_kafka_event_CreateTopics_result(event.get()); result && !failed) {
    auto** topics = rd_kafka_CreateTopics_result_topics(result, &count);
    if (count == 1) {
      failed = rd_kafka_topic_result_error(topics[0]);
      auto* text = rd_kafka_topic_result_error_string(topics[0]);
      reason = text ? text : rd_kafka_err2str(failed);
    }
  }
  if (failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    return false;
  // Without the right to create topics one may still write to those that exist.
  if (failed && topic_known(client, x.name))
    return false;
  if (failed)
    return tl::unexpected{
        admin_error{fmt::format("{}: {}; create it by hand, with cleanup.policy={}", doing, reason,
                                x.compacted ? "compact" : "delete"),
                    forbidden(failed)}};
  while (!topic_known(client, x.name)) {
    if (!keep_waiting())
      return tl::unexpected{gave_up(doing)};
    std::this_thread::sleep_for(std::chrono::milliseconds{slice_ms});
  }
  return true;
}

admin_result<uint64_t> read_marker(const marker_place& x,
                                   const std::function<bool()>& keep_waiting) {
  auto doing = fmt::format("the marker in the group \"{}\" cannot be read", x.group);
  auto settings = make_settings(doing,
                                {{"bootstrap.servers", x.brokers},
                                 {"group.id", x.group},
                                 // Waits for transactions that are being ended.
                                 {"isolation.level", "read_committed"}},
                                connection_of(x.passed_through), {});
  auto client = settings
                    ? make_client(doing, RD_KAFKA_CONSUMER, std::move(*settings), x.passed_through)
                    : tl::unexpected{settings.error()};
  if (!client)
    return tl::unexpected{admin_error{client.error().message, true}};
  outsider reader{*client};
  for (;;) {
    partition_list list{rd_kafka_topic_partition_list_new(1)};
    auto* marker = rd_kafka_topic_partition_list_add(list.get(), x.topic.c_str(), 0);
    auto failed = rd_kafka_committed(reader.get(), list.get(), 10 * slice_ms);
    if (!failed)
      failed = marker->err;
    if (!failed && marker->offset < 0)
      return 0;
    if (!failed) {
      if (auto epoch =
              epoch_of({static_cast<const char*>(marker->metadata), marker->metadata_size}))
        return *epoch;
      return tl::unexpected{admin_error{
          fmt::format("the group \"{}\" holds an offset of \"{}\" that is no marker of keyfold: "
                      "somebody else uses this name; choose another transactional id",
                      x.group, x.topic),
          true}};
    }
    auto sentence = fmt::format("{}: {}", doing, rd_kafka_err2str(failed));
    if (forbidden(failed))
      return tl::unexpected{admin_error{sentence + "; grant READ and DESCRIBE on the group", true}};
    // Coordinators that move or load: all pass.
    if (!keep_waiting())
      return tl::unexpected{admin_error{sentence, false}};
    std::this_thread::sleep_for(std::chrono::milliseconds{slice_ms});
  }
}

} // namespace keyfold::kafka
