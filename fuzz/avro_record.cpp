#include "decoding.hpp"

#include "connectors/formats/avro/avro_decoder.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace {

using namespace keyfold;

/// Every type, read and skipped.
constexpr std::string_view writer = R"({"type":"record","name":"r","fields":[
  {"name":"a","type":"boolean"}, {"name":"b","type":"int"}, {"name":"c","type":["null","long"]},
  {"name":"d","type":"float"}, {"name":"e","type":"double"},
  {"name":"f","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}},
  {"name":"g","type":["string","long","null"]},
  {"name":"h","type":{"type":"fixed","name":"F","size":3}},
  {"name":"i","type":{"type":"array","items":{"type":"array","items":["null","string"]}}},
  {"name":"j","type":{"type":"map","values":{"type":"array","items":"int"}}},
  {"name":"n","type":["null",{"type":"record","name":"N","fields":[
     {"name":"k","type":{"type":"enum","name":"E","symbols":["x","y"]}},
     {"name":"o","type":["null","N"]}, {"name":"s","type":"F"}]}]},
  {"name":"skipped","type":{"type":"map","values":["null","N","F",{"type":"array","items":"double"}]}},
  {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"u","type":{"type":"int","logicalType":"date"}}, {"name":"v","type":"long"}]})";

std::shared_ptr<const stream_schema> every_type() {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "fuzzed";
  auto add = [&](std::string name, std::string_view type, std::vector<std::string> path) {
    stream_field x;
    x.name = std::move(name);
    x.type = *parse_data_type(type);
    x.path = std::move(path);
    x.unit = timestamp_unit::seconds;
    schema->fields.push_back(std::move(x));
  };
  for (auto [name, type] : {std::pair{"a", "bool"},
                            {"b", "int32"},
                            {"c", "int64"},
                            {"d", "float"},
                            {"e", "double"},
                            {"f", "decimal(9,3)"},
                            {"g", "string"},
                            {"h", "bytes"},
                            {"i", "list<list<string>>"},
                            {"j", "map<string,list<int32>>"},
                            {"t", "timestamp"},
                            {"u", "timestamp"},
                            {"v", "timestamp"}})
    add(name, type, {name});
  add("k", "string", {"n", "k"});
  add("l", "string", {"n", "o", "o", "k"});
  add("m", "string", {"u"});
  return schema;
}

std::unique_ptr<record_decoder> make_decoder(std::shared_ptr<const stream_schema> columns) {
  auto settings = std::make_shared<avro::format>();
  settings->fixed = std::make_shared<avro::schema>(*avro::parse_schema(writer));
  return std::move(*avro::avro_decoder::make(std::move(columns), settings));
}

} // namespace

/// Arbitrary bytes are decoded or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto schema = every_type();
  static const auto decoder = make_decoder(schema);
  static event_batch_builder rows{schema, 1};
  fuzz::check_decoding(*decoder, rows, {reinterpret_cast<const char*>(data), size});
  return 0;
}
