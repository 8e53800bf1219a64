#include "app/wiring/formats.hpp"

namespace keyfold {

record_format_settings format_of(const config::format_settings& x) {
  record_format_settings result;
  result.format = static_cast<record_format>(x.format);
  result.part_separator = x.part_separator;
  result.value_separator = x.value_separator;
  result.delimiter = x.delimiter;
  result.header = x.header;
  result.columns = x.columns;
  return result;
}
static_assert(
    static_cast<int>(record_format::json) == static_cast<int>(config::record_format::json)
    && static_cast<int>(record_format::csv) == static_cast<int>(config::record_format::csv)
    && static_cast<int>(record_format::text) == static_cast<int>(config::record_format::text)
    && static_cast<int>(record_format::avro) == static_cast<int>(config::record_format::avro));

row_format format_of(const config::output_format& x) {
  using kind = config::output_format::kind;
  return x.is == kind::csv    ? row_format::csv
         : x.is == kind::avro ? row_format::avro
                              : row_format::json;
}

row_style style_of(const config::output_format& x) {
  return {x.list_separator, x.timestamp_pattern};
}

} // namespace keyfold
