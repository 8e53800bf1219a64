#include "decoding.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace {

using namespace keyfold;

/// One column of every type, and paths that overlap.
std::shared_ptr<const stream_schema> every_type() {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "fuzzed";
  auto add = [&](std::string name, std::string_view type, std::vector<std::string> path) {
    stream_field x;
    x.name = std::move(name);
    x.type = *parse_data_type(type);
    x.path = std::move(path);
    schema->fields.push_back(std::move(x));
  };
  add("a", "bool", {"a"});
  add("b", "int32", {"b"});
  add("c", "int64", {"c"});
  add("d", "float", {"d"});
  add("e", "double", {"e"});
  add("f", "decimal(9,3)", {"f"});
  add("g", "string", {"g"});
  add("h", "bytes", {"h"});
  add("i", "list<list<string>>", {"i"});
  add("j", "map<string,list<int32>>", {"j"});
  add("k", "string", {"n", "k"});
  add("l", "int64", {"n", "o", "l"});
  add("m", "map<string,string>", {"n", "o"});
  constexpr std::pair<const char*, timestamp_unit> units[] = {{"s", timestamp_unit::seconds},
                                                              {"t", timestamp_unit::milliseconds},
                                                              {"u", timestamp_unit::microseconds},
                                                              {"v", timestamp_unit::rfc3339},
                                                              {"w", timestamp_unit::pattern}};
  for (auto& [name, unit] : units) {
    add(name, "timestamp", {name});
    schema->fields.back().unit = unit;
    schema->fields.back().pattern = "%Y-%m-%d %H:%M:%S";
  }
  return schema;
}

} // namespace

/// Arbitrary bytes are decoded or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto schema = every_type();
  static const auto decoder = *make_record_decoder(schema, {});
  static event_batch_builder rows{schema, 1};
  fuzz::check_decoding(*decoder, rows, {reinterpret_cast<const char*>(data), size});
  return 0;
}
