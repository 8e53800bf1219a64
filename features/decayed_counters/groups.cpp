#include "features/decayed_counters/groups.hpp"

#include "features/entity_key.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <xxhash.h>

namespace keyfold::counters {

namespace {

/// Kept with the states of open groups: it may never change.
uint32_t hash_of(std::string_view text) noexcept {
  return static_cast<uint32_t>(XXH3_64bits(text.data(), text.size()));
}

bool is_plain(std::string_view text) noexcept {
  return text.find_first_of("|\\") == std::string_view::npos;
}

} // namespace

group_directory::group_directory(std::vector<column> columns, std::vector<std::string> closed,
                                 uint32_t max_text_size)
    : columns_(std::move(columns)), closed_(std::move(closed)), max_text_size_(max_text_size),
      one_string_(columns_.size() == 1 && columns_[0].type.kind == type_kind::string) {
  for (const auto& x : columns_)
    types_.push_back(x.type);
  slots_.resize(std::bit_ceil(2 * closed_.size() + 1));
  for (uint32_t i = 0; i < closed_.size(); ++i) {
    auto cells = parse_entity_key(closed_[i], types_, closed_memory_);
    closed_cells_.push_back(cells ? std::move(*cells) : std::vector<cell>(types_.size()));
    // A single string is looked up as it is, without escapes.
    auto one_text = one_string_ && cells;
    looked_up_.push_back(one_text ? closed_cells_[i][0].as_text() : std::string_view{closed_[i]});
    auto slot = hash_of(looked_up_[i]) & (slots_.size() - 1);
    while (slots_[slot] != 0)
      slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = i + 1;
  }
}

std::optional<uint32_t> group_directory::place_of(std::string_view text) const noexcept {
  constexpr size_t few = 8; // up to here, comparing with each is faster than hashing
  if (looked_up_.size() <= few) {
    for (uint32_t i = 0; i < looked_up_.size(); ++i)
      if (looked_up_[i] == text)
        return i;
    return std::nullopt;
  }
  for (auto slot = hash_of(text) & (slots_.size() - 1); slots_[slot] != 0;
       slot = (slot + 1) & (slots_.size() - 1))
    if (looked_up_[slots_[slot] - 1] == text)
      return slots_[slot] - 1;
  return std::nullopt;
}

group_directory::outcome group_directory::find(std::span<const cell> row,
                                               std::span<const uint32_t> places,
                                               std::string& buffer, group_ref& out) const {
  if (columns_.empty()) {
    out = {};
    return outcome::found;
  }
  std::string_view text;
  const auto& first = row[places[0]];
  if (one_string_ && first.kind() == cell_kind::string && (closed() || is_plain(first.as_text()))) {
    text = first.as_text();
  } else {
    std::array<cell, max_columns> fields;
    for (size_t i = 0; i < places.size(); ++i)
      fields[i] = row[places[i]];
    buffer.clear();
    if (!append_entity_key({fields.data(), places.size()}, buffer))
      return closed() ? outcome::left_out : outcome::no_group;
    text = buffer;
  }
  if (closed()) {
    auto place = place_of(text);
    if (!place)
      return outcome::left_out;
    out = {*place, {}};
    return outcome::found;
  }
  if (text.size() > max_text_size_)
    return outcome::too_long;
  out = {hash_of(text), text};
  return outcome::found;
}

std::optional<group_ref> group_directory::find(std::string_view text) const noexcept {
  if (columns_.empty())
    return group_ref{};
  if (!closed())
    return group_ref{hash_of(text), text};
  auto found = std::find(closed_.begin(), closed_.end(), text);
  if (found == closed_.end())
    return std::nullopt;
  return group_ref{static_cast<uint32_t>(found - closed_.begin()), {}};
}

std::string_view group_directory::text(const group_ref& group) const noexcept {
  if (closed_.empty())
    return group.text;
  return closed_[group.id];
}

std::span<const cell> group_directory::cells(const group_ref& group, arena& memory) const {
  if (columns_.empty())
    return {};
  if (closed())
    return closed_cells_[group.id];
  auto out = memory.allocate_cells(columns_.size());
  if (one_string_ && is_plain(group.text)) {
    out[0] = cell::string(group.text);
    return out;
  }
  // A text was made from cells of these types, so it can be read again.
  if (auto fields = parse_entity_key(group.text, types_, memory))
    std::copy(fields->begin(), fields->end(), out.begin());
  return out;
}

} // namespace keyfold::counters
