#pragma once

#include "connectors/postgres/row_cache.hpp"
#include "connectors/postgres/table_reading.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/table_source.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace keyfold::postgres {

struct on_demand_settings {
  table_settings table;
  table_bounds bounds;
  std::chrono::milliseconds keep{60'000};
  std::chrono::milliseconds keep_missing{10'000};
};

/// The metrics of a table that is asked on demand. Thread-safe.
struct on_demand_metrics {
  on_demand_metrics(metrics_registry& registry, const std::string& table);

  prometheus::Counter& hits;
  prometheus::Counter& misses;
  prometheus::Counter& queries;
  prometheus::Counter& failed_queries;
  prometheus::Counter& evicted;
  prometheus::Counter& bad_rows;
  prometheus::Gauge& keys;
  prometheus::Gauge& bytes;
  prometheus::Histogram& query_seconds;
};

/// A table of PostgreSQL that is asked for the keys that rows bring, many at once, by a thread of
/// its own; what it answered is kept for a while, also that there is no row. Who looks up waits for
/// the answer 100 ms at most. See docs/connectors/postgres.md.
class on_demand_table final : public lookup_table, public table_source {
public:
  /// @param behind the slot that readers hold: it has the name, the columns and the key
  on_demand_table(on_demand_settings settings, std::shared_ptr<const lookup_table> behind,
                  std::shared_ptr<metrics_registry> registry,
                  std::shared_ptr<dead_letter_queue> letters);
  ~on_demand_table() override;

  const std::string& name() const noexcept override { return settings_.table.name; }
  const std::vector<column>& columns() const noexcept override { return declared_->columns(); }
  const std::vector<uint32_t>& key() const noexcept override { return declared_->key(); }
  bool waits() const noexcept override { return true; }
  bool look_up(const lookup_request& x) override;
  std::string problem() const override;

  /// Nothing is loaded: a server that is away is waited for by those who look up.
  result<void> load() override { return {}; }
  void start() override;
  void stop() override;

private:
  using clock = std::chrono::steady_clock;

  bool answer(const lookup_request& x, clock::time_point now);
  void work();
  bool connect();
  /// Asks for the keys; those that are wrong for the server by themselves are not found.
  outcome<void> fetch(std::span<const std::string> keys);
  outcome<result_ptr> ask(std::span<const std::string> keys);
  void keep(std::span<const std::string> keys, const result_ptr& rows);
  void set_problem(std::string sentence);
  void hand_over_letters();

  on_demand_settings settings_;
  std::shared_ptr<const lookup_table> declared_;
  std::shared_ptr<metrics_registry> registry_;
  std::shared_ptr<dead_letter_queue> queue_;
  on_demand_metrics metrics_;
  interruption interrupted_;
  connection connection_;                 ///< the worker's
  std::vector<bound_column> key_columns_; ///< likewise
  std::vector<dead_letter> letters_;      ///< likewise

  mutable std::mutex mutex_;
  std::condition_variable asked_;
  std::condition_variable answered_;
  row_cache cache_;
  std::vector<std::string> wanted_; ///< keys, in the order of asking
  std::unordered_map<std::string, bool> is_wanted_;
  std::string problem_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace keyfold::postgres
