// For differential.py: reads and writes Avro as the connectors do. Each line of standard input is a
// question in JSON, each line of standard output its answer.
//   {"schema": TEXT, "columns": [{"name", "type", "path", "unit"?, "aliases"?, "default"?,
//   "symbols"?}],
//    "records": [HEX]}
//     -> {"problem": TEXT} or {"rows": [[VALUE] or TEXT]}, where a text is the reason of a refusal
//   {"view": NAME, "columns": [{"name", "type"}], "rows": [{NAME: VALUE}]}
//     -> {"schema": TEXT, "records": [HEX]}
#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/avro/frame.hpp"
#include "connectors/formats/avro/row_encoder.hpp"
#include "connectors/formats/row_writer.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <stdexcept>

namespace {

using namespace keyfold;
using nlohmann::json;

std::string from_hex(const std::string& text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (auto c : bytes)
    out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

timestamp_unit unit_of(const std::string& name) {
  return name == "s"    ? timestamp_unit::seconds
         : name == "ms" ? timestamp_unit::milliseconds
         : name == "us" ? timestamp_unit::microseconds
                        : timestamp_unit::rfc3339;
}

std::shared_ptr<stream_schema> columns_of(const json& question) {
  auto out = std::make_shared<stream_schema>();
  out->name = "probe";
  for (const auto& x : question["columns"]) {
    stream_field field;
    field.name = x["name"].get<std::string>();
    auto type = parse_data_type(x["type"].get<std::string>());
    if (!type)
      throw std::runtime_error{type.error().message};
    field.type = *type;
    field.path = x.value("path", std::vector<std::string>{field.name});
    field.unit = unit_of(x.value("unit", std::string{}));
    out->fields.push_back(std::move(field));
  }
  return out;
}

json value_of(const cell& x, const data_type& type) {
  std::string text;
  append_json_value(x, type, text);
  return text;
}

json decoded(const json& question) {
  auto columns = columns_of(question);
  auto settings = std::make_shared<avro::format>();
  auto schema = avro::parse_schema(question["schema"].get<std::string>());
  if (!schema)
    return {{"problem", schema.error().message}};
  settings->fixed = std::make_shared<avro::schema>(std::move(*schema));
  for (const auto& x : question["columns"]) {
    auto& options = settings->columns[x["name"].get<std::string>()];
    options.aliases = x.value("aliases", std::vector<std::string>{});
    options.symbols = x.value("symbols", std::vector<std::string>{});
    if (x.contains("default"))
      options.missing = x["default"].get<std::string>();
  }
  auto decoder = avro::avro_decoder::make(columns, settings);
  if (!decoder)
    return {{"problem", decoder.error().message}};
  auto rows = json::array();
  event_batch_builder builder{columns, 1};
  for (const auto& x : question["records"]) {
    auto record = from_hex(x.get<std::string>());
    auto read = (*decoder)->decode(record, event_time{}, builder);
    auto batch = builder.build();
    if (!read) {
      rows.push_back(read.error().message);
      continue;
    }
    auto row = json::array();
    for (size_t i = 0; i < columns->fields.size(); ++i)
      row.push_back(value_of(batch->row(0)[i], columns->fields[i].type));
    rows.push_back(std::move(row));
  }
  return {{"rows", std::move(rows)}};
}

json encoded(const json& question) {
  auto columns = columns_of(question);
  change_columns described;
  described.view = question["view"].get<std::string>();
  for (const auto& x : columns->fields)
    described.values.push_back({x.name, x.type});
  auto schemas = avro::derive_schemas(described, "probe");
  if (!schemas)
    return {{"problem", schemas.error().message}};
  auto writer = avro::make_row_encoder(described, 1, 2);
  auto reader = make_record_decoder(columns, {});
  auto records = json::array();
  event_batch_builder builder{columns, 1};
  for (const auto& x : question["rows"]) {
    if (auto read = (*reader)->decode(x.dump(), event_time{}, builder); !read)
      return {{"problem", read.error().message}};
    auto batch = builder.build();
    std::string out;
    writer->write_value({}, batch->row(0), out);
    records.push_back(to_hex(std::string_view{out}.substr(avro::frame_bytes)));
  }
  return {{"schema", schemas->value}, {"records", std::move(records)}};
}

} // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    auto question = json::parse(line);
    std::cout << (question.contains("schema") ? decoded(question) : encoded(question))
                     .dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }
}
