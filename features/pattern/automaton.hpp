#pragma once

#include "features/pattern.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace keyfold::patterns {

/// The end of the pattern, as a target.
inline constexpr uint16_t end_of_pattern = 0xffff;
/// Ways on from a position: a set of them is a bit field.
inline constexpr size_t most_edges = 64;
inline constexpr size_t most_positions = 2000;

/// What a row can do to a way on besides taking it.
struct guard {
  enum class effect : uint8_t {
    ends,       ///< a row that fits ends the way
    ends_first, ///< as above, but for the very next row only
    keeps_out,  ///< a row that fits does not take the way
  };
  effect what;
  uint16_t condition; ///< number V: that of variable V; those that end loops come behind
  std::optional<uint16_t> unless = std::nullopt; ///< a row that fits this one is let pass

  friend bool operator==(const guard&, const guard&) = default;
};

/// A way on from a position: to another one, by taking a row that fits its variable.
struct edge {
  uint16_t target;
  pattern_element::contiguity contiguity;
  std::vector<guard> guards;

  friend bool operator==(const edge&, const edge&) = default;
};

/// A place in the pattern at which a variable takes a row.
struct position {
  uint16_t variable = 0;
  std::vector<edge> edges; ///< the preferred ones first
  uint64_t alive = 0;      ///< all edges
  bool accepts = false;    ///< a match may be complete here
  uint64_t preferred = 0;  ///< if so: the edges preferred to that
  uint64_t silent_end = 0; ///< edges to the end that `within` takes when no row has ended them
  uint64_t next_end = 0;   ///< edges to the end that the next row takes if it does not end them
  bool restless = false;   ///< any row may change who waits here
  uint64_t heeded = 0;     ///< if not: only rows that fit one of these conditions may
};

/// A pattern as positions; the first one is the beginning, which takes no row.
struct automaton {
  std::vector<position> positions;
  bool has_gaps = false; ///< rows that fit nothing matter to it
  uint64_t start = 0;    ///< conditions whose rows may begin a match
};

/// @param until_numbers what number each of `pattern_settings::conditions` has where it ends a loop
tl::expected<automaton, pattern_error> make_automaton(const pattern_settings& settings,
                                                      const std::vector<uint16_t>& until_numbers);

/// Finds out to which rows those who wait at a position pay no heed.
void note_heeded(automaton& x) noexcept;

/// Whether every match has a row of `variable`, and none begins with one: what a skip to it needs.
struct skip_target {
  bool always_there;
  bool never_first;
};
skip_target skip_target_of(const automaton& x, uint32_t variable);

} // namespace keyfold::patterns
