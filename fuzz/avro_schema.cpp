#include "connectors/formats/avro/program.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace {

using namespace keyfold;

std::shared_ptr<const stream_schema> some_columns() {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "fuzzed";
  for (auto [name, type] : {std::pair{"a", "string"}, {"b", "int64"}, {"c", "list<string>"}}) {
    stream_field x;
    x.name = name;
    x.type = *parse_data_type(type);
    x.path = {name};
    schema->fields.push_back(x);
    x.name += "_inside";
    x.path = {"a", name};
    schema->fields.push_back(std::move(x));
  }
  return schema;
}

} // namespace

/// Arbitrary text is a schema or is refused; of each schema a program is made or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto columns = some_columns();
  auto parsed = avro::parse_schema({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    if (parsed.error().message.empty())
      std::abort();
    return 0;
  }
  auto made = avro::program::make(*parsed, columns, {});
  if (made ? (*made)->code.empty() || (*made)->code.size() > avro::program::max_instructions
           : made.error().message.empty())
    std::abort();
  return 0;
}
