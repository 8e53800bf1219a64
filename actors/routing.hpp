#pragma once

#include "features/entity_state.hpp"
#include "messages/change_log.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Where one view's changes go: an output's number, and which of the output's `change_columns` they
/// are.
struct change_route {
  uint32_t output;
  uint32_t source;
};

/// An entity as the routers see it.
struct entity_routing {
  std::shared_ptr<const entity_layout> layout;
  /// Per input of the entity: the stream's number.
  std::vector<uint32_t> input_streams;
  /// Per view, the numbers of the streams whose watermarks bound its own.
  std::vector<std::vector<uint32_t>> view_streams;
  /// Per view: outputs that want every change, and those that want the last one of an epoch.
  std::vector<std::vector<change_route>> every_change;
  std::vector<std::vector<change_route>> last_change;
  bool feeds = false; ///< a view of it feeds a derived stream
};

/// Where the events of a stream go: an output's number, which of its `change_columns` they are, and
/// the columns that its records are keyed by.
struct event_route {
  uint32_t output;
  uint32_t source;
  std::vector<uint32_t> key;
};

/// A stream of what a view emits.
struct derived_stream {
  uint32_t stream; ///< its number
  uint32_t entity; ///< of the view
  uint32_t view;
  std::shared_ptr<const stream_schema> schema;
  std::vector<uint32_t> columns; ///< of the view's emissions: those in the rows, in their order
  std::vector<event_route> outputs;
};

/// What all routers share; immutable.
struct routing_table {
  std::vector<entity_routing> entities;
  std::vector<derived_stream> derived;
  std::vector<std::optional<uint32_t>> derived_numbers; ///< per stream: its number in `derived`
  size_t stream_count = 0;
  size_t output_count = 0;
  uint32_t router_count = 1;
  uint64_t max_key_bytes = 1024;
};

/// Keys are spread over this many shards; a router owns a run of them.
inline constexpr uint32_t shard_count = 1024;

/// The router that owns `key`: by the hash of Kafka's producers, so that a shard could be a
/// partition.
uint32_t router_of(std::string_view key, uint32_t router_count) noexcept;

/// Hash of a key in a router's directory.
uint64_t directory_hash(std::string_view key) noexcept;

/// A row on its way to a key's actor.
struct routed_row {
  uint64_t hash;
  const char* key;
  uint32_t key_size;
  uint32_t row;

  std::string_view text() const noexcept { return {key, key_size}; }
};

/// The rows of a batch that reach one entity through one of its inputs, in the batch's order.
struct routed_input {
  uint32_t entity;
  uint32_t input;
  std::vector<routed_row> rows;
};

/// One router's share of a batch.
struct routed_batch {
  event_batch_ptr events; ///< null: only the watermark moves
  std::vector<routed_input> inputs;
  arena keys; ///< text of the keys that are not cells of the batch
  uint32_t stream = 0;
  uint32_t sender = 0;                      ///< of a derived stream: the router whose keys emitted
  event_time watermark = beginning_of_time; ///< of the stream, once these rows are folded; of a
                                            ///< derived one, the sender's part in it
  event_time newest = beginning_of_time;    ///< event time of the stream so far
  bool silent = false; ///< all partitions are idle: other streams of a view need not wait for it
  uint64_t credit = 0; ///< given back when the rows are folded, and the time moved; never 0 when
                       ///< sent, since time alone makes views emit
};

/// Rows that could not be routed.
struct routing_losses {
  uint64_t null_key = 0;
  uint64_t long_key = 0;
};

/// Splits `events` of stream number `stream` by router. `shares` has one batch per router; only
/// their `inputs`, `events`, `stream` and `credit` are set.
routing_losses split_batch(const routing_table& table, uint32_t stream,
                           const event_batch_ptr& events, std::vector<routed_batch>& shares);

} // namespace keyfold
