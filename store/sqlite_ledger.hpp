#pragma once

#include "store/compaction.hpp"
#include "store/database.hpp"
#include "store/file_lock.hpp"
#include "store/ledger.hpp"
#include "store/ledger_format.hpp"

#include <atomic>
#include <mutex>

namespace keyfold::store {

/// Sizes that were chosen by measurement (see ARCHITECTURE.md); tests make them small.
struct ledger_tuning {
  int page_size = 8192;
  size_t chunk_bytes = 1u << 20;           ///< of a blob in `segment` and `outbox`
  size_t run_bytes = 128u << 20;           ///< of segments merged in memory at a time, at most;
  size_t small_run_bytes = 16u << 20;      ///< while an eighth of all segments is no more
  uint64_t segment_limit_bytes = 1u << 30; ///< beyond this and `segment_limit_ratio`,
  uint64_t segment_limit_ratio = 4;        ///< × the compacted part, `commit` compacts itself
  uint64_t checkpoint_bytes = 16u << 20;   ///< of the log, before `compact` writes it back
  uint64_t checkpoint_limit_bytes = 512u << 20; ///< of the log, before `commit` does
  std::chrono::milliseconds slice{20};          ///< a compaction's transaction, roughly
};

/// The ledger on SQLite. Three connections: one writes, one serves `load`, one reads for compaction
/// and writes the log back. Locks are taken in the order maintenance, writer; `load`'s is alone.
class sqlite_ledger final : public ledger {
public:
  static ledger_result<std::unique_ptr<sqlite_ledger>> open(const open_options& options,
                                                            const ledger_tuning& tuning);
  ~sqlite_ledger() override;

  uint64_t last_epoch() const override { return last_epoch_; }
  std::vector<position_row> positions() const override;
  const std::vector<std::string>& reset_views() const override { return reset_views_; }
  ledger_result<void> for_each_key(const std::function<void(uint32_t entity, std::string_view key,
                                                            std::string_view state)>& f) override;
  ledger_result<std::optional<std::string>> load(uint32_t entity, std::string_view key) override;
  uint64_t compacted_epoch() const override { return compacted_epoch_; }
  ledger_result<void> commit(const epoch_commit& x) override;
  ledger_result<bool> compact(std::chrono::milliseconds budget) override;
  ledger_result<std::vector<std::pair<uint64_t, uint64_t>>>
  pending(const std::string& output) override;
  ledger_result<std::string> read_outbox(const std::string& output, uint64_t epoch) override;
  ledger_result<void> mark_published(const std::string& output, const published_mark& mark,
                                     durability how = durability::relaxed) override;
  ledger_result<published_mark> published(const std::string& output) override;
  ledger_statistics statistics() const override;
  ledger_result<ledger_description> describe() override;

private:
  sqlite_ledger(const open_options& options, const ledger_tuning& tuning)
      : options_(options), tuning_(tuning) {}

  // Opening.
  ledger_result<void> open_files();
  ledger_result<void> configure_writer();
  ledger_result<void> register_definition();
  ledger_result<void> read_counters();
  ledger_result<void> prepare_statements();

  // Committing; the writer's lock is held, a transaction open.
  ledger_result<void> write_positions(const std::vector<position_row>& rows,
                                      const position_map& next);
  ledger_result<void> write_segment(uint64_t epoch, const state_segment& x);
  ledger_result<void> write_chunk(uint64_t epoch, int64_t entity, std::string_view pairs);
  ledger_result<void> write_outbox(uint64_t epoch, const outbox_row& x);
  ledger_result<void> write_epoch(const epoch_commit& x, const position_map& next);
  ledger_error malformed(uint64_t epoch) const;
  uint64_t segment_limit() const;

  // Compacting; the maintenance lock is held.
  ledger_result<bool> collect_segment();
  size_t run_limit() const;
  void release_caches();
  ledger_result<void> compact_slice(std::chrono::steady_clock::time_point until);
  ledger_result<void> move_key(const compacted_key& x, int64_t& keys);
  ledger_result<bool> drop_entity_slice();
  ledger_result<void> write_log_back();

  ledger_result<void>
  visit_segments(const database& on, class key_set& seen,
                 const std::function<void(uint32_t, std::string_view, std::string_view)>& f) const;
  ledger_result<void>
  visit_rows(const database& on, class key_set& seen,
             const std::function<void(uint32_t, std::string_view, std::string_view)>& f) const;
  std::optional<uint32_t> caller_number(int64_t entity) const;
  std::vector<int64_t> live_entities() const;

  open_options options_;
  const ledger_tuning tuning_;
  file_lock lock_;
  std::vector<int64_t> entity_ids_; // the caller's number → the file's
  std::vector<std::string> reset_views_;

  database writer_;
  database reader_;
  database maintenance_;

  mutable std::mutex writer_mutex_;
  position_map positions_;
  statement put_position_, drop_position_, put_epoch_, put_segment_, put_outbox_, put_state_,
      drop_state_, put_count_, drop_segments_, drop_outbox_, put_published_, list_pending_,
      get_outbox_, get_published_;
  int64_t replaced_ = 0; // counted by SQLite calling back from `put_state_`
  uint64_t epoch_segment_bytes_ = 0;
  uint64_t epoch_outbox_bytes_ = 0;

  std::mutex reader_mutex_;
  statement get_state_;

  std::mutex maintenance_mutex_;
  statement next_segment_;
  std::optional<compaction_run> run_;
  std::optional<compaction_run::place> run_place_; // once all its segments are collected
  bool dropped_entities_ = false;

  std::atomic<int> waiting_commits_{0};
  std::atomic<uint64_t> last_epoch_{0};
  std::atomic<uint64_t> compacted_epoch_{0};
  std::atomic<uint64_t> keys_{0};
  std::atomic<uint64_t> segment_bytes_{0};
  std::atomic<uint64_t> outbox_bytes_{0};
  std::atomic<uint64_t> log_pages_{0};
  std::atomic<uint64_t> written_back_pages_{0};
};

} // namespace keyfold::store
