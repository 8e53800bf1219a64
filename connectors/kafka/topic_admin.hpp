#pragma once

#include "connectors/kafka/client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

/// Questions and orders to the cluster that are not about records. They block; `keep_waiting` is
/// asked about every 100 ms.
namespace keyfold::kafka {

/// Why the cluster did not do it.
struct admin_error {
  std::string message;
  bool permanent = false; ///< only a person can mend it
};

template <class T>
using admin_result = tl::expected<T, admin_error>;

/// A topic to be made.
struct new_topic {
  std::string name;
  int partitions;
  bool compacted;
};

/// Creates the topic unless it exists, and waits until brokers know it. True if it was created.
admin_result<bool> ensure_topic(rd_kafka_t* client, const new_topic& x,
                                const std::function<bool()>& keep_waiting);

/// Where an output's marker is: the offset of partition 0 of `topic` in `group`.
struct marker_place {
  std::string brokers;
  std::string group;
  std::string topic;
  properties passed_through; ///< of the producer; those of the connection are used
};

/// The epoch N of the committed offset with the metadata `epoch=N`; 0 if there is none. By a
/// consumer of its own that does not join the group: the admin call for it,
/// `rd_kafka_ListConsumerGroupOffsets`, crashes in librdkafka 2.0.2 when the broker asks to wait
/// for the end of a transaction.
admin_result<uint64_t> read_marker(const marker_place& x,
                                   const std::function<bool()>& keep_waiting);

} // namespace keyfold::kafka
