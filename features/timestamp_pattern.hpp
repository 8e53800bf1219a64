#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keyfold {

/// What a part of a timestamp's pattern reads.
enum class timestamp_part : uint8_t {
  literal, ///< one character
  year,
  year_of_century, ///< 69 to 99 are 1969 to 1999, the rest 2000 to 2068
  month,
  month_name,
  day,
  day_of_year,
  hour,
  hour_of_half_day,
  half_day, ///< AM or PM
  minute,
  second,
  fraction,
  zone_offset, ///< `Z`, `+hh`, `+hhmm` or `+hh:mm`
  zone_name,   ///< `Z`, `UTC` or `GMT`
  weekday_name,
  epoch_seconds,
};

/// A part with the digits or characters it takes.
struct timestamp_directive {
  timestamp_part part = timestamp_part::literal;
  uint8_t fewest = 1; ///< digits; of a name: the letters it is written with, 0: all
  uint8_t most = 1;   ///< likewise
  char character = 0; ///< of a literal
};

/// Walks over a pattern of either dialect (see `check_timestamp_pattern`). Nothing allocated.
class timestamp_pattern_reader {
public:
  explicit timestamp_pattern_reader(std::string_view pattern)
      : rest_(pattern), percent_(pattern.find('%') != std::string_view::npos) {}

  /// The next part; nothing at the end or where the pattern is wrong.
  std::optional<timestamp_directive> next();
  bool good() const noexcept { return good_; }
  /// Whether it is of the dialect with `%`.
  bool percent() const noexcept { return percent_; }
  /// What has not been read: begins with the wrong part when not `good()`.
  std::string_view rest() const noexcept { return rest_; }

private:
  std::optional<timestamp_directive> next_percent();
  std::optional<timestamp_directive> next_letters();
  std::optional<timestamp_directive> next_literal();

  std::string_view rest_;
  std::string_view expansion_; // what is left of a composite such as %F
  bool percent_;
  bool quoted_ = false;
  bool good_ = true;
};

} // namespace keyfold
