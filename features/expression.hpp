#pragma once

#include "features/cell.hpp"
#include "features/data_type.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// A name an expression may use, with where its cell is in the row handed to `evaluate`.
struct scope_entry {
  std::string name;
  data_type type;
  bool nullable = true;
};

/// The columns of the rows an expression will see, in the order of their cells.
using scope = std::vector<scope_entry>;

/// Why a text is not an expression, with the place in it.
struct expression_error {
  std::string message; ///< with the remedy; a sentence without a full stop
  size_t offset = 0;   ///< of the offending token's first byte in the text, from 0
};

/// A compiled, typed SQL expression. A value; immutable, shared between threads.
///
/// Three-valued: a null operand makes the result null, except where SQL says otherwise (AND, OR, IS
/// NULL, CASE, COALESCE). Evaluation never fails: overflow of integers and division by zero give
/// null, as documented in docs/expressions.md.
class expression {
public:
  struct node; // the compiled tree, private to the implementation

  expression(std::shared_ptr<const node> root, data_type type, std::vector<uint32_t> columns);

  const data_type& type() const noexcept { return type_; }
  /// The scope's columns it reads, ascending, each once.
  std::span<const uint32_t> columns() const noexcept { return columns_; }
  /// Whether it is a column and nothing else: its value is a cell of the row itself.
  bool is_column() const noexcept;
  /// Of `row`, cells in the order of the scope. Strings in the result live in the row, the
  /// expression or `scratch`.
  cell evaluate(std::span<const cell> row, arena& scratch) const;
  /// SQL's WHERE: true only where the value is TRUE. @pre `type()` is boolean
  bool holds(std::span<const cell> row, arena& scratch) const;

private:
  std::shared_ptr<const node> root_;
  data_type type_;
  std::vector<uint32_t> columns_;
};

/// Parses, types and compiles `text`. The grammar and the functions are in docs/expressions.md.
tl::expected<expression, expression_error> compile_expression(std::string_view text,
                                                              const scope& columns);

} // namespace keyfold
