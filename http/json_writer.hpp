#pragma once

#include "features/event_time.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace keyfold::http {

/// Appends JSON text to a buffer that it keeps between answers. Writes what it is told: commas and
/// brackets are the caller's (`raw`). Not thread-safe.
class json_writer {
public:
  json_writer() = default;
  json_writer(const json_writer&) = delete;
  json_writer& operator=(const json_writer&) = delete;

  std::string_view view() const noexcept {
    return {buffer_.get(), static_cast<size_t>(next_ - buffer_.get())};
  }
  void clear() noexcept { next_ = buffer_.get(); }

  void raw(char x) {
    ensure(1);
    *next_++ = x;
  }
  void raw(std::string_view x) {
    ensure(x.size());
    if (!x.empty())
      std::memcpy(next_, x.data(), x.size());
    next_ += x.size();
  }
  /// Takes the last character back if it is a comma.
  void drop_comma() noexcept {
    if (next_ != buffer_.get() && next_[-1] == ',')
      --next_;
  }
  /// A string with its quotes. What is not UTF-8 becomes U+FFFD.
  void string(std::string_view x);
  void boolean(bool x) { raw(x ? std::string_view{"true"} : std::string_view{"false"}); }
  void null() { raw(std::string_view{"null"}); }
  void integer(int64_t x);
  /// The shortest text that reads back as `x`, always with a point or an exponent, so that no
  /// reader takes it for an integer. NaN is null, the infinities are "Infinity" and "-Infinity".
  void real(double x);
  /// `unscaled` times 10^-scale, as a number.
  void decimal(int64_t unscaled, uint8_t scale);
  /// RFC 3339 in UTC in quotes, with six digits of fraction or none; the ends of time are null.
  void timestamp(event_time x);
  /// Base64 in quotes.
  void base64(std::string_view bytes);

private:
  void ensure(size_t more) {
    if (static_cast<size_t>(end_ - next_) < more)
      grow(more);
  }
  void grow(size_t more);
  void escaped(std::string_view x);

  std::unique_ptr<char[]> buffer_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  event_time last_time_ = end_of_time; // answers repeat times: the text of the last one is kept
  char last_text_[32];
  size_t last_size_ = 0;
};

} // namespace keyfold::http
