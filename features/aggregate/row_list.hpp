#pragma once

#include "features/aggregate/stored_value.hpp"

#include <span>
#include <vector>

namespace keyfold::aggregates {

/// Values with the event times of their rows, by (event time, arrival): the first or the last so
/// many of those added. Not thread-safe.
class row_list {
public:
  struct entry {
    event_time at;
    stored_value value;
  };

  row_list() noexcept = default;
  row_list(const row_list&) = delete;
  row_list& operator=(const row_list&) = delete;
  ~row_list();

  /// Adds behind the rows of the same time. False where the list was full, and a row had to go.
  /// @param last which rows stay: the last or the first @param most of them
  bool add(event_time at, const cell& x, bool last, uint32_t most);
  std::span<const entry> entries() const noexcept { return std::span{entries_}.subspan(first_); }

  void encode(byte_writer& out) const;
  /// Into an empty list; values are null or of `type`. False where the bytes are malformed.
  bool decode(byte_reader& in, const data_type& type, uint32_t most);
  /// Bytes on the heap, this object included.
  size_t memory() const noexcept;

private:
  void drop_first() noexcept;

  std::vector<entry> entries_;
  size_t first_ = 0; // what is before has been dropped
};

} // namespace keyfold::aggregates
