#pragma once

#include "features/event_time.hpp"
#include "features/result.hpp"
#include "features/timestamp_pattern.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Writes timestamps by a pattern, in UTC. Immutable.
class timestamp_writer {
public:
  /// @param pattern as `check_timestamp_pattern` describes them, which it need not satisfy: what
  /// is written may be less than a whole date. `%f` is six digits; offsets are `Z`. An error names
  /// the part that is wrong.
  static result<timestamp_writer> make(std::string_view pattern);

  /// Digits that the pattern has no room for are cut off. Moments that are no timestamp are written
  /// as the nearest one.
  void append(event_time at, std::string& out) const;

private:
  std::vector<timestamp_directive> parts_;
};

} // namespace keyfold
