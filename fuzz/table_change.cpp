// What `keyfold tail` reads: records of an upsert topic and lines of an output's file.
#include "app/materialised_table.hpp"

#include "choices.hpp"

#include <cstdint>
#include <cstdlib>

using namespace keyfold;

/// Arbitrary bytes are refused, or change a table that can be printed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096)
    return 0;
  fuzz::choices from{data, size};
  auto how = from.byte();
  materialised_table table;
  if (how % 2 == 0) {
    auto key = how / 2 % 2 == 0 ? std::optional{from.text(from.byte())} : std::nullopt;
    auto value = how / 4 % 2 == 0 ? std::optional{from.rest()} : std::nullopt;
    auto x = read_topic_change(key, value, how / 8 % 2 == 1);
    if (!x && x.error().message.empty())
      std::abort();
    if (x)
      table.apply(*std::move(x));
  } else {
    change_line_parser lines{how / 2u % 4, how / 8 % 2 == 1};
    for (auto rest = from.rest(); !rest.empty();) {
      auto end = std::min(rest.find('\n'), rest.size());
      auto x = lines.parse(rest.substr(0, end));
      if (!x && x.error().message.empty())
        std::abort();
      if (x && *x)
        table.apply(**std::move(x));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  auto text = table.text();
  auto lines = table.json_lines();
  if (table.size() > 0 && (text.empty() || lines.empty()))
    std::abort();
  return 0;
}
