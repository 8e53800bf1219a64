#pragma once

#include "features/byte_codec.hpp"
#include "features/column.hpp"
#include "features/event_batch.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// A named, typed value that a view keeps per key.
struct feature_info {
  std::string name;
  data_type type;
};

/// What a read says of a feature beside its value.
enum class feature_status : uint8_t { present, null_value, not_found, outside_max_age };

/// A feature as read. The value's text is in the arena of the read.
struct feature_value {
  cell value;
  feature_status status = feature_status::not_found;
  event_time at = beginning_of_time; ///< newest event in it; `beginning_of_time` when there is none
};

/// Receives the features of a read, one call each.
class feature_sink {
public:
  virtual ~feature_sink() = default;
  virtual void on_feature(std::string_view name, const feature_value& value) = 0;
};

/// The rows a view publishes to outputs: identified by the entity's key fields and `group`,
/// carrying `values`.
struct change_schema {
  std::vector<column> group;
  std::vector<column> values;
};

/// Receives a key's changes. Cells need live only during the call.
class change_sink {
public:
  virtual ~change_sink() = default;
  virtual void upsert(std::span<const cell> group, std::span<const cell> values, event_time at) = 0;
  virtual void erase(std::span<const cell> group, event_time at) = 0;
};

/// Receives the events a view emits into its derived stream.
class emission_sink {
public:
  virtual ~emission_sink() = default;
  /// @param row one cell per column of `view::emissions`; they need live only during the call
  /// @param at the event's time. To whoever reads the stream an event is late whose time is not
  /// after the watermark that the view knew before this call (`context.watermark` in `fold`, the
  /// one of the call before in `advance`): what is decided later than it happened carries the time
  /// of the decision, and the time it happened as a column.
  virtual void emit(std::span<const cell> row, event_time at) = 0;
};

/// What happened while folding that somebody must be able to see. Sums over keys become metrics of
/// the view.
struct fold_counts {
  uint64_t rows = 0;          ///< folded
  uint64_t late = 0;          ///< behind the watermark, whatever was done with them
  uint64_t late_dropped = 0;  ///< of those, left out
  uint64_t skipped = 0;       ///< not foldable: a null or non-finite measure
  uint64_t bound_reached = 0; ///< a bound on the key's state refused or evicted something
  uint64_t expired = 0;       ///< groups removed by TTL
  uint64_t emitted = 0;       ///< events for the derived stream; counted by the sink, not the view

  fold_counts& operator+=(const fold_counts& x) noexcept;
};

/// The surroundings of a fold: what a state machine may know, and where its results go.
struct fold_context {
  event_time watermark = beginning_of_time; ///< of the view: everything up to here has been folded
  event_time wake_at =
      end_of_time; ///< out: the earliest watermark at which `advance` must be called
  change_sink* changes =
      nullptr; ///< where every change goes at once; null: `collect_changes` will ask
  emission_sink* emissions = nullptr; ///< null where nobody consumes the derived stream
  fold_counts* counts = nullptr;      ///< never null
  arena* scratch = nullptr;           ///< never null; cleared by the caller

  void wake(event_time at) noexcept { wake_at = std::min(wake_at, at); }
};

/// The state of one view for one key. Opaque to all but its view.
class view_state {
public:
  virtual ~view_state() = default;
};

/// The compiled definition of a view: a pure state machine whose state is a `view_state` per key.
/// Immutable, shared by all keys and threads; every state passed to it was made by it. Results
/// depend on the rows and their times only, never on a clock or, within the stream's `max_delay`,
/// on the order of arrival.
class view {
public:
  virtual ~view() = default;

  virtual const std::string& name() const noexcept = 0;
  /// As the definition language names it, e.g. `decayed_counters`.
  virtual std::string_view kind() const noexcept = 0;
  /// The streams it folds; an input's number is its place here.
  virtual std::span<const std::string> inputs() const noexcept = 0;
  /// The features known beforehand. A view with an open set of groups has others besides: see
  /// `read_all`.
  virtual std::span<const feature_info> features() const noexcept = 0;
  virtual const change_schema& changes() const noexcept = 0;
  /// The columns of the events it emits into a derived stream; empty: it emits none.
  virtual std::span<const column> emissions() const noexcept { return {}; }
  /// A text that changes whenever a state written under it would be misread or mean something else.
  virtual const std::string& fingerprint() const noexcept = 0;

  virtual std::unique_ptr<view_state> make_state() const = 0;
  /// Folds `rows` of `batch`, which came in through input number `input`.
  virtual void fold(view_state& state, uint32_t input, const event_batch& batch,
                    std::span<const uint32_t> rows, fold_context& context) const = 0;
  /// Called when the watermark has reached a `wake_at` given before, or later.
  virtual void advance(view_state& state, fold_context& context) const = 0;
  /// Reads features by their number in `features()`. @pre `out.size() == wanted.size()`
  /// @param as_of the moment to read at; a value is never decayed or expired to before its newest
  /// event
  virtual void read(const view_state& state, event_time as_of, std::span<const uint32_t> wanted,
                    std::span<feature_value> out, arena& memory) const = 0;
  /// Reads all features that the key has, named ones and those of open groups.
  virtual void read_all(const view_state& state, event_time as_of, arena& memory,
                        feature_sink& sink) const = 0;
  /// Whether names outside `features()` can exist.
  virtual bool open() const noexcept = 0;

  /// The rows changed since the last call, each once with its present values, and forgets that they
  /// had changed. Used where only the last change of an epoch is published.
  virtual void collect_changes(view_state& state, event_time watermark,
                               change_sink& sink) const = 0;
  /// Its rows are told through `context.changes` alone, when they come to be, and not kept:
  /// `collect_changes` has nothing to tell, so that an output must take every change.
  virtual bool changes_at_once() const noexcept { return false; }

  virtual void encode(const view_state& state, byte_writer& out) const = 0;
  /// The state that `encode` wrote under the same fingerprint; null when the bytes are malformed.
  /// The state counts as unchanged. Sets `context.wake_at`.
  virtual std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const = 0;
  /// Nothing left in it: the key may be forgotten.
  virtual bool empty(const view_state& state) const noexcept = 0;
  /// Asks the processor to load what the next call will touch besides the state object itself,
  /// which has been loaded: among a million keys, memory is what a fold waits for.
  virtual void prefetch(const view_state&) const noexcept {}
  /// Bytes on the heap, this object included.
  virtual size_t memory(const view_state& state) const noexcept = 0;
};

} // namespace keyfold
