#pragma once

#include "features/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold::s2 {

/// A record to be appended; the views are the caller's.
struct new_record {
  std::optional<std::string_view> key;    ///< of an upsert: the header `@key`
  std::optional<std::string_view> action; ///< the header `@action`
  std::string_view body;
  std::optional<int64_t> timestamp_ms;
};

/// How far an output has got: the last record of each append says it in the header `@batch`, as
/// `ID EPOCH CHECKSUM CHANGES` and, after the epoch's last, `end`.
struct batch_marker {
  uint64_t epoch = 0;
  uint32_t checksum = 0; ///< of the epoch's changes
  uint64_t changes = 0;  ///< of the epoch, up to and including this append
  bool last = false;     ///< they are all

  bool operator==(const batch_marker&) const = default;
};
inline constexpr std::string_view marker_header = "@batch";
std::string marker_text(std::string_view id, const batch_marker& x);
/// The marker of the output `id`, if `text` is one. @pre no blank in `id`
std::optional<batch_marker> parse_marker(std::string_view text, std::string_view id);

/// On what an append depends.
struct append_conditions {
  int64_t next = 0; ///< the number that the first record must get
  std::string_view token;
};

/// The records of one append, which the service takes as a whole or not at all.
class append_batch {
public:
  /// The service's bounds: https://s2.dev/docs/limits
  static constexpr size_t max_records = 1000;
  static constexpr size_t max_bytes = 1u << 20;

  /// @param marker_bytes the longest text of a marker: room for one is kept
  explicit append_batch(size_t marker_bytes);

  /// What the service counts for a record: 8 + 2 a header + names and values + body.
  static size_t metered(const new_record& x) noexcept;
  /// Whether the record can be in any batch.
  bool admits(const new_record& x) const noexcept;
  /// Whether there is room for it in this one.
  bool has_room(const new_record& x) const noexcept;
  /// @pre `has_room`
  void add(const new_record& x);
  size_t size() const noexcept { return records_; }
  size_t bytes() const noexcept { return bytes_; }
  bool empty() const noexcept { return records_ == 0; }

  /// The records as JSON, in base64; the batch is empty afterwards. @pre not empty
  /// @param marker for the last record
  std::string take(std::string_view marker);
  void clear() noexcept;

private:
  size_t reserved_; ///< for a marker
  std::string text_;
  size_t last_headers_end_ = 0; ///< in `text_`: where another header of the last record goes
  bool last_has_headers_ = false;
  size_t records_ = 0;
  size_t bytes_ = 0; ///< metered, without a marker
};

/// The body of the request that appends what `append_batch::take` gave.
std::string append_body(std::string_view records, const append_conditions& conditions);

/// The body of the request that makes `token` the only one whose appends are taken.
/// @param timeless the record of it takes the timestamp of the one before: no later record has an
/// earlier one
std::string fence_body(std::string_view token, bool timeless);

} // namespace keyfold::s2
