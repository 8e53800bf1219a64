#pragma once

#include "broker.hpp"

#include "connectors/kafka/kafka_source.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace keyfold::kafka::test {

/// `{"user":"u","n":5,"at":1700000000}`
std::shared_ptr<const stream_schema> test_schema(bool with_time = true);
plain_record test_record(int64_t n, int32_t partition = 0, int64_t timestamp_ms = 0);
std::vector<plain_record> test_records(int64_t from, int64_t count, int partitions);

/// Settings with an application, and so a group and an instance, of their own.
source_settings test_settings();

/// A source and all that it has brought so far.
class reading {
public:
  explicit reading(source_settings settings, const source_positions& from = {},
                   std::shared_ptr<const stream_schema> schema = test_schema());
  ~reading();

  /// Polls until `done` holds; false after `seconds`.
  bool until(const std::function<bool()>& done, int seconds = 20);
  /// Until `count` rows have come, and no more come for a while.
  bool rows(size_t count, int seconds = 20);
  event_source& source() { return *source_; }
  std::string reason() const { return source_->status().reason; }

  std::vector<int64_t> numbers; ///< the column n, in the order of arrival
  std::vector<event_time> times;
  source_positions positions = {}; ///< as a ledger keeps them
  std::vector<std::string> revoked;
  std::set<std::string> unread; ///< as the latest poll has it
  std::vector<dead_letter> dead_letters;
  uint64_t records = 0;
  uint64_t filtered = 0;
  std::string error; ///< of the poll that failed
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

private:
  void poll();

  std::unique_ptr<event_source> source_;
};

/// The value of a metric, summed over the label values that contain `label`; NaN without one.
double metric(const prometheus::Registry& registry, const std::string& name,
              const std::string& label = "");

} // namespace keyfold::kafka::test
