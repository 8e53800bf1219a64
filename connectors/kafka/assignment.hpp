#pragma once

#include "connectors/common/problem_board.hpp"
#include "connectors/kafka/client.hpp"
#include "connectors/kafka/kafka_source.hpp"
#include "connectors/kafka/source_metrics.hpp"
#include "connectors/kafka/wake_signal.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace keyfold::kafka {

/// A partition that this instance reads.
struct assigned_partition {
  static constexpr int64_t unknown = -1;

  std::string topic;
  int32_t number = 0;
  std::string name; ///< `topic-number`
  queue_handle queue;
  int64_t start = RD_KAFKA_OFFSET_BEGINNING; ///< where to begin while `next` is unknown
  int64_t next = unknown;                    ///< the first offset not read
  int64_t end = unknown;                     ///< of a bounded source: the first offset not wanted
  event_time max_time = beginning_of_time;
  bool ended = false;
  bool caught_up = false; ///< the log held nothing more when it was last looked at
  bool moved = false;     ///< since the last `collect`
  std::chrono::steady_clock::time_point heard_at{}; ///< when it last delivered, or was dealt to us
  /// The record at `next` waits for its schema. It and those behind it that were taken from the
  /// queue are kept here.
  bool stalled = false;
  std::deque<message_handle> held;
};

/// Which partitions this instance reads and how far it is in each: the group deals them out, the
/// ledger says where to begin, and what has been read since is remembered, also of partitions that
/// went to another member meanwhile. Used by the reader's thread only.
class assignment {
public:
  /// @pre the arguments outlive the object
  assignment(const source_settings& settings, problem_board& problems, wake_signal& wake,
             source_metrics& metrics);

  void restore(const source_positions& positions);

  /// For librdkafka's rebalance callback.
  void rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                 rd_kafka_topic_partition_list_t* list);
  /// Begins all partitions anew at their positions; what was fetched ahead or held is dropped.
  result<void> restart(rd_kafka_t* client);
  /// Lets go of all queues: before the client is destroyed.
  void clear();

  std::vector<assigned_partition>& partitions() noexcept { return partitions_; }
  const std::vector<assigned_partition>& partitions() const noexcept { return partitions_; }
  /// Null for a partition that is not ours.
  assigned_partition* find(std::string_view topic, int32_t number) noexcept;

  /// Adds the partitions that moved and those that went away since the last call.
  void collect(source_poll& out);
  /// Adds the partitions that may hold more than was read; all of them while the brokers are away.
  void collect_unread(bool connected, source_poll& out) const;
  /// How many partitions wait for a schema.
  size_t stalled() const;
  /// When the last assignment could not be begun because a broker did not answer: the moment to
  /// ask the group for it again.
  bool must_rejoin(std::chrono::steady_clock::time_point now);

private:
  void assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list);
  void revoke(rd_kafka_t* client);
  result<void> find_starts(rd_kafka_t* client);
  result<void> find_ends(rd_kafka_t* client);
  assigned_partition open(rd_kafka_t* client, const rd_kafka_topic_partition_t& x);

  const source_settings& settings_;
  problem_board& problems_;
  wake_signal& wake_;
  source_metrics& metrics_;
  std::map<std::string, partition_progress> known_; ///< of all runs, ours at present or not
  std::map<std::string, int64_t> ends_; ///< of a bounded source: fixed when first assigned
  std::vector<assigned_partition> partitions_;
  std::set<std::string> revoked_;
  std::chrono::steady_clock::time_point rejoin_at_ = std::chrono::steady_clock::time_point::max();
};

} // namespace keyfold::kafka
