#pragma once

#include "connectors/file/line_reader.hpp"
#include "features/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace keyfold {

/// Cuts a CSV file into records (RFC 4180): a line break inside quotes belongs to its field. Where
/// a quote is not closed within `max_line_bytes`, the line it stands in is bad, and the next record
/// begins behind that. Not thread-safe; owns no descriptor.
class csv_records {
public:
  enum class outcome : uint8_t {
    record,
    bad, ///< `problem` says why; `text` is what there is of it
    at_end,
  };

  /// @param descriptor of a file that can be read at any place
  csv_records(int descriptor, char delimiter);

  /// The next record; empty lines are none. An error is the system's reason.
  result<outcome> next();
  /// Without the line end; valid until the next call.
  std::string_view text() const noexcept { return text_; }
  /// Where it begins, from 1.
  uint64_t line() const noexcept { return line_; }
  const std::string& problem() const noexcept { return problem_; }

private:
  result<outcome> next_lines();
  outcome refuse_first();

  line_reader lines_;
  int descriptor_;
  char delimiter_;
  uint64_t next_line_ = 1;
  uint64_t line_ = 0;
  int64_t behind_first_ = 0; // of a record of several lines: the place behind its first
  std::string joined_;
  size_t first_size_ = 0;
  std::string_view text_;
  std::string problem_;
};

} // namespace keyfold
