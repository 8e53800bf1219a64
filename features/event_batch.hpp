#pragma once

#include "features/cell.hpp"
#include "features/stream_schema.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace keyfold {

/// Rows of one stream, in the order of their source. Immutable and shared: messages carry ranges of
/// its rows.
class event_batch {
public:
  /// @param origin a batch that cells point into: it lives as long as this one
  event_batch(std::shared_ptr<const stream_schema> schema, std::vector<cell> cells,
              std::vector<event_time> times, arena text,
              std::shared_ptr<const event_batch> origin = nullptr)
      : schema_(std::move(schema)), cells_(std::move(cells)), times_(std::move(times)),
        text_(std::move(text)), origin_(std::move(origin)) {}

  const stream_schema& schema() const noexcept { return *schema_; }
  size_t size() const noexcept { return times_.size(); }
  /// The cells of row `index`, in the order of the schema's fields.
  std::span<const cell> row(size_t index) const noexcept {
    auto width = schema_->fields.size();
    return {cells_.data() + index * width, width};
  }
  event_time time(size_t index) const noexcept { return times_[index]; }
  std::span<const cell> cells() const noexcept { return cells_; }
  std::span<const event_time> times() const noexcept { return times_; }
  /// Bytes held.
  size_t memory() const noexcept {
    return cells_.capacity() * sizeof(cell) + times_.capacity() * sizeof(event_time)
           + text_.capacity() + (origin_ != nullptr ? origin_->memory() : 0);
  }

private:
  std::shared_ptr<const stream_schema> schema_;
  std::vector<cell> cells_;
  std::vector<event_time> times_;
  arena text_;
  std::shared_ptr<const event_batch> origin_;
};

using event_batch_ptr = std::shared_ptr<const event_batch>;

/// Collects decoded rows into a batch: derives columns, checks required ones, filters, finds the
/// event time. What needs a lookup first is left to a `lookup_join`. Not thread-safe.
class event_batch_builder {
public:
  enum class outcome : uint8_t { accepted, filtered };

  event_batch_builder(std::shared_ptr<const stream_schema> schema, size_t expected_rows);

  /// The cells of a new row, all null; valid until the row is finished or abandoned.
  std::span<cell> begin_row();
  /// Where the text of the row's cells is kept. What is allocated between `begin_row` and
  /// `finish_row` belongs to that row: it is forgotten when the row is left out.
  arena& text() noexcept { return text_; }
  /// Completes the row begun: derives columns, then filters, then checks the rest. On an error (a
  /// required column is null; no event time, or one outside the years 1 to 9999; a key that is too
  /// long, or none at all) the row is left out.
  /// @param source_time what the source says of the record's time, used where the schema names no
  /// field
  result<outcome> finish_row(std::optional<event_time> source_time);
  void abandon_row();

  const stream_schema& schema() const noexcept { return *schema_; }
  size_t size() const noexcept { return times_.size(); }
  size_t memory() const noexcept { return cells_.size() * sizeof(cell) + text_.capacity(); }
  /// The event time of the row finished last. @pre `size() > 0`
  event_time last_time() const noexcept { return times_.back(); }
  /// Hands the rows over; the builder is empty afterwards and may be used again.
  event_batch_ptr build();

private:
  std::span<cell> current_row() noexcept;
  std::optional<error> missing_field(std::span<const cell> row) const;
  /// Why no entity may have the row.
  std::optional<error> unusable_key(std::span<const cell> row);
  result<event_time> time_of(std::span<const cell> row,
                             std::optional<event_time> source_time) const;

  std::shared_ptr<const stream_schema> schema_;
  std::vector<uint32_t> required_;
  std::vector<uint32_t> derived_;
  size_t expected_rows_;
  std::vector<cell> cells_;
  std::vector<event_time> times_;
  arena text_;
  arena scratch_;
  std::vector<cell> key_;
  std::string key_text_;
  arena::mark row_text_; // where the text of the row begun starts
};

} // namespace keyfold
