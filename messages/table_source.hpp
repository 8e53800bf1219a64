#pragma once

#include "features/result.hpp"
#include "features/table.hpp"
#include "messages/metrics.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace keyfold {

/// Fills a table and keeps it current, from a file or another system. Called by one thread: `load`,
/// `start`, `stop`, each once.
class table_source {
public:
  virtual ~table_source() = default;

  /// Makes the table ready to be read, before anything reads it: waits. An error is a sentence that
  /// names the remedy.
  virtual result<void> load() = 0;
  /// From now on follows what changes, in a thread of its own.
  virtual void start() = 0;
  /// Ends that; returns when the thread has ended.
  virtual void stop() = 0;
};

/// Why a load failed; the table keeps the rows that it has.
enum class load_failure : uint8_t { unreadable, too_many_rows, too_many_bytes, too_many_bad_rows };

/// What is counted of every table. Thread-safe, but for `loaded`.
class table_metrics {
public:
  /// Registers the families with the label `table`.
  table_metrics(metrics_registry& registry, const std::string& table);

  /// A snapshot has been published.
  void loaded(const table_snapshot& x, uint64_t bad_rows, uint64_t duplicate_keys);
  void failed(load_failure why);
  /// Time has gone on: shows the age of the rows.
  void show_age();
  void stalled() { dead_letter_stalls_.Increment(); }

private:
  prometheus::Gauge& rows_;
  prometheus::Gauge& bytes_;
  prometheus::Gauge& version_;
  prometheus::Gauge& age_;
  prometheus::Counter& loads_;
  prometheus::Counter& bad_rows_;
  prometheus::Counter& duplicate_keys_;
  prometheus::Counter& dead_letter_stalls_;
  std::array<prometheus::Counter*, 4> failed_loads_;
  std::chrono::steady_clock::time_point loaded_at_ = std::chrono::steady_clock::now();
};

} // namespace keyfold
