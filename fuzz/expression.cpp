#include "features/expression.hpp"
#include "values.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

using namespace keyfold;

namespace {

data_type type_of(const char* text) {
  return parse_data_type(text).value();
}

const scope& columns() {
  static const scope all{
      {"s", type_of("string"), true},        {"t", type_of("string"), true},
      {"n", type_of("int64"), true},         {"i", type_of("int32"), true},
      {"f", type_of("float"), true},         {"d", type_of("double"), true},
      {"m", type_of("decimal(18,4)"), true}, {"b", type_of("bool"), true},
      {"y", type_of("bytes"), true},         {"at", type_of("timestamp"), true},
      {"l", type_of("list<string>"), true},  {"k", type_of("map<string,int64>"), true},
  };
  return all;
}

constexpr size_t width = 12;

/// An ordinary row, one of extremes, one of nulls.
std::array<std::array<cell, width>, 3> rows() {
  static const std::array<cell, 2> items{cell::string("red"), cell{}};
  static const std::array<cell, 2> entries{cell::string("a"), cell::integer(1)};
  auto infinity = std::numeric_limits<double>::infinity();
  return {{{cell::string("like"), cell::string("Zo\xc3\xab"), cell::integer(7), cell::integer(3),
            cell::real(0.5), cell::real(2.25), cell::decimal(125000, 4), cell::boolean(true),
            cell::bytes("\xff"), cell::timestamp(event_time{duration{1'709'212'455'250'000}}),
            cell::list(items), cell::map(entries)},
           {cell::string("\x80%_"), cell::string(""),
            cell::integer(std::numeric_limits<int64_t>::min()),
            cell::integer(std::numeric_limits<int32_t>::max()), cell::real(-infinity),
            cell::real(std::numeric_limits<double>::quiet_NaN()),
            cell::decimal(-999'999'999'999'999'999, 4), cell::boolean(false), cell::bytes(""),
            cell::timestamp(end_of_time), cell::list({}), cell::map({})},
           {}}};
}

} // namespace

/// Any text compiles or is refused with a place inside it; what compiled gives values of its type.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  auto compiled = compile_expression(text, columns());
  if (!compiled) {
    if (compiled.error().message.empty() || compiled.error().offset > size)
      std::abort();
    return 0;
  }
  arena scratch;
  for (const auto& row : rows()) {
    scratch.clear();
    fuzz::check_value(compiled->evaluate(row, scratch), compiled->type());
  }
  return 0;
}
