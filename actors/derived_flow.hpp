#pragma once

#include "actors/flow_gate.hpp"
#include "actors/fold_part.hpp"
#include "actors/stream_counters.hpp"

#include <caf/actor_control_block.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace keyfold {

/// One router's part in the derived streams: sends what its keys emit to the routers whose keys
/// read it, tells them how far its part of each stream has come, and hears how far theirs have. All
/// it sends counts in the gate before the work that caused it is given back, so nothing in flight
/// means nothing at any stage. Not thread-safe.
class derived_flow {
public:
  derived_flow(std::shared_ptr<const routing_table> table, std::shared_ptr<flow_gate> gate);

  /// Before anything else. @param own the place of this router in `routers`
  /// @param counters per derived stream
  void connect(uint32_t own, std::vector<caf::weak_actor_ptr> routers,
               std::vector<stream_counters> counters);

  /// Sends on what was emitted into `from`, joined with the tables that the streams look up, and
  /// writes it to the logs there of the outputs that want it.
  void send_rows(fold_part& from);
  /// All that the router's keys will still emit into stream number `derived` is after `watermark`.
  /// @param newest event time of what the stream is made from
  void send_time(uint32_t derived, event_time watermark, event_time newest);
  /// Takes a router's word, maybe this one's own, on its part of a stream; returns the watermark of
  /// the whole, which is that of the slowest part.
  event_time hear(uint32_t derived, const routed_batch& batch);

private:
  void send_rows(uint32_t derived, const event_batch_ptr& rows);
  void publish(uint32_t derived, const event_batch& rows, std::vector<std::string>& logs);
  void send(uint32_t to, routed_batch batch);

  std::shared_ptr<const routing_table> table_;
  std::shared_ptr<flow_gate> gate_;
  uint32_t own_ = 0;
  std::vector<caf::weak_actor_ptr> routers_; // weak: they are one another's
  std::vector<stream_counters> counters_;
  std::vector<lookup_join> joins_;             // per derived stream
  std::vector<std::vector<event_time>> heard_; // per derived stream and router
  std::vector<cell> key_;
};

} // namespace keyfold
