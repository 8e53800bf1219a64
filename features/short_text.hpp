#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace keyfold {

/// A text in 16 bytes as long as it has at most 15; a longer one is outside. Half of a
/// `std::string`, for what there are millions of.
class short_text {
public:
  short_text() noexcept = default;
  explicit short_text(std::string_view text);
  short_text(const short_text& other) : short_text(std::string_view{other}) {}
  short_text(short_text&& other) noexcept { take(other); }
  short_text& operator=(short_text other) noexcept {
    release();
    take(other);
    return *this;
  }
  ~short_text() { release(); }

  operator std::string_view() const noexcept { // NOLINT(google-explicit-constructor)
    if (!outside())
      return {bytes_, size_};
    auto x = where();
    return {x.text, x.size};
  }
  /// Bytes on the heap.
  size_t memory() const noexcept { return outside() ? where().size : 0; }

private:
  static constexpr size_t most_inside = 15;
  static constexpr uint8_t is_outside = 0xff;

  struct place {
    char* text;
    uint32_t size;
  };

  bool outside() const noexcept { return size_ == is_outside; }
  place where() const noexcept {
    place out{};
    std::memcpy(&out.text, bytes_, sizeof out.text);
    std::memcpy(&out.size, bytes_ + sizeof out.text, sizeof out.size);
    return out;
  }
  void take(short_text& other) noexcept {
    std::memcpy(bytes_, other.bytes_, most_inside);
    size_ = other.size_;
    other.size_ = 0;
  }
  void release() noexcept {
    if (outside())
      delete[] where().text;
  }

  alignas(uint64_t) char bytes_[most_inside] = {};
  uint8_t size_ = 0;
};

inline short_text::short_text(std::string_view text) {
  if (text.size() <= most_inside) {
    text.copy(bytes_, text.size());
    size_ = static_cast<uint8_t>(text.size());
    return;
  }
  place made{new char[text.size()], static_cast<uint32_t>(text.size())};
  text.copy(made.text, text.size());
  std::memcpy(bytes_, &made.text, sizeof made.text);
  std::memcpy(bytes_ + sizeof made.text, &made.size, sizeof made.size);
  size_ = is_outside;
}

} // namespace keyfold
