#pragma once

#include "actors/cold_keys.hpp"
#include "actors/derived_flow.hpp"
#include "actors/entity_actor.hpp"
#include "actors/flow_gate.hpp"
#include "actors/fold_part.hpp"
#include "actors/key_directory.hpp"
#include "actors/key_loader.hpp"
#include "actors/key_timers.hpp"
#include "messages/metrics.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace keyfold {

/// What a router contributes to an epoch.
struct epoch_share {
  std::vector<std::string> logs;   ///< per output
  std::vector<std::string> states; ///< per entity, pairs of key and state
};

/// The end of an epoch, as a router is told of it.
struct epoch_edge {
  uint64_t epoch = 0;           ///< the one that ends
  uint64_t compacted_epoch = 0; ///< keys saved up to this one can be read back from the ledger
  std::chrono::nanoseconds wall_time{0}; ///< since any fixed moment
};

/// Which keys stay in memory; the others are in the ledger and come back with their next row or
/// read.
struct residency_settings {
  uint64_t max_keys = 0;                        ///< of one router; 0: no bound
  uint64_t max_bytes = 0;                       ///< of one router, about; 0: no bound
  std::chrono::milliseconds passivate_after{0}; ///< without a row or read; 0: never

  bool bounded() const noexcept {
    return max_keys != 0 || max_bytes != 0 || passivate_after.count() != 0;
  }
};

/// Owns the keys of its shards: finds or makes each key's actor, hands it its rows of a batch in
/// one message, keeps the watermarks and timers, collects what changed for the epoch.
///
/// A router is the execution unit of the actors it wakes: they run in its own turn, while what they
/// need is still in the cache, and the parallelism comes from having several routers. One piece of
/// work (a batch, an advance, an epoch) is under way at a time; reads are answered between its
/// chunks.
class router final : public lean_actor {
public:
  router(caf::actor_config& config, caf::actor_system& system,
         std::shared_ptr<const routing_table> table, std::shared_ptr<flow_gate> gate,
         std::shared_ptr<view_metrics> metrics);
  ~router() override;
  const char* name() const override { return "keyfold.router"; }

  // -- for other threads
  // -------------------------------------------------------------------------------------------

  void send_batch(routed_batch batch);
  /// Ends the epoch: everything sent before is folded, then changes and states of what changed are
  /// handed to `saved`.
  void send_save(epoch_edge edge, std::function<void(epoch_share)> saved);
  void send_read(std::shared_ptr<feature_query> query, uint32_t index, caf::execution_unit* unit);

  /// Keys in memory.
  uint64_t resident_keys() const noexcept { return resident_.load(std::memory_order_relaxed); }
  /// Bytes of changes that wait for the end of the epoch.
  uint64_t log_bytes() const noexcept { return log_bytes_.load(std::memory_order_relaxed); }
  /// Keys changed since the last epoch.
  uint64_t dirty_keys() const noexcept { return dirty_count_.load(std::memory_order_relaxed); }

  /// More keys in memory than there should be: only compaction of the ledger lets them go.
  bool overfull() const noexcept { return overfull_.load(std::memory_order_relaxed); }
  /// So many more that the sources must wait.
  bool crowded() const noexcept {
    return resident_keys() > most_keys_.load(std::memory_order_relaxed);
  }
  /// Keys that are only in the ledger are to be brought back, once there is room.
  bool keys_wait_for_room() const noexcept { return keys_wait_for_room_.load(); }

  // -- before the first message
  // ------------------------------------------------------------------------------------

  /// Takes a key's state from the ledger; beyond the bounds of `set_residency` the key stays there
  /// only. False when the bytes are malformed.
  bool restore(uint32_t entity, std::string_view key, std::string_view state);
  /// The stream's watermark and newest event time at the last epoch.
  void restore_time(uint32_t stream, event_time watermark, event_time newest);
  /// Keys may leave memory from now on. @param loader brings them back; outlives the router
  void set_residency(residency_settings settings, key_loader& loader,
                     prometheus::Counter& passivated);
  /// Makes the router known its place among all, so that derived streams can pass between them.
  /// @param counters per derived stream
  void connect(uint32_t own, const std::vector<caf::intrusive_ptr<router>>& all,
               std::vector<stream_counters> counters);

  // -- in its own turn
  // ---------------------------------------------------------------------------------------------

  void read(read_message& message, caf::mailbox_element_ptr& self, caf::execution_unit* unit);

private:
  enum class work_kind : uint8_t { fold, advance, save };

  /// The message to one key in the course of a work. Kept in a pool; to be disposed of means to be
  /// done.
  class key_message;
  template <class F>
  class task;

  /// What is under way: the actors still to be told, in chunks.
  struct work {
    work_kind kind = work_kind::fold;
    std::shared_ptr<const routed_batch> batch;
    size_t input = 0;    ///< of the batch
    size_t next = 0;     ///< row of the input, or key of `keys`
    uint32_t entity = 0; ///< with advance and save: whose `keys`
    std::vector<entity_actor*> keys;
    std::function<void(epoch_share)> saved;
    epoch_edge edge;
    uint64_t credit = 0; ///< given back at the end
  };

