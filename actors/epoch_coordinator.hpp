#pragma once

#include "actors/flow_gate.hpp"
#include "actors/ledger_writer.hpp"
#include "actors/output_writer.hpp"
#include "actors/router.hpp"
#include "actors/source_reader.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/table_source.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// An output as the coordinator sees it.
struct coordinated_output {
  std::unique_ptr<output_writer> writer;
  uint64_t max_pending_bytes = 0;
};

/// A table that keeps its rows in the ledger, as the coordinator sees it.
struct coordinated_table {
  kept_table* table;
  uint32_t entity; ///< the number of its rows in segments
};

struct epoch_settings {
  std::chrono::milliseconds interval{500};
  std::chrono::milliseconds max_interval{10'000};
  uint64_t max_log_bytes = 64u << 20; ///< changes held in memory: beyond, the epoch ends early
  size_t max_table_bytes = 32u << 20; ///< rows of one table that an epoch takes
};

/// Ends epochs: holds the sources, waits until all they read is folded, gathers positions, changes
/// and changed states from all sides, lets the sources go on, and has the ledger commit it. One
/// epoch is committed at a time; while a commit takes long the next epoch is as much longer.
class epoch_coordinator final : public lean_actor {
public:
  using clock = std::chrono::steady_clock;

  /// What the coordinator works with; owned by the engine, which outlives it.
  struct parts {
    std::shared_ptr<flow_gate> gate;
    std::vector<caf::intrusive_ptr<router>> routers;
    std::vector<std::unique_ptr<source_reader>>* sources;
    std::vector<coordinated_output>* outputs; ///< in the order of the routing table's numbers
    std::optional<size_t> dead_letter_output;
    std::shared_ptr<dead_letter_queue> letters; ///< those of others than sources; may be null
    std::vector<coordinated_table> tables;
    ledger_writer* ledger;
    uint64_t last_epoch = 0;
    std::function<uint64_t()> compacted_epoch; ///< of the ledger
    fault_hook fault;
    metrics_registry* metrics;
    std::function<void(std::string failure)> finished; ///< called once; empty: all went well
    bool finish_at_end = false; ///< once all sources have ended and all is published
  };

  epoch_coordinator(caf::actor_config& config, epoch_settings settings, parts with);
  const char* name() const override { return "keyfold.epoch-coordinator"; }

  // -- for other threads
  // ---------------------------------------------------------------------------------------------

  /// Time goes on; to be called every 10 ms or so.
  void send_tick();
  void send_held(size_t source, source_progress progress);
  /// An output has published something, or cannot any more.
  void send_failure(std::string reason);
  /// Ends with one last epoch. Outputs that are away are waited for until `deadline`.
  void send_stop(clock::time_point deadline);

  uint64_t epoch() const noexcept { return committed_epoch_.load(std::memory_order_relaxed); }

private:
  enum class phase : uint8_t { folding, holding, draining, saving };

  template <class F>
  void post_task(F f);
  void tick();
  bool letters_wait() const;
  bool due() const;
  void begin();
  void held(size_t source, source_progress progress);
  void drained();
  void share(size_t from, epoch_share what);
  void commit();
  std::shared_ptr<store::epoch_commit> gather();
  void gather_tables(store::epoch_commit& to);
  void gather_letters(store::epoch_commit& to);
  void committed(const std::shared_ptr<store::epoch_commit>& epoch,
                 store::ledger_result<void> result);
  void let_go_on();
  bool outputs_full() const;
  bool crowded() const;
  bool outputs_idle() const;
  void check_finished();
  bool quiet() const;
  void finish();
  uint64_t log_bytes() const;

  epoch_settings settings_;
  parts with_;
  phase phase_ = phase::folding;
  bool committing_ = false;
  bool stalled_ = false;        // the gate stays closed until an output has made room
  bool waits_for_room_ = false; // and until keys have left memory
  bool stopping_ = false;
  bool last_ = false;      // the epoch under way is the last
  bool last_done_ = false; // and it is over
  bool finished_ = false;
  bool ended_ = false;     // all sources, as of the last epoch
  bool rows_left_ = false; // of tables, by the epoch before, which took as many as it may
  std::string failure_;
  clock::time_point begun_at_ = clock::now();
  clock::time_point deadline_{};
  std::chrono::nanoseconds cost_{0};
  std::vector<source_progress> progress_;
  std::vector<bool> is_held_;
  std::vector<epoch_share> shares_;
  size_t missing_ = 0;
  std::vector<store::position_row> last_positions_;
  std::atomic<uint64_t> committed_epoch_;
  uint64_t epoch_;

  prometheus::Gauge& epoch_gauge_;
  prometheus::Histogram& pause_seconds_;
  prometheus::Gauge& resident_gauge_;
  prometheus::Gauge& dirty_gauge_;
  prometheus::Gauge& in_flight_gauge_;
  prometheus::Gauge& log_gauge_;
  prometheus::Counter& output_stalls_;
  prometheus::Counter& room_stalls_;
};

} // namespace keyfold
