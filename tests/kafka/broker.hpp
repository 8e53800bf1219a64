#pragma once

#include "connectors/kafka/client.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::kafka::test {

/// The real broker of the tests: started once, wiped at the end. See tests/servers/kafka.
class test_broker {
public:
  static test_broker& instance();
  /// The reason why there is no broker to be had; empty when it runs.
  std::string start();
  void stop_and_wipe();
  /// For the tests of a broker that is away: down, and up again with its data on the same port.
  void down(bool hard = false);
  void up();
  const std::string& address() const { return address_; }
  /// The listener with SASL and TLS, and librdkafka's properties that it wants.
  std::string secure_address() const;
  properties secure_properties() const;

private:
  std::string address_;
};

/// A record as an outsider sees it.
struct plain_record {
  int32_t partition = RD_KAFKA_PARTITION_UA; ///< UA: by murmur2 of the key
  int64_t offset = -1;
  std::optional<std::string> key;
  std::optional<std::string> value; ///< nothing: a tombstone
  int64_t timestamp_ms = 0;         ///< 0: now
};

/// A name that no other test and no earlier run uses.
std::string unique(const std::string& name);
void create_topic(const std::string& name, int partitions,
                  const std::map<std::string, std::string>& configuration = {});
void add_partitions(const std::string& topic, int in_all);
/// Deletes the records of a partition before `offset`.
void delete_records(const std::string& topic, int32_t partition, int64_t offset);

/// How `produce` ends; `left_open` as if it had been killed in the middle of a transaction.
enum class ending { plain, committed, aborted, left_open };
void produce(const std::string& topic, const std::vector<plain_record>& records,
             ending how = ending::plain, const std::string& transactional_id = unique("producer"));
/// Everything up to the end of every partition, each in its order.
std::vector<plain_record> read_all(const std::string& topic,
                                   const std::string& isolation = "read_committed");
/// What the group committed: `topic-partition` → (offset, metadata).
std::map<std::string, std::pair<int64_t, std::string>>
group_offsets(const std::string& group, const std::string& topic, int partitions);
/// The standard output of a shell command.
std::string output_of(const std::string& command, int* status = nullptr);

} // namespace keyfold::kafka::test
