#pragma once

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/table_layout.hpp"

#include <optional>
#include <string>

namespace keyfold::postgres {

/// What the catalogue says of a table; nothing where there is none of that name.
/// @param name as in SQL, with or without a schema
outcome<std::optional<catalog_table>> describe_table(connection& with, const std::string& name);

} // namespace keyfold::postgres
