#pragma once

#include "features/event_batch.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace keyfold {

/// What lookups came to; sums become metrics of the stream.
struct lookup_counts {
  uint64_t missing = 0; ///< rows whose key is null or not in the table
  uint64_t dropped = 0; ///< of those, left out
};

/// Joins the rows of a stream with the tables that it looks up, at the moment they are processed:
/// fills in the columns, makes those derived from them, leaves out rows. One per thread.
class lookup_join {
public:
  explicit lookup_join(std::shared_ptr<const stream_schema> schema);

  /// Whether the stream has lookups.
  bool needed() const noexcept { return !schema_->lookups.empty(); }
  /// The rows that are left, complete; null where none is. Nothing, and nothing counted, where a
  /// table cannot answer now: see `problem`, and call again with the same rows later.
  /// @param rows as an `event_batch_builder` of the schema made them
  std::optional<event_batch_ptr> join(const event_batch_ptr& rows);
  /// Why the last `join` gave nothing: a sentence.
  const std::string& problem() const noexcept { return problem_; }
  /// Per lookup of the schema, since the last call.
  std::vector<lookup_counts> take_counts();
  /// Rows left out by the stream's `where`, since the last call.
  uint64_t take_filtered() noexcept { return std::exchange(filtered_, 0); }

private:
  bool look_up(const stream_lookup& x, lookup_counts& counts);
  void derive(uint32_t stage);
  uint64_t filter();
  event_batch_ptr finish(const event_batch_ptr& origin);
  std::span<cell> row(size_t i) noexcept { return {cells_.data() + i * width_, width_}; }

  std::shared_ptr<const stream_schema> schema_;
  size_t width_;
  std::vector<std::vector<uint32_t>> derived_; // per stage: the columns to make
  std::vector<lookup_counts> counts_;
  uint64_t filtered_ = 0;
  std::string problem_;
  // of the join under way
  std::vector<cell> cells_;
  std::vector<event_time> times_;
  arena text_;
  arena scratch_;
  std::vector<uint32_t> left_; // the rows that are left
  std::vector<cell> keys_;
  std::vector<cell> values_;
  std::vector<uint8_t> found_;
};

} // namespace keyfold
