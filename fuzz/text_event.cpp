#include "decoding.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace {

using namespace keyfold;

std::shared_ptr<const stream_schema> some_types() {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "fuzzed";
  auto add = [&](std::string name, std::string_view type) {
    stream_field x;
    x.path = {name};
    x.name = std::move(name);
    x.type = *parse_data_type(type);
    schema->fields.push_back(std::move(x));
  };
  add("a", "string");
  add("b", "int64");
  add("c", "list<double>");
  add("d", "map<string,bytes>");
  add("e", "decimal(18,2)");
  return schema;
}

} // namespace

/// Arbitrary bytes as a CSV record, as a CSV header and as `key=value` parts are decoded or
/// refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto schema = some_types();
  static const auto csv = [] {
    record_format_settings of;
    of.format = record_format::csv;
    of.columns = {"a", "b", "c", "d", "e"};
    return of;
  }();
  static const auto text = [] {
    record_format_settings of;
    of.format = record_format::text;
    return of;
  }();
  static const auto csv_decoder = *make_record_decoder(schema, csv);
  static const auto text_decoder = *make_record_decoder(schema, text);
  static event_batch_builder rows{schema, 1};
  std::string_view record{reinterpret_cast<const char*>(data), size};
  fuzz::check_decoding(*csv_decoder, rows, record);
  fuzz::check_decoding(*text_decoder, rows, record);
  auto with_header = make_record_decoder(schema, csv);
  if (with_header && (*with_header)->read_header(record))
    fuzz::check_decoding(**with_header, rows, record);
  return 0;
}
