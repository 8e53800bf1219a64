#pragma once

#include "connectors/formats/record_decoder.hpp"
#include "messages/event_source.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace keyfold {

/// How much of a record a dead letter keeps, in bytes.
inline constexpr size_t dead_letter_payload_bytes = 64u << 10;

/// Gathers what one poll brings. Not thread-safe.
class record_batch {
public:
  /// Bytes of dead letters after which a poll ends early.
  static constexpr size_t max_dead_letter_bytes = 4u << 20;

  record_batch(record_decoder& decoder, event_batch_builder& rows)
      : decoder_(decoder), rows_(rows) {}

  /// Decodes a record. Returns the reason when it could not become an event: the caller says where
  /// it was, by `refuse`.
  /// @pre `record_padding` bytes after `record` can be read
  std::optional<error> add(std::string_view record);
  void refuse(std::string place, std::string reason, std::string_view payload);
  /// As `refuse`, of a record that was not given to `add`.
  void refuse_whole(std::string place, std::string reason, std::string_view payload) {
    ++poll_.records;
    refuse(std::move(place), std::move(reason), payload);
  }

  uint64_t records() const noexcept { return poll_.records; }
  bool full(size_t max_rows) const noexcept {
    return poll_.records >= max_rows || dead_letter_bytes_ > max_dead_letter_bytes;
  }
  /// Newest event time in it.
  event_time max_time() const noexcept { return max_time_; }
  /// Hands over all but the progress.
  source_poll finish();

private:
  record_decoder& decoder_;
  event_batch_builder& rows_;
  source_poll poll_;
  size_t dead_letter_bytes_ = 0;
  event_time max_time_ = beginning_of_time;
};

} // namespace keyfold
