#pragma once

#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads what a stream in Avro needs to know: its schema or registry, and what its fields say of
/// names, defaults and symbols. Complains of such keys where the stream is not in Avro.
/// @pre the stream's source and format have been read into `to`
void read_avro_stream(const node& stream, const node& definition, stream_plan& to);

/// The same of an output whose formats have been read into `to`.
void read_avro_output(const node& output, const node& definition, output_plan& to);

/// Complains of what only fields of streams in Avro can have.
void refuse_avro_fields(const node& fields);

} // namespace keyfold::config
