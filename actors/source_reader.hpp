#pragma once

#include "actors/flow_gate.hpp"
#include "actors/router.hpp"
#include "actors/stream_counters.hpp"
#include "features/watermark.hpp"
#include "messages/event_source.hpp"
#include "messages/metrics.hpp"
#include "messages/readiness.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace keyfold {

/// What a source has reached when it holds at an epoch's edge.
struct source_progress {
  source_positions positions; ///< and the watermark, as the partition `store::watermark_row`
  std::vector<dead_letter> dead_letters; ///< since the last epoch
  bool ended = false;                    ///< bounded, and read to its end
};

/// The thread of one source: polls while there is credit, joins what came with the tables that the
/// stream looks up, splits it by router, keeps the watermark, and holds at the epoch's edge.
/// `start` once, `join` last.
class source_reader {
public:
  /// What the reader reports; called from its thread.
  struct callbacks {
    std::function<void(source_progress)> held; ///< once each time the gate closes
    std::function<void(std::string reason)>
        failed; ///< no retry mends it; the reader has stopped reading
  };

  /// @param stream the number of the stream
  source_reader(const std::shared_ptr<const stream_schema>& schema, uint32_t stream,
                std::unique_ptr<event_source> source, std::shared_ptr<const routing_table> table,
                std::vector<caf::intrusive_ptr<router>> routers, std::shared_ptr<flow_gate> gate,
                metrics_registry& metrics, readiness& ready, callbacks report);
  ~source_reader();

  /// @param positions as `callbacks::held` reported them
  void start(source_positions positions);
  /// The stream's number.
  uint32_t stream() const noexcept { return stream_; }
  /// Waits for the thread; the gate must have been stopped.
  void join();

  event_source& source() noexcept { return *source_; }
  const std::string& name() const noexcept { return name_; }
  uint64_t records() const noexcept { return records_.load(std::memory_order_relaxed); }

private:
  struct counters {
    stream_counters stream;
    prometheus::Counter* records;
    prometheus::Counter* dead_letters;
    prometheus::Counter* dead_letter_stalls;
    prometheus::Counter* lookup_stalls;
    prometheus::Gauge* idle_partitions;
  };

  void loop();
  void hold();
  bool poll();
  bool look_up(source_poll& polled);
  void note(const source_poll& polled);
  void send(const event_batch_ptr& events);
  void send_watermark();
  void set_watermark(event_time x);
  std::chrono::nanoseconds now() const;

  std::string name_;
  uint32_t stream_;
  watermark_tracker watermarks_;
  lookup_join join_;
  std::unique_ptr<event_source> source_;
  std::shared_ptr<const routing_table> table_;
  std::vector<caf::intrusive_ptr<router>> routers_;
  std::shared_ptr<flow_gate> gate_;
  readiness& ready_;
  callbacks report_;
  counters counters_;

  std::optional<source_poll> waiting_; // polled, and not yet joined with the stream's tables
  bool lookup_stalled_ = false;
  source_positions positions_;
  std::vector<dead_letter> dead_letters_;
  size_t dead_letter_bytes_ = 0;
  event_time sent_watermark_ = beginning_of_time;
  event_time kept_watermark_ = beginning_of_time; // the last one sent that is not the end of time
  bool sent_silent_ = false;
  bool partitions_known_ = false; // the source has said what it reads
  bool failed_ = false;
  uint64_t held_ = 0; // the closing of the gate that was reported last
  std::atomic<uint64_t> records_{0};
  std::thread thread_;
};

} // namespace keyfold
