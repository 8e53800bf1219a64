#pragma once

#include "actors/routing.hpp"

#include <cstdint>
#include <vector>

namespace keyfold {

/// Collects the events that keys of one router emit into one derived stream, as batches of its
/// rows: derives columns, leaves out what the stream's `where` leaves out. Not thread-safe.
class emission_recorder final : public emission_sink {
public:
  /// @param counts of the view; they outlive the recorder
  emission_recorder(const derived_stream& stream, fold_counts& counts)
      : stream_(stream), counts_(counts), builder_(stream.schema, 64) {}

  void emit(std::span<const cell> row, event_time at) override;

  /// Rows collected.
  size_t size() const noexcept { return sealed_rows_ + builder_.size(); }
  /// The batches collected since the last call, in the order of the emissions.
  std::vector<event_batch_ptr> take();
  /// Puts what `other` collected behind what this did.
  void take(emission_recorder& other);
  /// Rows left out since the last call: by `where`, or because of a time no event can have.
  uint64_t take_filtered() noexcept { return std::exchange(filtered_, 0); }

private:
  static constexpr size_t batch_rows = 16'384;

  void seal();

  const derived_stream& stream_;
  fold_counts& counts_;
  event_batch_builder builder_;
  std::vector<event_batch_ptr> sealed_;
  size_t sealed_rows_ = 0;
  uint64_t filtered_ = 0;
};

} // namespace keyfold
