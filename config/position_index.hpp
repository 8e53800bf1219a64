#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::config {

/// A place in a text: line and column from 1, the column in bytes.
struct position {
  uint32_t line = 1;
  uint32_t column = 1;

  friend bool operator==(const position& a, const position& b) noexcept {
    return a.line == b.line && a.column == b.column;
  }
  friend bool operator<(const position& a, const position& b) noexcept {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  }
};

/// The bytes of one escape or plain character of a JSON string, and how many it stands for.
struct string_step {
  size_t raw = 0;
  size_t decoded = 0;
};

/// Takes the first character or escape of the inside of a JSON string. @pre `rest` is not empty
string_step next_string_step(std::string_view rest) noexcept;

/// Where each key and value of a JSON text (with comments) is, by JSON pointer. A parsed document
/// does not know. Immutable; does not keep the text.
class position_index {
public:
  /// A key that its object has twice.
  struct duplicate {
    std::string key;
    size_t at;    ///< byte of the second
    size_t first; ///< byte of the first
  };

  /// Values nested more deeply are not indexed, see `too_deep`.
  static constexpr int max_depth = 32;

  /// @pre `text` is valid JSON with comments
  explicit position_index(std::string_view text);

  /// The place of a byte.
  position at(size_t byte) const noexcept;
  /// The byte where a value begins; of its nearest ancestor that exists, if it does not.
  size_t value(std::string_view pointer) const;
  /// The byte of the key that names a value; of the value where no key does.
  size_t key(std::string_view pointer) const;

  const std::vector<duplicate>& duplicates() const noexcept { return duplicates_; }
  /// The byte of the first value nested too deeply.
  std::optional<size_t> too_deep() const noexcept { return too_deep_; }

private:
  struct entry {
    size_t key = 0;
    size_t value = 0;
    std::map<std::string, entry, std::less<>> members;
    std::vector<entry> items;
  };
  class walker;

  const entry& find(std::string_view pointer) const;

  entry root_;
  std::vector<size_t> lines_; // the byte where each begins
  std::vector<duplicate> duplicates_;
  std::optional<size_t> too_deep_;
};

/// Appends a key to a JSON pointer.
std::string join_pointer(std::string_view pointer, std::string_view key);
/// Appends an index to a JSON pointer.
std::string join_pointer(std::string_view pointer, size_t index);
/// The keys and indices of a JSON pointer.
std::vector<std::string> split_pointer(std::string_view pointer);

} // namespace keyfold::config
