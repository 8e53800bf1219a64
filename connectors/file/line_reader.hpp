#pragma once

#include "features/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace keyfold {

/// Longest line that becomes a record, in bytes; longer ones are skipped as a whole.
inline constexpr size_t max_line_bytes = 1u << 20;
/// How much is kept of a line that is skipped.
inline constexpr size_t kept_line_bytes = 64u << 10;

/// Cuts what is read from a file descriptor into lines. Not thread-safe; owns no descriptor.
class line_reader {
public:
  enum class outcome : uint8_t {
    line,     ///< a whole line, or the rest of the data at its end
    too_long, ///< `text` is its beginning; the reader is behind it
    none,     ///< no whole line is there now
    at_end,   ///< the data has ended, nothing is left
  };

  line_reader();

  /// Begins reading `descriptor` at the byte `position`, by position; what was buffered is
  /// forgotten.
  void begin_at(int descriptor, int64_t position);
  /// Begins reading `descriptor` where it stands: a pipe.
  void begin_stream(int descriptor);

  /// The next line, without its end (`\n` or `\r\n`), and the first one without a byte order mark.
  /// Reads at most once into the buffer, except to
  /// skip. An error is the system's reason.
  /// @param ends whether data ends where nothing can be read now: then a line needs no line end
  result<outcome> next(bool ends);
  /// The line; `record_padding` bytes after it can be read. Valid until the next call.
  std::string_view text() const noexcept { return text_; }
  /// The byte behind the last line returned.
  int64_t position() const noexcept { return position_; }
  /// Whether the buffer holds a whole line: `next` will not read.
  bool has_line() const noexcept;

private:
  result<size_t> fill();
  outcome take(size_t length, size_t behind);
  outcome take_rest();
  void start_skipping();

  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;   // of what has not been returned
  size_t end_ = 0;     // of what has been read
  size_t scanned_ = 0; // bytes from begin_ on known to have no line end
  int descriptor_ = -1;
  bool positioned_ = true;
  int64_t position_ = 0;
  int64_t skipped_ = 0; // bytes of the line being skipped that have left the buffer
  std::string kept_;    // its beginning; empty when no line is being skipped
  std::string skipped_text_;
  std::string_view text_;
};

} // namespace keyfold
