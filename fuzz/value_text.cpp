// Single values as texts: of records' fields, of keys, of a definition's quantities and types.
#include "config/quantities.hpp"
#include "connectors/formats/base64.hpp"
#include "connectors/formats/text_value.hpp"
#include "features/data_type.hpp"
#include "features/decimal.hpp"
#include "features/entity_key.hpp"

#include "choices.hpp"
#include "values.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace keyfold;

constexpr std::array types{"bool",   "int32", "int64",         "float",        "double",
                           "string", "bytes", "decimal(18,4)", "decimal(5,5)", "timestamp"};

const std::vector<data_type>& all_types() {
  static const auto made = [] {
    std::vector<data_type> out;
    for (const auto* x : types)
      out.push_back(parse_data_type(x).value());
    return out;
  }();
  return made;
}

void fuzz_field(std::string_view text) {
  arena memory;
  stream_field field;
  for (const auto& type : all_types()) {
    cell out;
    if (read_text_value(text, type, field, memory, out))
      fuzz::check_value(out, type);
  }
  if (sample(text).size() > 256)
    std::abort();
}

/// A key that was taken apart is the same when put together: canonical texts name keys in the
/// ledger and in outputs.
void fuzz_key(std::string_view text, fuzz::choices from) {
  std::vector<data_type> fields;
  for (auto i = from.byte() % 3 + 1; i > 0; --i)
    fields.push_back(all_types()[from.byte() % types.size()]);
  arena memory;
  auto cells = parse_entity_key(text, fields, memory);
  if (!cells)
    return;
  for (size_t i = 0; i < fields.size(); ++i)
    fuzz::check_value((*cells)[i], fields[i]);
  std::string canonical;
  if (!append_entity_key(*cells, canonical))
    std::abort();
  auto again = parse_entity_key(canonical, fields, memory);
  std::string twice;
  if (!again || !append_entity_key(*again, twice) || twice != canonical)
    std::abort();
}

void fuzz_definition_text(std::string_view text) {
  auto length = config::parse_duration(text);
  if (length ? *length < duration{0} : length.error().message.empty())
    std::abort();
  auto size = config::parse_size(text);
  if (!size && size.error().message.empty())
    std::abort();
  auto type = parse_data_type(text);
  if (type && parse_data_type(to_string(*type)) != *type)
    std::abort();
}

void fuzz_base64(std::string_view text) {
  auto size = base64_size(text);
  if (!size)
    return;
  std::string bytes(*size, '\0');
  if (!decode_base64(text, bytes.data()))
    return;
  std::string written;
  append_base64(bytes, written);
  std::string again(base64_size(written).value(), '\0');
  if (!decode_base64(written, again.data()) || again != bytes)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::choices from{data, size};
  fuzz::choices how{data, std::min<size_t>(size, 4)};
  from.text(4);
  fuzz_field(from.rest());
  fuzz_key(from.rest(), how);
  fuzz_definition_text(from.rest());
  fuzz_base64(from.rest());
  return 0;
}
