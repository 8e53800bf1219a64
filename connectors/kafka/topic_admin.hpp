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

/// The epoch N of the offset with metadata `epoch=N` that `group` has committed for partition 0 of
/// `topic`; 0 if it has none. Waits for transactions that are being ended.
admin_result<uint64_t> read_marker(rd_kafka_t* client, const std::string& group,
                                   const std::string& topic,
                                   const std::function<bool()>& keep_waiting);

} // namespace keyfold::kafka
