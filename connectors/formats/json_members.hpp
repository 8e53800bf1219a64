#pragma once

#include "connectors/formats/record_decoder.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold {

/// Finds what a schema wants in a JSON object, by key. Records of one stream mostly have the same
/// keys in the same order, so it remembers the key last seen at each place and compares with that
/// first. Not thread-safe.
class json_members {
public:
  static constexpr int32_t unwanted = -1;

  /// @param key unescaped
  /// @return the target known for the key, or `unwanted`
  int32_t target_of(std::string_view key) const noexcept;
  void add(std::string key, int32_t target) { wanted_.push_back({std::move(key), target}); }

  /// The target of the member at `place` in its object, whose raw key begins at `key`.
  /// @pre `record_padding` bytes from `key` on can be read
  int32_t find(size_t place, const char* key) {
    if (place < seen_.size() && seen_[place].matches(key))
      return seen_[place].target;
    return find_unseen(place, key);
  }

private:
  struct wanted {
    std::string key;
    int32_t target;
  };
  /// A raw key with its closing quote.
  struct seen {
    static constexpr size_t longest = record_padding;

    bool matches(const char* key) const noexcept;

    std::array<char, longest> text{};
    uint32_t size = 0;
    int32_t target = unwanted;
  };
  static constexpr size_t most_places = 64;

  int32_t find_unseen(size_t place, const char* key);

  std::vector<wanted> wanted_;
  std::vector<seen> seen_;
  std::string unescaped_;
};

// Comparing words where they overlap spares a call of memcmp for each key of each record.
inline bool json_members::seen::matches(const char* key) const noexcept {
  auto first_eight = [](const char* x) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, x, sizeof bytes);
    return bytes;
  };
  if (size < sizeof(uint64_t)) {
    auto mask = (uint64_t{1} << (8 * size)) - 1;
    return ((first_eight(key) ^ first_eight(text.data())) & mask) == 0;
  }
  if (first_eight(key) != first_eight(text.data()))
    return false;
  auto last = size - sizeof(uint64_t);
  return size <= 16 ? first_eight(key + last) == first_eight(text.data() + last)
                    : std::memcmp(key + 8, text.data() + 8, last) == 0;
}

} // namespace keyfold
