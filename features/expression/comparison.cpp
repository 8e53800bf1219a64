#include "features/expression/comparison.hpp"

#include "features/decimal.hpp"

#include <algorithm>
#include <cmath>

namespace keyfold::expressions {

namespace {

std::strong_ordering order_integers(const cell& a, const cell& b) noexcept {
  return a.as_integer() <=> b.as_integer();
}

std::strong_ordering order_reals(const cell& a, const cell& b) noexcept {
  auto x = a.as_real();
  auto y = b.as_real();
  if (x < y)
    return std::strong_ordering::less;
  if (x > y)
    return std::strong_ordering::greater;
  return std::isnan(x) <=> std::isnan(y);
}

std::strong_ordering order_texts(const cell& a, const cell& b) noexcept {
  return a.as_text() <=> b.as_text();
}

double real_of(const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::real:
    return x.as_real();
  case cell_kind::decimal:
    return decimal_to_double(x.unscaled(), x.scale());
  default:
    return static_cast<double>(x.as_integer());
  }
}

cell decimal_of(const cell& x) noexcept {
  return x.kind() == cell_kind::decimal ? x : cell::decimal(x.as_integer(), 0);
}

/// Of any two kinds of number, as comparisons order them after widening one.
std::strong_ordering order_numbers(const cell& a, const cell& b) noexcept {
  if (a.kind() == cell_kind::real || b.kind() == cell_kind::real)
    return order_reals(cell::real(real_of(a)), cell::real(real_of(b)));
  return compare_decimals(decimal_of(a), decimal_of(b));
}

/// Two texts are seldom equal in size: finding out costs less than ordering them.
struct text_equality {
  static bool equal(const cell& a, const cell& b) noexcept { return a.as_text() == b.as_text(); }
};
struct integer_equality {
  static bool equal(const cell& a, const cell& b) noexcept {
    return a.as_integer() == b.as_integer();
  }
};
template <cell_order order>
struct ordered_equality {
  static bool equal(const cell& a, const cell& b) noexcept { return order(a, b) == 0; }
};

template <cell_order order, class equality, operation what>
bool holds_between(const cell& a, const cell& b) noexcept {
  if constexpr (what == operation::equal)
    return equality::equal(a, b);
  else if constexpr (what == operation::not_equal)
    return !equality::equal(a, b);
  else if constexpr (what == operation::less)
    return order(a, b) < 0;
  else if constexpr (what == operation::less_equal)
    return order(a, b) <= 0;
  else if constexpr (what == operation::greater)
    return order(a, b) > 0;
  else
    return order(a, b) >= 0;
}

template <cell_order order, class equality, operation what>
cell run_compare(const node& self, evaluation& with) {
  auto a = self.evaluate(0, with);
  if (a.is_null())
    return {};
  auto b = self.evaluate(1, with);
  if (b.is_null())
    return {};
  return cell::boolean(holds_between<order, equality, what>(a, b));
}

/// The commonest test of all, `column = literal`, without a call per operand.
template <cell_order order, class equality, operation what>
cell run_compare_column(const node& self, evaluation& with) {
  const auto& a = with.row[self.column];
  if (a.is_null())
    return {};
  return cell::boolean(holds_between<order, equality, what>(a, self.literal));
}

struct compare_functions {
  node::function general;
  node::function of_column;
};

template <cell_order order, class equality, operation what>
compare_functions both() noexcept {
  return {run_compare<order, equality, what>, run_compare_column<order, equality, what>};
}

template <cell_order order, class equality>
compare_functions functions_of(operation what) noexcept {
  switch (what) {
  case operation::equal:
    return both<order, equality, operation::equal>();
  case operation::not_equal:
    return both<order, equality, operation::not_equal>();
  case operation::less:
    return both<order, equality, operation::less>();
  case operation::less_equal:
    return both<order, equality, operation::less_equal>();
  case operation::greater:
    return both<order, equality, operation::greater>();
  default:
    return both<order, equality, operation::greater_equal>();
  }
}

compare_functions functions_of(operation what, type_kind kind) noexcept {
  switch (cell_kind_of(kind)) {
  case cell_kind::real:
    return functions_of<order_reals, ordered_equality<order_reals>>(what);
  case cell_kind::decimal:
    return functions_of<compare_decimals, ordered_equality<compare_decimals>>(what);
  case cell_kind::string:
  case cell_kind::bytes:
    return functions_of<order_texts, text_equality>(what);
  default:
    return functions_of<order_integers, integer_equality>(what);
  }
}

operation mirrored(operation what) noexcept {
  switch (what) {
  case operation::less:
    return operation::greater;
  case operation::less_equal:
    return operation::greater_equal;
  case operation::greater:
    return operation::less;
  case operation::greater_equal:
    return operation::less_equal;
  default:
    return what;
  }
}

bool is_literal(const node& x) {
  return x.run == literal_node({}).run;
}

bool is_column(const node& x) {
  return x.run == column_node(0).run;
}

cell run_between(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  if (x.is_null())
    return {};
  auto low = self.evaluate(1, with);
  if (!low.is_null() && self.order(x, low) < 0)
    return cell::boolean(false);
  auto high = self.evaluate(2, with);
  if (!high.is_null() && self.order(x, high) > 0)
    return cell::boolean(false);
  return low.is_null() || high.is_null() ? cell{} : cell::boolean(true);
}

cell run_in(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  if (x.is_null())
    return {};
  auto before = [&self](const cell& a, const cell& b) { return self.order(a, b) < 0; };
  if (std::binary_search(self.members.begin(), self.members.end(), x, before))
    return cell::boolean(true);
  auto unknown = self.has_null_member;
  for (size_t i = 1; i < self.children.size(); ++i) {
    auto member = self.evaluate(i, with);
    if (member.is_null())
      unknown = true;
    else if (self.order(x, member) == 0)
      return cell::boolean(true);
  }
  return unknown ? cell{} : cell::boolean(false);
}

cell run_case_simple(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  size_t i = 1;
  for (; i + 1 < self.children.size(); i += 2) {
    if (x.is_null())
      continue;
    auto wanted = self.evaluate(i, with);
    if (!wanted.is_null() && self.order(x, wanted) == 0)
      return self.evaluate(i + 1, with);
  }
  return i < self.children.size() ? self.evaluate(i, with) : cell{};
}

cell run_nullif(const node& self, evaluation& with) {
  auto a = self.evaluate(0, with);
  auto b = self.evaluate(1, with);
  return !a.is_null() && !b.is_null() && self.order(a, b) == 0 ? cell{} : a;
}

template <bool greatest>
cell run_extreme(const node& self, evaluation& with) {
  cell best;
  for (size_t i = 0; i < self.children.size(); ++i) {
    auto x = self.evaluate(i, with);
    if (x.is_null())
      continue;
    if (best.is_null() || (greatest ? self.order(x, best) > 0 : self.order(x, best) < 0))
      best = x;
  }
  return best;
}

node ordered_node(node::function run, type_kind kind, std::vector<node> children) {
  node x;
  x.run = run;
  x.order = order_of(kind);
  x.children = std::move(children);
  return x;
}

} // namespace

