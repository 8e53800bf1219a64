#pragma once

#include "features/event_batch.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace keyfold {

/// A record that could not become an event. It goes to the dead-letter output; it is never just
/// dropped.
struct dead_letter {
  std::string stream;
  std::string place;   ///< topic-partition@offset, file:line …
  std::string reason;  ///< a sentence
  std::string payload; ///< the record's bytes, cut to 64 KiB
};

/// How far a partition of a source has been read. The name is the source's own: `topic-3`, a file's
/// path.
struct partition_progress {
  std::string partition;
  int64_t next = 0;                        ///< the position of the first record not read
  event_time max_time = beginning_of_time; ///< newest event time read, all runs together
  bool ended = false;                      ///< bounded and read to its end: holds no watermark back
};

/// What the ledger keeps of a source: partition → progress.
using source_positions = std::map<std::string, partition_progress>;

/// What one poll brought.
struct source_poll {
  event_batch_ptr events;                   ///< null when there were none
  std::vector<partition_progress> progress; ///< of the partitions that moved in this poll
  std::vector<std::string>
      revoked; ///< partitions that are no longer ours: they hold no watermark back
  std::vector<std::string> unread; ///< partitions that may hold more records: none of them is idle,
                                   ///< however long it waits
  std::vector<dead_letter> dead_letters;
  uint64_t records = 0;  ///< read, whatever became of them
  uint64_t filtered = 0; ///< of those, left out by the stream's `where`
};

/// Whether a source or an output works, for /ready and the metrics.
struct component_status {
  bool ready = true;
  std::string reason; ///< a sentence when not ready
};

/// A replayable, partitioned log of events, e.g. Kafka topics. Driven by one thread, the SOURCE
/// READER's; `interrupt`, `status` and `committed` may be called from any thread. Reading from
/// given positions gives the same records again.
class event_source {
public:
  virtual ~event_source() = default;

  /// Begins reading at `positions`, and where they say nothing, as the definition says.
  /// Partitions that had ended may have grown: the source tells their end anew.
  virtual result<void> start(const source_positions& positions) = 0;
  /// Waits up to `timeout` for records, takes up to about `max_rows`. An unreachable other side is
  /// not an error: the poll brings nothing and `status` says why. An error is one that no retry
  /// mends.
  virtual result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) = 0;
  /// All partitions now being read, also those without records: each holds the watermark back until
  /// it is idle.
  virtual std::vector<std::string> partitions() const = 0;
  /// `positions` and all they produced are in the ledger, as part of `epoch`. Must not block.
  virtual void committed(uint64_t epoch, const source_positions& positions) = 0;
  virtual component_status status() const = 0;
  /// Makes a blocked `poll` return soon.
  virtual void interrupt() noexcept = 0;
  /// Ends reading. Called by the reader's thread, last.
  virtual void stop() = 0;
};

} // namespace keyfold
