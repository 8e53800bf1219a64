#pragma once

#include "features/pattern/match_node.hpp"

#include "features/expression.hpp"
#include "features/expression/node.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace keyfold::patterns {

/// A value over the rows of a partial match: of those that one variable took, or of all.
struct term {
  enum class function : uint8_t { first, last, sum, avg, count, min, max };

  function what;
  std::optional<uint16_t> variable;   ///< without: the rows of all
  std::optional<expression> argument; ///< over the columns kept; without: COUNT(*)
  uint32_t offset = 0;                ///< of FIRST and LAST: rows further on, or back
  data_type type;
  expressions::cell_order order = nullptr; ///< of MIN and MAX
  /// Where its running value begins in `match_node::running`; without: it is looked up on the rows.
  std::optional<uint32_t> slot = std::nullopt;
};

/// A partial match as a condition sees it: the rows taken, and the row in question.
struct partial_rows {
  const match_node* taken;    ///< the last one; null: none yet
  std::span<const cell> row;  ///< the columns kept of the one in question
  std::optional<uint16_t> as; ///< the variable that would take it; without: none would
};

/// The terms of a pattern. Immutable.
class term_set {
public:
  void add(term x) { terms_.push_back(std::move(x)); }
  const std::vector<term>& all() const noexcept { return terms_; }
  /// Gives the term a running value, if it can have one.
  void keep_running(uint32_t number);
  /// Cells of a node's running values.
  uint32_t width() const noexcept { return width_; }

  /// The running values after `variable` has taken `row`. @param out `width()` cells
  void accumulate(const match_node* before, const buffered_row& row, uint16_t variable,
                  std::span<cell> out, arena& scratch) const;
  /// The value of a term in the middle of a match.
  cell value(uint32_t number, const partial_rows& rows, arena& scratch) const;
  /// The value of a term of a whole match. @param rows in order
  cell value(uint32_t number, std::span<const match_node* const> rows, arena& scratch) const;

private:
  static bool is_of(const term& x, std::optional<uint16_t> variable) noexcept {
    return !x.variable || x.variable == variable;
  }
  cell looked_up(const term& x, const partial_rows& rows, arena& scratch) const;

  std::vector<term> terms_;
  uint32_t width_ = 0;
};

} // namespace keyfold::patterns
