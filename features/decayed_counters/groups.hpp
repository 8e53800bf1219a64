#pragma once

#include "features/decayed_counters/entries.hpp"
#include "features/view.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::counters {

/// The groups of a view: which group a row is of, and what a group is called. Immutable, shared by
/// all keys and threads.
class group_directory {
public:
  /// The most columns to group by.
  static constexpr size_t max_columns = 8;

  enum class outcome : uint8_t { found, left_out, no_group, too_long };

  /// @param columns what rows are grouped by; at most `max_columns`
  /// @param closed the texts of the groups there can be; empty: every one. Each fits the columns
  group_directory(std::vector<column> columns, std::vector<std::string> closed,
                  uint32_t max_text_size);
  group_directory(const group_directory&) = delete;
  group_directory& operator=(const group_directory&) = delete;

  /// Whether the groups are known beforehand: a closed set, or no group columns at all.
  bool closed() const noexcept { return columns_.empty() || !closed_.empty(); }
  /// The number of groups of a closed set; 1 where there are no columns.
  uint32_t size() const noexcept {
    return columns_.empty() ? 1 : static_cast<uint32_t>(closed_.size());
  }

  /// The group of a row. Its text is in the row or in `buffer`.
  /// @param places of the group columns in the row
  outcome find(std::span<const cell> row, std::span<const uint32_t> places, std::string& buffer,
               group_ref& out) const;
  /// The group with this text; in an open set always one, whose text is `text` itself.
  std::optional<group_ref> find(std::string_view text) const noexcept;
  /// What the group is called.
  std::string_view text(const group_ref& group) const noexcept;
  /// The group's columns as cells. What is not in the directory itself is in `memory`.
  std::span<const cell> cells(const group_ref& group, arena& memory) const;

private:
  std::optional<uint32_t> place_of(std::string_view text) const noexcept;

  std::vector<column> columns_;
  std::vector<data_type> types_;
  std::vector<std::string> closed_;
  std::vector<std::vector<cell>> closed_cells_;
  std::vector<std::string_view> looked_up_; // what each closed group is looked up by
  std::vector<uint32_t> slots_; // open addressing over `closed_`: place + 1, or 0; a power of two
  arena closed_memory_;
  uint32_t max_text_size_;
  bool one_string_;
};

} // namespace keyfold::counters
