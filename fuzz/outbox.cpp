// An outbox as the ledger gives it back, and the lines it becomes.
#include "connectors/formats/change_lines.hpp"
#include "connectors/formats/row_writer.hpp"
#include "messages/change_log.hpp"
#include "store/ledger.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace keyfold;

std::vector<change_columns> two_views() {
  auto type = [](const char* text) { return parse_data_type(text).value(); };
  return {{"a", {{"user", type("int64")}}, {{"n", type("int64")}, {"l", type("list<string>")}}},
          {"b",
           {{"user", type("string")}, {"g", type("bool")}},
           {{"m", type("map<string,double>")}},
           {{"value", false, 0}, {"who", true, 0}}}};
}

} // namespace

/// Arbitrary bytes are changes or are refused; whatever their cells are, they can be written.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto columns = two_views();
  static const change_lines json{row_format::json, columns};
  static const change_lines csv{row_format::csv, columns};
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  change_log_reader in{bytes};
  std::string copy;
  std::string lines;
  change_log_writer out{copy};
  change x;
  while (in.next(x)) {
    out.append(x);
    if (json.append(x, lines) != csv.append(x, lines))
      std::abort();
  }
  change_log_reader again{copy};
  while (again.next(x))
    ;
  if (!again.good())
    std::abort();
  size_t seen = 0;
  auto whole = store::for_each_key_state(bytes, [&](std::string_view key, std::string_view state) {
    seen += key.size() + state.size();
  });
  if (whole && seen > size)
    std::abort();
  return 0;
}
