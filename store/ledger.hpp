#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

/// What survives a crash: epochs, each one atomic commit of positions, state and outbox. Knows
/// bytes, not what they mean.
namespace keyfold::store {

/// Why the ledger refused or failed: a sentence with the remedy.
struct ledger_error {
  std::string message;
  bool out_of_space = false; ///< trying the same commit again may succeed once there is space
};

template <class T>
using ledger_result = tl::expected<T, ledger_error>;

/// The state of the keys that changed in an epoch, of one entity: a run of (key, state) pairs.
/// `state` empty: the key is gone. Built with `append_key_state`, read with `for_each_key_state`.
struct state_segment {
  uint32_t entity = 0; ///< number given by `open_options::entities`
  std::string pairs;
};

void append_key_state(std::string& pairs, std::string_view key, std::string_view state);
/// False when the bytes are malformed.
bool for_each_key_state(std::string_view pairs,
                        const std::function<void(std::string_view key, std::string_view state)>& f);

/// Progress of one partition of one stream, as the source counts it.
struct position_row {
  std::string stream;
  std::string partition;
  int64_t next = 0;
  int64_t max_time_us = 0; ///< newest event time seen
  bool ended = false;
};

/// The partition, which no source has, whose `max_time_us` is the watermark of its stream. Beside
/// the partitions' times it must be kept: it may be behind their minimum (one had brought nothing)
/// or before it (one was idle), and a row that was late may not be in time after a restart.
inline constexpr std::string_view watermark_row = "";

/// Changes for one output, as messages/change_log.hpp writes them.
struct outbox_row {
  std::string output;
  std::string log;
};

/// How far an output has published.
struct published_mark {
  uint64_t epoch = 0; ///< the newest one that was marked, 0 if none
  /// Where the output's other side ended with it, in the output's own words; empty if it said
  /// nothing.
  std::string position = {};
};

/// Whether a mark waits for the disk. A relaxed one may be lost when the power fails, not
/// otherwise.
enum class durability : uint8_t { relaxed, at_once };

/// All of an epoch.
struct epoch_commit {
  uint64_t epoch = 0;                  ///< the last one's + 1
  std::vector<position_row> positions; ///< all of them, not only those that moved
  std::vector<state_segment> segments;
  std::vector<outbox_row> outbox; ///< only those with changes
};

struct open_options {
  std::string path;
  std::string application; ///< a store of another application is refused
  /// Names; numbers in segments are places in this list. Empty with `read_only`: those of the file.
  std::vector<std::string> entities;
  std::map<std::string, std::string> fingerprints; ///< "entity/view" → fingerprint
  bool reset_changed_views = false;                ///< else a changed view is refused
  bool read_only = false; ///< for inspection: no lock, no change, fingerprints not compared
};

/// What a ledger says of itself, for inspection.
struct ledger_description {
  std::string application;
  std::vector<std::string> entities; ///< as numbered by `for_each_key`
  std::map<std::string, std::string> fingerprints;
  std::vector<std::string> outputs; ///< with something pending or a mark
};

struct ledger_statistics {
  uint64_t keys = 0;          ///< compacted into rows
  uint64_t segment_bytes = 0; ///< committed but not yet compacted
  uint64_t outbox_bytes = 0;
  uint64_t file_bytes = 0;
  uint64_t epochs = 0;
};

/// The ledger of one process. Opened under a file lock; a second opener is refused with a sentence
/// that names the owner's pid. `commit`, `compact`, `mark_published` and `read_outbox` are
/// serialised inside and may be called from any thread; `load` has a connection of its own.
class ledger {
public:
  virtual ~ledger() = default;

  /// Opens or creates. Refuses, each with a sentence: a corrupt file, a file that is not a ledger,
  /// one of another application, one written by a newer format, a changed view (see
  /// `reset_changed_views`), a store in use.
  static ledger_result<std::unique_ptr<ledger>> open(const open_options& options);

  /// The last committed epoch, 0 for a new store.
  virtual uint64_t last_epoch() const = 0;
  virtual std::vector<position_row> positions() const = 0;
  /// "entity/view" of views whose state must be ignored because their definition changed (with
  /// `reset_changed_views`).
  virtual const std::vector<std::string>& reset_views() const = 0;

  /// Calls `f` with the newest state of every key, each key once. For the start, before the first
  /// commit.
  virtual ledger_result<void> for_each_key(
      const std::function<void(uint32_t entity, std::string_view key, std::string_view state)>&
          f) = 0;

  /// The newest *compacted* state of a key; empty if there is none. Thread-safe beside `commit`.
  virtual ledger_result<std::optional<std::string>> load(uint32_t entity, std::string_view key) = 0;
  /// The newest epoch whose segments are all compacted: a key changed no later than this can be
  /// read by `load`.
  virtual uint64_t compacted_epoch() const = 0;

  /// Commits atomically and durably. After an error nothing of it is in the store; the same commit
  /// may be tried again.
  virtual ledger_result<void> commit(const epoch_commit& x) = 0;

  /// Moves some of the oldest segments into rows, in a short transaction. True if something is left
  /// to do.
  virtual ledger_result<bool> compact(std::chrono::milliseconds budget) = 0;

  /// The epochs that `output` has not been marked published for, ascending, with the size of their
  /// logs.
  virtual ledger_result<std::vector<std::pair<uint64_t, uint64_t>>>
  pending(const std::string& output) = 0;
  virtual ledger_result<std::string> read_outbox(const std::string& output, uint64_t epoch) = 0;
  /// All of `output`'s epochs up to and including the mark's are published: they leave the outbox.
  virtual ledger_result<void> mark_published(const std::string& output, const published_mark& mark,
                                             durability how = durability::relaxed) = 0;
  /// The newest mark of `output`.
  virtual ledger_result<published_mark> published(const std::string& output) = 0;

  virtual ledger_statistics statistics() const = 0;

  virtual ledger_result<ledger_description> describe() { return ledger_description{}; }
};

} // namespace keyfold::store
