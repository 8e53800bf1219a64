#pragma once

#include "features/result.hpp"
#include "features/table.hpp"
#include "messages/metrics.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// How far a table's rows in the ledger have been followed.
struct table_position {
  std::string of;    ///< what the rows are of: those of something else are not gone on with
  int64_t next = 0;  ///< all changes before it are in the rows; in the other system's own count
  int64_t ahead = 0; ///< none of those from it on is; at most `next`: rows and position are as one
};

/// What a table gives to an epoch beside its rows.
struct table_share {
  /// Of the rows in the ledger: changes that they may hold though they are after it may be made
  /// once more. Nothing: rows are missing, the table must be read anew after a crash.
  std::optional<table_position> position;
  bool more = false; ///< rows are left for the next epoch
};

/// A table that keeps its rows in the ledger, as parts of epochs. `restore` and `restore_row` are
/// called before `table_source::load`, by the same thread; `take` and `committed` in turn by
/// another, while the table follows what changes.
class kept_table {
public:
  virtual ~kept_table() = default;

  /// Of the definition's table.
  virtual const std::string& name() const noexcept = 0;

  /// What the ledger holds: first the position, then each row once.
  virtual void restore(std::optional<table_position> position) = 0;
  virtual void restore_row(std::string_view key, std::string_view row) = 0;

  /// A row that the ledger is to hold from now on; an empty one deletes it.
  using row_sink = std::function<void(std::string_view key, std::string_view row)>;
  /// Gives rows that have changed since they were last given, about `max_bytes` of them at most,
  /// and the position. While nothing has changed, the position stays, unless it is far behind.
  /// @param last no other epoch follows: the position is the newest there is
  virtual table_share take(size_t max_bytes, bool last, const row_sink& to) = 0;
  /// What was last taken is in the ledger, durably: the other system need not keep it any more.
  virtual void committed() = 0;
};

/// The name under which the ledger has a table's rows and position, beside those of entities and
/// streams. Names in definitions have no blank.
inline constexpr std::string_view kept_table_prefix = "table ";
/// The partition, beside that of a table's position, whose `next` is where its rows are ahead to.
inline constexpr std::string_view kept_table_ahead = "ahead";
inline std::string kept_table_name(std::string_view table) {
  return std::string{kept_table_prefix}.append(table);
}
inline bool is_kept_table_name(std::string_view name) noexcept {
  return name.starts_with(kept_table_prefix);
}

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
  /// What of it is kept in the ledger; null: nothing. It lives as long as the source.
  virtual kept_table* kept() noexcept { return nullptr; }
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
