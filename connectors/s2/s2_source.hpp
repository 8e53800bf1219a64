#pragma once

#include "connectors/formats/record_decoder.hpp"
#include "connectors/s2/requests.hpp"
#include "messages/event_source.hpp"

#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::s2 {

/// What is read, and how. Plain data.
struct source_settings {
  /// Where a stream begins that the ledger says nothing about.
  enum class start : uint8_t { first, tail, timestamp };
  /// What to do when the records at the ledger's position are no longer there: refuse to go on, or
  /// go on at one end and count it.
  enum class missing : uint8_t { refuse, first, tail };

  basin_settings basin;
  std::vector<std::string> streams;  ///< names, and beside or instead of them
  std::optional<std::string> prefix; ///< of names; found anew every `discover_every`
  start start_at = start::first;
  event_time start_time = beginning_of_time; ///< of `start::timestamp`: the records' timestamps
  missing on_missing = missing::refuse;
  duration max_lead = std::chrono::minutes{1}; ///< in event time; beyond it a stream waits for the
                                               ///< one that is furthest behind
  std::chrono::milliseconds discover_every{30'000};
  /// A stream that alone has failed for so long, while others were read, holds the watermark back
  /// no more.
  std::chrono::milliseconds patience{60'000};
  size_t prefetch_bytes = 64u << 20; ///< of answers that have come and were not taken, of all
                                     ///< streams together
  size_t max_streams = 1000;         ///< each has a connection; others are left out
  record_format_settings format;
  bool until_end = false; ///< bounded: a stream ends where its tail was when it was found
};

/// Reads streams of a basin, each as a partition of that name: server-sent events on a connection
/// of its own, all on the thread that polls. Positions are sequence numbers from the ledger. See
/// docs/connectors/s2.md.
///
/// A record without a body is no event: it counts as filtered, as command records do. One that
/// cannot be decoded is a dead letter whose place is `stream@number`.
///
/// @param registry where the metrics `keyfold_s2_source_…` appear, labelled with the stream
/// @return an error names a setting that cannot work; the service is not asked yet
result<std::unique_ptr<event_source>>
make_s2_source(source_settings settings, std::shared_ptr<const stream_schema> schema,
               std::shared_ptr<prometheus::Registry> registry);

} // namespace keyfold::s2
