#pragma once

#include "config/node.hpp"
#include "config/plan.hpp"

namespace keyfold::config {

/// Reads a stream's `source`, `format` into `to`.
void read_source(const node& stream, const std::string& application, stream_plan& to);

/// Complains of settings of librdkafka that the definition sets itself.
/// @param owned name → what to use instead
void refuse_owned_properties(const node& properties,
                             const std::vector<std::pair<std::string, std::string>>& owned);

/// Reads how a CSV file is written: `header`, `columns`, `delimiter`.
format_settings read_csv_format(const node& at);

} // namespace keyfold::config
