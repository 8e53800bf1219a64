// Timestamps as texts: in every unit, and by patterns of both dialects.
#include "features/timestamp_format.hpp"

#include "choices.hpp"

#include <cstdint>
#include <cstdlib>

using namespace keyfold;

namespace {

void check_time(event_time at) {
  if (!is_timestamp(at) || parse_timestamp(format_rfc3339(at), timestamp_unit::rfc3339) != at)
    std::abort();
}

} // namespace

/// What is read is a moment that can be written and read again, and both ways to read agree.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::choices from{data, size};
  auto unit = static_cast<timestamp_unit>(from.byte() % 5);
  auto pattern = from.text(from.byte());
  auto text = from.rest();
  auto checked = check_timestamp_pattern(pattern);
  if (!checked && checked.error().message.empty())
    std::abort();
  if (unit == timestamp_unit::pattern && !checked)
    return 0;
  auto at = parse_timestamp(text, unit, pattern);
  auto quick = read_timestamp(text, unit, pattern);
  if (at.has_value() != quick.has_value() || (quick && *quick != *at))
    std::abort();
  if (at)
    check_time(*at);
  else if (at.error().message.empty())
    std::abort();
  return 0;
}
