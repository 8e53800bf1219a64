#pragma once

#include <cstdint>
#include <string_view>

namespace keyfold::store {

/// Walks the pairs that `append_key_state` wrote; bounds-checked. Not thread-safe.
class key_state_cursor {
public:
  explicit key_state_cursor(std::string_view pairs)
      : next_(pairs.data()), end_(pairs.data() + pairs.size()) {}

  /// Moves to the next pair. False at the end and on malformed bytes: see `good`.
  bool next();
  bool good() const noexcept { return good_; }
  /// Of the present pair; they point into the bytes walked.
  std::string_view key() const noexcept { return key_; }
  std::string_view state() const noexcept { return state_; }
  /// Where the present pair ends.
  const char* position() const noexcept { return next_; }

private:
  bool read_text(std::string_view& text);

  const char* next_;
  const char* end_;
  std::string_view key_;
  std::string_view state_;
  bool good_ = true;
};

} // namespace keyfold::store