  class own_unit final : public caf::execution_unit {
  public:
    explicit own_unit(caf::actor_system& system) : caf::execution_unit(&system) {}
    void exec_later(caf::resumable* what) override { ready.push_back(what); }
    std::vector<caf::resumable*> ready;
  };

  template <class F>
  void post_task(F f);
  void run();
  void begin(work next);
  void prepare_rows();
  void prepare_keys();
  uint32_t slot_for(entity_actor& key);
  void send_chunk();
  void run_key(key_message& message, caf::execution_unit* by);
  void key_done();
  void settle_chunk();
  bool next_section();
  void finish();
  void finish_save();
  void publish_counts();
  entity_actor& key_actor(uint32_t entity, uint64_t hash, std::string_view key);

  // Time (router_time.cpp).
  event_time timer_for(uint32_t entity, event_time wake_at) const;
  void arm(uint32_t entity, entity_actor& key, event_time wake_at);
  void move_time(const routed_batch& batch);
  template <class Time>
  event_time slowest(const std::vector<uint32_t>& streams, Time time_of) const;
  void wake_keys();
  void queue_due_keys();
  void take_due_keys(uint32_t entity, std::vector<entity_actor*>& to);
  void pass_time_on();
  event_time reading_time(uint32_t entity) const;
  entity_actor* decode_key(uint32_t entity, uint64_t hash, std::string_view key,
                           std::string_view state);

  // Residency (router_residency.cpp).
  bool fetch_cold_rows();
  void fetch_cold_due();
  void cold_due_loaded();
  void warm(uint32_t entity, const std::vector<std::string>& keys, const key_loader::states& found);
  void read_cold(read_message& message, caf::mailbox_element_ptr& self, event_time as_of);
  void forget(uint32_t entity, entity_actor& key);
  void forget_gone(uint32_t readable);
  void remove(uint32_t entity, uint64_t hash, entity_actor& key);
  void passivate(const epoch_edge& edge);
  uint64_t key_bound() const;
  void set_bound(uint64_t keys);
  void let_go(uint32_t entity, uint64_t hash, entity_actor& key);

  static constexpr size_t chunk_rows = 256;
  static constexpr size_t most_emitted_rows = 16'384; // held before they are sent on

  caf::actor_system& system_;
  std::shared_ptr<const routing_table> table_;
  std::shared_ptr<flow_gate> gate_;
  std::shared_ptr<view_metrics> metrics_;
  own_unit unit_;

  std::vector<key_directory> directories_;        // per entity
  std::vector<key_timers> timers_;                // per entity
  std::vector<std::vector<entity_actor*>> dirty_; // per entity
  std::vector<event_time> stream_watermarks_;
  std::vector<event_time> stream_newest_;
  std::vector<bool> stream_silent_;
  std::vector<std::vector<event_time>> view_watermarks_; // per entity and view
  std::vector<event_time> entity_watermarks_; // the newest of the views': what timers go by
  std::vector<event_time> told_; // per derived stream: how far the others know this one to be

  std::deque<work> queue_;
  work current_;
  bool busy_ = false;    // `current_` is under way
  bool waiting_ = false; // for a key of the chunk that another thread runs, or for the ledger
  size_t advances_ = 0;  // works that advance keys, queued or under way

  // The chunk under way: one message per key, its rows side by side in `rows_`.
  struct chunk_key {
    entity_actor* actor;
    uint32_t rows = 0;  // how many
    uint32_t first = 0; // where they begin in `rows_`
  };
  std::vector<std::unique_ptr<key_message>> pool_;
  std::vector<chunk_key> keys_;
  std::vector<uint32_t> slots_; // of the chunk's rows
  std::vector<uint32_t> rows_;
  std::vector<entity_actor*> awakened_;
  std::atomic<uint32_t> pending_{0};

  residency_settings residency_;
  key_loader* loader_ = nullptr;
  prometheus::Counter* passivated_ = nullptr;
  std::vector<cold_keys> cold_; // per entity
  size_t cold_loads_ = 0;       // requests for keys that are due, under way
  uint32_t epochs_ = 1;         // of this run: the clock of `entity_actor::touched`
  struct saved_epoch {
    uint32_t number;
    uint64_t epoch;
    std::chrono::nanoseconds wall_time;
  };
  std::deque<saved_epoch>
      saved_epochs_; // whose keys may still be in memory for want of compaction or age
  struct gone_key {
    uint32_t number; // of the epoch that saved it as gone
    uint32_t entity;
    uint64_t hash;
  };
  std::deque<gone_key> gone_keys_; // still in memory, for the ledger would give back older states
  std::atomic<bool> overfull_{false};
  uint64_t bound_ = UINT64_MAX;                 // keys that may stay, as estimated last
  std::atomic<uint64_t> most_keys_{UINT64_MAX}; // beyond, the sources wait
  uint64_t restored_ = 0;
  std::atomic<bool> keys_wait_for_room_{false};

  derived_flow flow_;
  fold_part own_;
  std::mutex stray_mutex_;
  fold_part stray_;
  bool strayed_ = false; // `stray_` has something of the chunk under way

  std::atomic<uint64_t> resident_{0};
  std::atomic<uint64_t> log_bytes_{0};
  std::atomic<uint64_t> dirty_count_{0};
};

} // namespace keyfold
