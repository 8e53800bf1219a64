#pragma once

#include "features/expression/token_cursor.hpp"

namespace keyfold::expressions {

/// Parses what operators stand between: literals, columns, calls, CASE, CAST, parentheses.
class operand_parser : public token_cursor {
public:
  using token_cursor::token_cursor;
  virtual ~operand_parser() = default;

protected:
  syntax_ptr primary();
  /// The number here, with a minus sign before it or not.
  syntax_ptr number_literal(bool negative);

  /// A whole expression.
  virtual syntax_ptr expression() = 0;
  /// What may stand beside a comparison.
  virtual syntax_ptr concatenation() = 0;

private:
  syntax_ptr word();
  syntax_ptr column();
  syntax_ptr integer_literal(syntax_ptr x, bool negative);
  syntax_ptr timestamp_literal();
  syntax_ptr case_of();
  syntax_ptr cast();
  bool type_name(data_type& out);
  syntax_ptr call();
  syntax_ptr closed(syntax_ptr x);
  syntax_ptr unit();
  syntax_ptr extract(syntax_ptr x);
  syntax_ptr trim(syntax_ptr x);
  syntax_ptr position(syntax_ptr x);
};

} // namespace keyfold::expressions
