#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keyfold::fuzz {

/// An input's bytes as decisions, one after the other; zeros when there are no more.
class choices {
public:
  choices(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  uint8_t byte() {
    if (rest_.empty())
      return 0;
    auto x = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return x;
  }
  uint16_t word() {
    auto high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  template <class T, size_t N>
  const T& one_of(const std::array<T, N>& x) {
    return x[byte() % N];
  }
  /// At most `size` bytes.
  std::string_view text(size_t size) {
    auto x = rest_.substr(0, size);
    rest_.remove_prefix(x.size());
    return x;
  }
  /// What has not been read.
  std::string_view rest() const noexcept { return rest_; }

private:
  std::string_view rest_;
};

} // namespace keyfold::fuzz