cell_order order_of(type_kind kind) noexcept {
  switch (cell_kind_of(kind)) {
  case cell_kind::list:
  case cell_kind::map:
    return nullptr;
  case cell_kind::real:
    return order_reals;
  case cell_kind::decimal:
    return compare_decimals;
  case cell_kind::string:
  case cell_kind::bytes:
    return order_texts;
  default:
    return order_integers;
  }
}

cell_order mixed_order_of(type_kind kind) noexcept {
  return is_numeric(kind) ? order_numbers : order_of(kind);
}

node compare_node(operation what, type_kind kind, node left, node right) {
  if (is_literal(left) && is_column(right)) {
    std::swap(left, right);
    what = mirrored(what);
  }
  auto functions = functions_of(what, kind);
  node x;
  if (is_column(left) && is_literal(right) && !right.literal.is_null()) {
    x.run = functions.of_column;
    x.column = left.column;
    x.literal = right.literal;
    return x;
  }
  x.run = functions.general;
  x.children.push_back(std::move(left));
  x.children.push_back(std::move(right));
  return x;
}

node between_node(type_kind kind, std::vector<node> children) {
  return ordered_node(run_between, kind, std::move(children));
}

node in_node(type_kind kind, std::vector<node> children) {
  std::vector<node> computed;
  std::vector<cell> members;
  auto null_member = false;
  for (auto& child : children) {
    auto first = &child == children.data();
    if (first || !is_literal(child))
      computed.push_back(std::move(child));
    else if (child.literal.is_null())
      null_member = true;
    else
      members.push_back(child.literal);
  }
  auto x = ordered_node(run_in, kind, std::move(computed));
  std::sort(members.begin(), members.end(),
            [&x](const cell& a, const cell& b) { return x.order(a, b) < 0; });
  x.members = std::move(members);
  x.has_null_member = null_member;
  return x;
}

node case_simple_node(type_kind compared, std::vector<node> children) {
  return ordered_node(run_case_simple, compared, std::move(children));
}

node nullif_node(type_kind compared, node value, node unwanted) {
  node x;
  x.run = run_nullif;
  x.order = mixed_order_of(compared);
  x.children.push_back(std::move(value));
  x.children.push_back(std::move(unwanted));
  return x;
}

node extreme_node(type_kind kind, bool greatest, std::vector<node> children) {
  return ordered_node(greatest ? run_extreme<true> : run_extreme<false>, kind, std::move(children));
}

} // namespace keyfold::expressions
