#pragma once

#include "messages/event_source.hpp"
#include "metric_value.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace keyfold::testing {

/// The fields `n`, never null, and `at`, a timestamp in seconds: what the records of the tests
/// hold.
stream_field number_field();
stream_field time_field();

/// A source and all that it has brought so far. For one thread.
class source_reading {
public:
  /// Starts the source; throws what speaks against it.
  /// @param metrics where the source has its own
  /// @param number_column that of `n`
  /// @param patience for which a poll waits
  source_reading(result<std::unique_ptr<event_source>> source, source_positions from,
                 std::shared_ptr<metrics_registry> metrics, size_t number_column,
                 std::chrono::milliseconds patience);
  ~source_reading();
  source_reading(const source_reading&) = delete;
  source_reading& operator=(const source_reading&) = delete;

  /// Polls until `done` holds; false after `seconds`.
  bool until(const std::function<bool()>& done, int seconds = 20);
  /// Until `count` rows have come, and no more come for a while.
  bool rows(size_t count, int seconds = 20);
  /// All that come in so long.
  void during(std::chrono::milliseconds time);
  event_source& source() { return *source_; }
  std::string reason() const { return source_->status().reason; }
  double metric(const std::string& name) const { return metric_value(*registry, name); }

  std::shared_ptr<metrics_registry> registry;
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

private:
  void poll();

  std::unique_ptr<event_source> source_;
  size_t number_column_;
  std::chrono::milliseconds patience_;
};

} // namespace keyfold::testing
