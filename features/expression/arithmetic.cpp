#include "features/expression/arithmetic.hpp"

#include "features/decimal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace keyfold::expressions {

namespace {

__extension__ using wide = __int128;

template <operation what>
cell of_integers(int64_t a, int64_t b) noexcept {
  int64_t x = 0;
  if constexpr (what == operation::add) {
    if (__builtin_add_overflow(a, b, &x))
      return {};
  } else if constexpr (what == operation::subtract) {
    if (__builtin_sub_overflow(a, b, &x))
      return {};
  } else if constexpr (what == operation::multiply) {
    if (__builtin_mul_overflow(a, b, &x))
      return {};
  } else if constexpr (what == operation::divide) {
    if (b == 0 || (b == -1 && a == std::numeric_limits<int64_t>::min()))
      return {};
    x = a / b;
  } else {
    if (b == 0)
      return {};
    // The least integer has no remainder by -1 in the processor's eyes.
    x = b == -1 ? 0 : a % b;
  }
  return cell::integer(x);
}

template <operation what>
cell of_reals(double a, double b) noexcept {
  if constexpr (what == operation::add)
    return finite_real(a + b);
  else if constexpr (what == operation::subtract)
    return finite_real(a - b);
  else if constexpr (what == operation::multiply)
    return finite_real(a * b);
  else if constexpr (what == operation::divide)
    return finite_real(a / b);
  else
    return finite_real(std::fmod(a, b));
}

cell decimal_of(wide x, uint8_t scale) noexcept {
  auto limit = static_cast<wide>(powers_of_ten.back());
  if (x >= limit || x <= -limit)
    return {};
  return cell::decimal(static_cast<int64_t>(x), scale);
}

/// `x / y`, rounded half away from zero. @pre `y` is not zero
wide rounded_quotient(wide x, wide y) noexcept {
  auto quotient = x / y;
  auto remainder = x % y;
  auto twice = (remainder < 0 ? -remainder : remainder) * 2;
  if (twice >= (y < 0 ? -y : y))
    quotient += (x < 0) == (y < 0) ? 1 : -1;
  return quotient;
}

/// `a / b` with `scale` digits after the point.
cell quotient_of(const cell& a, const cell& b, uint8_t scale) noexcept {
  if (b.unscaled() == 0)
    return {};
  auto x = static_cast<wide>(a.unscaled());
  // Where this overflows, the quotient has more than 18 digits: the divisor is below 10^19.
  for (auto shift = int{scale} - a.scale() + b.scale(); shift > 0;) {
    auto step = std::min(shift, decimal_digits);
    if (__builtin_mul_overflow(x, static_cast<wide>(powers_of_ten[static_cast<size_t>(step)]), &x))
      return {};
    shift -= step;
  }
  return decimal_of(rounded_quotient(x, b.unscaled()), scale);
}

template <operation what>
cell of_decimals(const cell& a, const cell& b, uint8_t scale) noexcept {
  if constexpr (what == operation::divide)
    return quotient_of(a, b, scale);
  if constexpr (what == operation::multiply)
    return decimal_of(static_cast<wide>(a.unscaled()) * b.unscaled(), scale);
  auto x = static_cast<wide>(a.unscaled()) * powers_of_ten[size_t{scale} - a.scale()];
  auto y = static_cast<wide>(b.unscaled()) * powers_of_ten[size_t{scale} - b.scale()];
  if constexpr (what == operation::add)
    return decimal_of(x + y, scale);
  if constexpr (what == operation::subtract)
    return decimal_of(x - y, scale);
  return y == 0 ? cell{} : decimal_of(x % y, scale);
}

template <operation what, type_kind kind>
cell run_arithmetic(const node& self, evaluation& with) {
  auto a = self.evaluate(0, with);
  if (a.is_null())
    return {};
  auto b = self.evaluate(1, with);
  if (b.is_null())
    return {};
  if constexpr (kind == type_kind::int64)
    return of_integers<what>(a.as_integer(), b.as_integer());
  else if constexpr (kind == type_kind::float64)
    return of_reals<what>(a.as_real(), b.as_real());
  else
    return of_decimals<what>(a, b, static_cast<uint8_t>(self.detail));
}

template <operation what>
node::function function_of(type_kind kind) noexcept {
  switch (kind) {
  case type_kind::float64:
    return run_arithmetic<what, type_kind::float64>;
  case type_kind::decimal:
    return run_arithmetic<what, type_kind::decimal>;
  default:
    return run_arithmetic<what, type_kind::int64>;
  }
}

node::function function_of(operation what, type_kind kind) noexcept {
  switch (what) {
  case operation::add:
    return function_of<operation::add>(kind);
  case operation::subtract:
    return function_of<operation::subtract>(kind);
  case operation::multiply:
    return function_of<operation::multiply>(kind);
  case operation::divide:
    return function_of<operation::divide>(kind);
  default:
    return function_of<operation::modulo>(kind);
  }
}

cell negated(const cell& x) noexcept {
  if (x.kind() == cell_kind::real)
    return cell::real(-x.as_real());
  auto y = of_integers<operation::subtract>(0, x.as_integer());
  if (x.kind() == cell_kind::decimal && !y.is_null())
    return cell::decimal(y.as_integer(), x.scale());
  return y;
}

bool is_negative(const cell& x) noexcept {
  return x.kind() == cell_kind::real ? std::signbit(x.as_real()) : x.as_integer() < 0;
}

cell negate(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return negated(x);
}

cell absolute(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  return is_negative(x) ? negated(x) : x;
}

cell sign(const cell& x, const node& /*self*/, evaluation& /*with*/) {
  if (x.kind() == cell_kind::real) {
    auto real = x.as_real();
    return std::isnan(real) ? cell{} : cell::integer(real > 0 ? 1 : real < 0 ? -1 : 0);
  }
  return cell::integer(x.as_integer() > 0 ? 1 : x.as_integer() < 0 ? -1 : 0);
}

cell round_decimal(const cell& x, const node& self, evaluation& /*with*/) {
  auto scale = static_cast<uint8_t>(self.detail);
  if (scale >= x.scale())
    return decimal_of(static_cast<wide>(x.unscaled()) * powers_of_ten[size_t{scale} - x.scale()],
                      scale);
  auto unit = powers_of_ten[size_t{x.scale()} - scale];
  auto how = static_cast<rounding>(self.precision);
  if (how == rounding::half_away)
    return decimal_of(rounded_quotient(x.unscaled(), unit), scale);
  auto down = x.unscaled() / unit - (x.unscaled() % unit < 0 ? 1 : 0);
  auto up = x.unscaled() / unit + (x.unscaled() % unit > 0 ? 1 : 0);
  return decimal_of(how == rounding::floor ? down : up, scale);
}

cell round_real(const cell& x, const node& self, evaluation& /*with*/) {
  switch (static_cast<rounding>(self.precision)) {
  case rounding::floor:
    return cell::real(std::floor(x.as_real()));
  case rounding::ceiling:
    return cell::real(std::ceil(x.as_real()));
  case rounding::half_away:
    break;
  }
  return cell::real(std::round(x.as_real()));
}

node unary_node(node::function run, node child) {
  node x;
  x.run = run;
  x.children.push_back(std::move(child));
  return x;
}

} // namespace

node arithmetic_node(operation what, type_kind kind, uint8_t scale, node left, node right) {
  node x;
  x.run = function_of(what, kind);
  x.detail = scale;
  x.children.push_back(std::move(left));
  x.children.push_back(std::move(right));
  return x;
}

node negate_node(node child) {
  return unary_node(strict_unary<negate>, std::move(child));
}

node absolute_node(node child) {
  return unary_node(strict_unary<absolute>, std::move(child));
}

node sign_node(node child) {
  return unary_node(strict_unary<sign>, std::move(child));
}

node round_decimal_node(rounding how, uint8_t scale, node child) {
  auto x = unary_node(strict_unary<round_decimal>, std::move(child));
  x.detail = scale;
  x.precision = static_cast<int32_t>(how);
  return x;
}

node round_real_node(rounding how, node child) {
  auto x = unary_node(strict_unary<round_real>, std::move(child));
  x.precision = static_cast<int32_t>(how);
  return x;
}

} // namespace keyfold::expressions
