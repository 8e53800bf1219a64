#pragma once

#include "connectors/formats/row_writer.hpp"
#include "features/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace keyfold::avro {

/// The schemas of an output's records, in JSON.
struct row_schemas {
  std::string key;
  std::string value;
};

/// Makes the schemas of one view's or stream's records: `NAMESPACE.VIEW` and `NAMESPACE.VIEW_key`.
/// Every field may be null, and its default is null, so that fields can come and go. Names become
/// Avro's: what it does not allow in them becomes `_`, and `doc` keeps the column's name.
/// @return an error names two columns whose names become the same
result<row_schemas> derive_schemas(const change_columns& columns, const std::string& name_space);

/// Writes rows by the schemas of `derive_schemas`, each framed with its number.
std::unique_ptr<row_writer> make_row_encoder(const change_columns& columns, int32_t key_id,
                                             int32_t value_id);

/// Appends a value that may be null as Avro's binary encoding. @pre `value` is null or of `type`
void append_value(const cell& value, const data_type& type, std::string& out);

} // namespace keyfold::avro
