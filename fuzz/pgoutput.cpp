#include "connectors/postgres/pgoutput.hpp"
#include "connectors/postgres/replicated_table.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace keyfold;
using namespace keyfold::postgres;

table_settings wanted() {
  auto schema = std::make_shared<stream_schema>();
  for (const char* of : {"int32", "string", "timestamp", "decimal(9,3)", "bytes"}) {
    auto& x = schema->fields.emplace_back();
    x.name = std::string(1, of[0]);
    x.type = *parse_data_type(of);
    x.path = {x.name};
  }
  return {"t", {}, "t", schema, {0}};
}

void read_change(change_reader& reader, const pgoutput::message& x) {
  std::string why;
  table_copy::step made;
  std::string before;
  auto old = [&](const std::string&) { return std::optional<std::string>{before}; };
  if (const auto* relation = std::get_if<pgoutput::relation>(&x))
    reader.see(*relation, why);
  else if (const auto* inserted = std::get_if<pgoutput::insert>(&x);
           inserted != nullptr && reader.knows(inserted->relation))
    reader.put(inserted->now, old, made, why);
  else if (const auto* updated = std::get_if<pgoutput::update>(&x);
           updated != nullptr && reader.knows(updated->relation))
    reader.put(updated->now, old, made, why);
  else if (const auto* erased = std::get_if<pgoutput::erase>(&x);
           erased != nullptr && reader.knows(erased->relation))
    reader.erase(erased->before, made, why);
}

} // namespace

/// Messages, each behind two bytes with its size: what is a change of a known table is read as one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  static const auto settings = wanted();
  change_reader reader{settings};
  while (bytes.size() >= 2) {
    auto length =
        static_cast<size_t>(static_cast<uint8_t>(bytes[0])) << 8 | static_cast<uint8_t>(bytes[1]);
    bytes.remove_prefix(2);
    auto message = bytes.substr(0, length);
    bytes.remove_prefix(message.size());
    if (auto stream = pgoutput::parse_stream(message))
      if (auto* log = std::get_if<pgoutput::log_data>(&*stream))
        if (log->message.size() > message.size())
          std::abort();
    if (auto parsed = pgoutput::parse_message(message))
      read_change(reader, *parsed);
  }
  return 0;
}
