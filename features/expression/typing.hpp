#pragma once

#include "features/expression/node.hpp"
#include "features/expression/syntax.hpp"

#include "features/expression.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::expressions {

/// A compiled part with its type.
struct typed_node {
  node code;
  data_type type;
  const syntax* from = nullptr;
  bool constant = false;
};

/// Gives a syntax tree its types and turns it into nodes; parts without a column are computed at
/// once. For one tree; after the first error every function returns nothing.
class typer {
public:
  /// @param memory where the texts of literals are kept; must live as long as the nodes
  typer(const scope& columns, arena& memory) : columns_(columns), memory_(memory) {}

  std::optional<typed_node> typed(const syntax& x);
  const expression_error& error() const noexcept { return error_; }
  /// Of the scope, those that the tree reads; ascending, each once.
  std::vector<uint32_t> columns_read() const;

private:
  using maybe = std::optional<typed_node>;
  using parts = std::vector<typed_node>;
  using views = std::vector<const typed_node*>;

  // typing.cpp: literals, columns, operators
  maybe literal(const syntax& x);
  maybe column(const syntax& x);
  maybe junction(const syntax& x);
  maybe negation(const syntax& x);
  maybe sign_change(const syntax& x);
  maybe arithmetic(const syntax& x, operation what);
  maybe decimal_arithmetic(const syntax& x, operation what, typed_node left, typed_node right);
  maybe comparison(const syntax& x);
  /// The children as values of one kind that can be compared; complains where there is none.
  std::optional<std::pair<type_kind, parts>> comparable_children(const syntax& x);
  maybe membership(const syntax& x);
  maybe between(const syntax& x);
  maybe like(const syntax& x);
  maybe null_test(const syntax& x);
  maybe element(const syntax& x);
  maybe cast(const syntax& x);
  maybe case_searched(const syntax& x);
  maybe case_simple(const syntax& x);

  // typing_functions.cpp
  maybe call(const syntax& x);
  maybe special_call(const syntax& x, bool& known);
  maybe plain_call(const syntax& x, parts children);
  maybe coalesce(const syntax& x);
  maybe nullif(const syntax& x);
  maybe extreme(const syntax& x);
  maybe concatenation(const syntax& x);
  /// The only argument, a number.
  maybe number_argument(const syntax& x);
  maybe absolute(const syntax& x);
  maybe sign(const syntax& x);
  maybe round(const syntax& x);
  maybe round_to_digits(const syntax& x);
  maybe modulo(const syntax& x);
  maybe truncate_time(const syntax& x);
  maybe extract(const syntax& x);
  maybe add_time(const syntax& x);
  maybe time_difference(const syntax& x);
  maybe to_timestamp(const syntax& x);
  maybe cardinality(const syntax& x);
  maybe contains(const syntax& x);
  template <class T, class Find>
  std::optional<T> unit_of(const syntax& x, Find find, std::string_view names);

  // typing_rules.cpp: what several of them need
  std::optional<parts> typed_children(const syntax& x);
  /// The children, as many as wanted: `usage` says how the function is called.
  std::optional<parts> arguments(const syntax& x, size_t fewest, size_t most,
                                 std::string_view usage);
  maybe refuse(size_t offset, std::string message);
  bool require(const typed_node& x, type_kind kind, std::string_view what);
  /// The type that all of `values` can become without loss, or an error.
  std::optional<data_type> common_type(const views& values, std::string_view what);
  /// What the values are compared as: numbers of different kinds are widened.
  std::optional<type_kind> comparable_as(const syntax& x, const views& values);
  std::optional<type_kind> comparable_as(const syntax& x, const data_type& a, const data_type& b);
  typed_node widened(typed_node x, type_kind to);
  typed_node converted(typed_node x, const data_type& to);
  /// The finished part: a literal when all that it is made of is constant.
  typed_node finished(const syntax& x, node code, data_type type, bool constant);
  static bool all_constant(const parts& values);
  static views views_of(const parts& values);
  static std::vector<node> nodes_of(parts values);

  const scope& columns_;
  arena& memory_;
  arena scratch_;
  std::vector<bool> read_;
  expression_error error_;
};

} // namespace keyfold::expressions
