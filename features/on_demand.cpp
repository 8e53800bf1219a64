#include "features/on_demand.hpp"

#include "features/timestamp_format.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace keyfold {

namespace {

template <class T>
std::optional<T> number_of(std::string_view text) {
  T x{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (problem != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return x;
}

} // namespace

bool on_demand_view::needs(uint32_t number, size_t parameter) const {
  auto columns = features[number].value.columns();
  return std::binary_search(columns.begin(), columns.end(), sources.size() + parameter);
}

feature_value on_demand_view::compute(uint32_t number, std::span<const feature_value> from,
                                      std::span<const cell> given, arena& memory) const {
  auto row = memory.allocate_cells(sources.size() + parameters.size());
  feature_value out;
  auto found = sources.empty();
  for (size_t i = 0; i < sources.size(); ++i) {
    // A value that is over is known, and no longer to be used.
    if (from[i].status == feature_status::present)
      row[i] = from[i].value;
    out.at = std::max(out.at, from[i].at);
    found = found || from[i].status != feature_status::not_found;
  }
  std::copy(given.begin(), given.end(), row.begin() + static_cast<ptrdiff_t>(sources.size()));
  out.value = features[number].value.evaluate(row, memory);
  if (!out.value.is_null())
    out.status = feature_status::present;
  else
    out.status = found ? feature_status::null_value : feature_status::not_found;
  return out;
}

std::optional<cell> read_parameter(std::string_view text, const data_type& type) {
  switch (type.kind) {
  case type_kind::boolean:
    if (text != "true" && text != "false")
      return std::nullopt;
    return cell::boolean(text == "true");
  case type_kind::int32:
    if (auto x = number_of<int32_t>(text))
      return cell::integer(*x);
    return std::nullopt;
  case type_kind::int64:
    if (auto x = number_of<int64_t>(text))
      return cell::integer(*x);
    return std::nullopt;
  case type_kind::float32:
  case type_kind::float64:
    if (auto x = number_of<double>(text); x && std::isfinite(*x))
      return cell::real(*x);
    return std::nullopt;
  case type_kind::string:
    return cell::string(text);
  case type_kind::timestamp:
    if (auto at = parse_timestamp(text, timestamp_unit::rfc3339))
      return cell::timestamp(*at);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

bool can_be_parameter(const data_type& type) noexcept {
  return type.kind == type_kind::boolean || is_integer(type.kind) || is_real(type.kind)
         || type.kind == type_kind::string || type.kind == type_kind::timestamp;
}

} // namespace keyfold
