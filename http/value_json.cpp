#include "http/value_json.hpp"

#include <chrono>

namespace keyfold::http {

namespace {

void write_list(json_writer& out, std::span<const cell> items, value_dialect dialect) {
  auto feast = dialect == value_dialect::feast;
  bool any = !feast;
  for (const auto& item : items)
    any |= !item.is_null();
  if (!any) {
    out.null();
    return;
  }
  out.raw('[');
  for (const auto& item : items) {
    if (feast && item.is_null())
      continue;
    write_value(out, item, dialect);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(']');
}

void write_map(json_writer& out, std::span<const cell> entries, value_dialect dialect) {
  out.raw('{');
  for (size_t i = 0; i + 1 < entries.size(); i += 2) {
    out.string(entries[i].as_text());
    out.raw(':');
    write_value(out, entries[i + 1], dialect);
    out.raw(',');
  }
  out.drop_comma();
  out.raw('}');
}

} // namespace

void write_value(json_writer& out, const cell& x, value_dialect dialect) {
  switch (x.kind()) {
  case cell_kind::null:
    return out.null();
  case cell_kind::boolean:
    return out.boolean(x.as_boolean());
  case cell_kind::integer:
    return out.integer(x.as_integer());
  case cell_kind::real:
    return out.real(x.as_real());
  case cell_kind::decimal:
    return out.decimal(x.unscaled(), x.scale());
  case cell_kind::string:
    return out.string(x.as_text());
  case cell_kind::bytes:
    return out.base64(x.as_text());
  case cell_kind::timestamp:
    if (dialect == value_dialect::feast)
      return out.integer(
          std::chrono::floor<std::chrono::seconds>(x.as_timestamp()).time_since_epoch().count());
    return out.timestamp(x.as_timestamp());
  case cell_kind::list:
    return write_list(out, x.items(), dialect);
  case cell_kind::map:
    return write_map(out, x.items(), dialect);
  }
}

std::string_view status_name(feature_status status) noexcept {
  switch (status) {
  case feature_status::present:
    return "PRESENT";
  case feature_status::null_value:
    return "NULL_VALUE";
  case feature_status::not_found:
    return "NOT_FOUND";
  case feature_status::outside_max_age:
    return "OUTSIDE_MAX_AGE";
  }
  return "NOT_FOUND";
}

} // namespace keyfold::http
