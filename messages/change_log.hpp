#pragma once

#include "features/view.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// A field of the value that an output writes: a column of the row under a name of its own.
struct written_field {
  std::string name;
  bool of_key = false; ///< the column is one of the key's, else of the values
  uint32_t column = 0;
};

/// The rows an output receives from one view: key columns (the entity's, then the group's) and
/// value columns. Or the events it receives of one stream: all columns are values, and the key's
/// are those it is to be partitioned by, if any.
struct change_columns {
  std::string view; ///< or the stream
  std::vector<column> key;
  std::vector<column> values;
  std::vector<written_field> fields = {}; ///< of the value; empty: `values` under their names
  bool events = false;                    ///< of a stream: each is new, none is ever deleted
};

/// One upsert or delete. Cells point into what they were read from.
struct change {
  uint32_t source = 0;               ///< which of the output's `change_columns`
  bool erased = false;               ///< a delete: `values` is empty
  event_time at = beginning_of_time; ///< event time of the change
  std::span<const cell> key;
  std::span<const cell> values;
};

/// Whether `x` has as many cells as `columns` says; a log of another definition may not.
bool fits(const change& x, const change_columns& columns) noexcept;

/// Appends changes to bytes: an epoch's outbox as the ledger keeps it.
class change_log_writer {
public:
  explicit change_log_writer(std::string& out) : out_(out) {}
  void append(const change& x);

private:
  byte_writer out_;
};

/// Reads an outbox, change by change.
class change_log_reader {
public:
  explicit change_log_reader(std::string_view bytes) : in_(bytes) {}
  /// The next change; its cells are valid until the next call. False at the end and on malformed
  /// bytes: see `good`.
  bool next(change& out);
  bool good() const noexcept { return in_.good(); }

private:
  byte_reader in_;
  arena memory_;
  std::vector<cell> cells_;
};

} // namespace keyfold
