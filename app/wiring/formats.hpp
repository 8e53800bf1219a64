#pragma once

#include "config/plan.hpp"
#include "connectors/formats/record_decoder.hpp"
#include "connectors/formats/row_writer.hpp"

namespace keyfold {

/// How a stream's or a table's records are decoded. Of Avro see `make_avro_format`.
record_format_settings format_of(const config::format_settings& x);

/// How an output's keys or values are written.
row_format format_of(const config::output_format& x);
row_style style_of(const config::output_format& x);

} // namespace keyfold
