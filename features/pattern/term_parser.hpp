#pragma once

#include "features/expression/syntax.hpp"
#include "features/pattern/terms.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::patterns {

/// A term as written: `argument` has plain columns only.
struct term_syntax {
  term::function what;
  std::optional<uint16_t> variable;
  expressions::syntax_ptr argument;
  uint32_t offset = 0;
  size_t at = 0;   ///< in the text, for complaints
  std::string key; ///< equal for terms that are equal
};

/// Takes what is about rows of a match out of expressions: `A.price`, `LAST(A.price, 1)`,
/// `SUM(B.price * B.count)`, `COUNT(*)`. In their place stays a column called `name_of` the term.
class term_parser {
public:
  /// @param variables the names
  explicit term_parser(const std::vector<std::string>& variables) : variables_(variables) {}

  /// Of a condition on a row that `own` would take: plain columns, and those of `own`, are the
  /// row's. Nothing, or what is wrong.
  std::optional<expression_error> read_condition(expressions::syntax_ptr& tree,
                                                 std::optional<uint16_t> own);
  /// Of a measure: plain columns are those of the last row.
  std::optional<expression_error> read_measure(expressions::syntax_ptr& tree);

  /// Those found, each once.
  std::vector<term_syntax>& terms() noexcept { return terms_; }

  static std::string name_of(size_t term);
  /// The number of the term whose name this is.
  static std::optional<uint32_t> number_of(std::string_view name);
  static bool has_term(const expressions::syntax& tree);

private:
  struct column_name {
    std::optional<uint16_t> variable;
    std::string column;
  };

  void read(expressions::syntax_ptr& tree);
  void read_column(expressions::syntax_ptr& tree);
  void read_call(expressions::syntax_ptr& tree, term::function what);
  bool read_offset(const expressions::syntax& call, term_syntax& out);
  bool read_argument(expressions::syntax_ptr argument, term_syntax& out);
  bool strip(expressions::syntax& tree, term_syntax& out, bool& named);
  column_name split(std::string_view name) const;
  void replace(expressions::syntax_ptr& tree, term_syntax by);
  bool refuse(size_t offset, std::string message);

  const std::vector<std::string>& variables_;
  std::vector<term_syntax> terms_;
  std::optional<uint16_t> own_;
  bool in_condition_ = false;
  std::optional<expression_error> problem_;
};

} // namespace keyfold::patterns
