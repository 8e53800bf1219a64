#pragma once

#include "features/pattern.hpp"
#include "features/pattern/automaton.hpp"
#include "features/pattern/terms.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::patterns {

/// Conditions of a pattern: those of its variables, and those that end loops. A row's are bits.
inline constexpr size_t most_conditions = 64;

/// What a row must fulfil, in two parts that are joined by AND.
struct condition {
  std::optional<expression> of_row;   ///< over the columns of the stream: known when a row arrives
  std::optional<expression> of_match; ///< over the columns kept, and the terms behind them
  std::vector<uint32_t> terms;        ///< that `of_match` reads
  std::optional<uint16_t> as;         ///< the variable that would take the row
};

struct measure {
  std::string name;
  expression value; ///< over the terms
  std::vector<uint32_t> terms;
};

/// A compiled pattern. Immutable.
struct program {
  automaton states;
  std::vector<condition> conditions; ///< of the variables, then of the loops' ends
  term_set terms;
  std::vector<measure> measures;
  bool looks_back = false;            ///< a condition is about rows taken before
  std::vector<uint32_t> kept_columns; ///< of the stream's rows: what is kept of a row
  std::vector<data_type> kept_types;
  std::vector<uint32_t> columns; ///< of the stream's rows, that anything reads: ascending
};

tl::expected<program, pattern_error> make_program(const pattern_settings& settings);

} // namespace keyfold::patterns
