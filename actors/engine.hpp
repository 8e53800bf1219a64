#pragma once

#include "actors/epoch_coordinator.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/feature_query.hpp"
#include "messages/push.hpp"
#include "messages/table_source.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace keyfold {

/// A stream and where it comes from: a source, or a view.
struct engine_stream {
  std::shared_ptr<const stream_schema> schema;
  std::unique_ptr<event_source> source;
  std::string view = {}; ///< without a source: the one that emits its events, which have at least
                         ///< the columns of the schema that are not derived
};

/// A stream whose events an output wants, and the columns its records are keyed by.
struct engine_stream_output {
  std::string stream; ///< one that a view emits
  std::vector<uint32_t> key;
};

/// An output, the views whose changes or the streams whose events it wants, and how.
struct engine_output {
  std::string name;
  std::vector<std::string> views; ///< in the order of the output's `change_columns`, before
  bool every_change = false;
  uint64_t max_pending_bytes = 256u << 20;
  std::unique_ptr<event_output> output;
  std::vector<engine_stream_output> streams = {}; ///< these
};

/// All that an engine is made of.
struct engine_settings {
  std::string application;
  std::vector<engine_stream> streams;
  std::vector<std::shared_ptr<const entity_definition>> entities;
  std::vector<engine_output> outputs;
  std::optional<size_t>
      dead_letter_output; ///< which of `outputs` takes the dead letters; it has no views
  std::shared_ptr<dead_letter_queue>
      letters; ///< of parts that are no sources; null: there are none
  std::string ledger_path;
  bool reset_changed_views = false;
  epoch_settings epochs;
  uint32_t routers = 0; ///< 0: one per worker of the actor system
  uint64_t max_in_flight_rows = 32'768;
  uint64_t max_key_bytes = 1024;
  residency_settings residency; ///< of all routers together
  bool finish_at_end = false;
  fault_hook fault;
  std::vector<std::shared_ptr<table_source>> tables; ///< loaded before anything reads them
};

/// A whole pipeline inside an actor system: sources, routers, keys, ledger, outputs. Embed it in a
/// CAF program (docs/embedding.md) by making one, calling `start`, then `wait` again and again,
/// reading through it as a `feature_gateway`, and ending with `stop`.
///
/// `start`, `wait` and `stop` are called by one thread, each of `start` and `stop` once; `submit`
/// by any, from a `start` that went well until the engine's end, and the figures likewise. System,
/// metrics and `ready` outlive it.
class engine final : public feature_gateway {
public:
  engine(caf::actor_system& system, engine_settings settings,
         std::shared_ptr<metrics_registry> metrics, readiness& ready);
  ~engine() override;

  /// Opens the ledger, restores the keys, loads the tables, which may go on with rows that the
  /// ledger holds, and starts reading. Tables in memory that streams look up and that are none of
  /// `tables` must have been loaded. An error is a sentence for the user; nothing has been started.
  result<void> start();
  /// Waits until the pipeline has ended by itself (a failure, or with `finish_at_end` all sources
  /// at their end) or `patience` is over. Returns true when it has ended. It is the pipeline's
  /// clock, too: epochs end, and durable pushes are answered, only while somebody waits.
  bool wait(std::chrono::milliseconds patience);
  /// Stops polling and following tables, folds what was read, commits, publishes until `deadline`.
  /// Returns why the pipeline failed, if it did.
  result<void> stop(std::chrono::milliseconds deadline);

  /// @pre the query's entity and features are numbers of `settings.entities` and of their views
  void submit(std::shared_ptr<feature_query> query, caf::execution_unit* unit) override;

  /// Read from all sources since `start`, whatever became of them.
  uint64_t records() const noexcept;
  /// Keys whose actors are in memory.
  uint64_t resident_keys() const noexcept;
  /// The last one that was committed, of all runs together; 0: none.
  uint64_t epoch() const noexcept;

private:
  result<void> open_ledger();
  result<void> forget_tables();
  void restore_positions();
  result<void> load_tables();
  std::shared_ptr<const routing_table> make_table() const;
  void make_routers();
  void set_residency();
  result<void> restore();
  void start_sources();
  void restore_time(uint32_t stream, const source_positions& positions);
  void make_outputs();

  caf::actor_system& system_;
  engine_settings settings_;
  std::shared_ptr<metrics_registry> metrics_;
  readiness& ready_;
  std::unique_ptr<store::ledger> ledger_;
  std::shared_ptr<const routing_table> table_;
  std::shared_ptr<flow_gate> gate_;
  std::vector<caf::intrusive_ptr<router>> routers_;
  std::vector<std::unique_ptr<source_reader>> sources_;
  std::vector<coordinated_output> outputs_;
  std::vector<coordinated_table> kept_;
  std::unique_ptr<key_loader> loader_;
  std::unique_ptr<ledger_writer> ledger_writer_;
  caf::intrusive_ptr<epoch_coordinator> coordinator_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
  std::string failure_;
  bool stopped_ = false;
};

} // namespace keyfold
