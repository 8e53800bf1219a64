#include "features/expression/functions.hpp"

#include <algorithm>
#include <cmath>

namespace keyfold::expressions {

namespace {

using arguments = std::span<const cell>;

cell power(arguments x, evaluation& /*with*/) {
  return finite_real(std::pow(x[0].as_real(), x[1].as_real()));
}

cell square_root(arguments x, evaluation& /*with*/) {
  return finite_real(std::sqrt(x[0].as_real()));
}

cell natural_logarithm(arguments x, evaluation& /*with*/) {
  return finite_real(std::log(x[0].as_real()));
}

cell exponential(arguments x, evaluation& /*with*/) {
  return finite_real(std::exp(x[0].as_real()));
}

/// To `x[1]` digits after the point; before it, when that is negative.
cell round_to_digits(arguments x, evaluation& /*with*/) {
  auto value = x[0].as_real();
  auto digits = std::clamp(x[1].as_integer(), int64_t{-400}, int64_t{400});
  auto power = std::pow(10.0, static_cast<double>(std::abs(digits)));
  auto scaled = digits >= 0 ? value * power : value / power;
  // A number so large, or so many digits, that there is nothing to round.
  if (digits > 0 && !(std::fabs(scaled) < 9007199254740992.0))
    return finite_real(value);
  auto rounded = std::round(scaled);
  return finite_real(digits >= 0 ? rounded / power : rounded == 0 ? 0.0 : rounded * power);
}

constexpr auto d = type_kind::float64;
constexpr auto none = type_kind::null;

constexpr std::array signatures{
    function_signature{"POWER", {d, d, none, none}, 2, 2, d, strict<power>},
    function_signature{"POW", {d, d, none, none}, 2, 2, d, strict<power>},
    function_signature{"SQRT", {d, none, none, none}, 1, 1, d, strict<square_root>},
    function_signature{"LN", {d, none, none, none}, 1, 1, d, strict<natural_logarithm>},
    function_signature{"EXP", {d, none, none, none}, 1, 1, d, strict<exponential>},
    function_signature{
        "ROUND", {d, type_kind::int64, none, none}, 2, 2, d, strict<round_to_digits>},
};

} // namespace

std::span<const function_signature> number_functions() noexcept {
  return signatures;
}

} // namespace keyfold::expressions
