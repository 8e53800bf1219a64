#pragma once

#include "server.hpp"

#include "connectors/s2/s2_source.hpp"

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace keyfold::s2::test {

/// `{"n":5,"at":1700000000}`, its event time `at` or, without, the record's timestamp.
std::shared_ptr<const stream_schema> test_schema(bool with_time = true);
plain_record test_record(int64_t n);
std::vector<plain_record> test_records(int64_t from, int64_t count);

source_settings test_settings(const std::string& prefix,
                              const std::string& url = test_server::instance().url());

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
  /// All that come in so long.
  void during(std::chrono::milliseconds time);
  event_source& source() { return *source_; }
  std::string reason() const { return source_->status().reason; }
  /// The value of a metric, summed.
  double metric(const std::string& name) const;

  std::vector<int64_t> numbers; ///< the column n, in the order of arrival
  std::vector<event_time> times;
  source_positions positions; ///< as a ledger keeps them
  std::set<std::string> revoked;
  std::set<std::string> unread; ///< as the latest poll has it
  std::vector<dead_letter> dead_letters;
  uint64_t records = 0;
  uint64_t filtered = 0;
  std::string error; ///< of the poll that failed
  size_t max_rows = 1000;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

private:
  void poll();

  std::unique_ptr<event_source> source_;
};

} // namespace keyfold::s2::test
