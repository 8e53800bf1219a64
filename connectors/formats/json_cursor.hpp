#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace keyfold {

/// Walks over the tokens of a JSON object: brackets, colons, commas, and where strings, numbers and
/// words begin. Checks the grammar only as its user asks. A value, cheap to copy; valid while the
/// `json_tokens` it is from and the record are.
class json_cursor {
public:
  /// Deepest nesting of a value that is skipped.
  static constexpr int max_depth = 64;

  json_cursor() = default;
  json_cursor(const char* text, const uint32_t* first, const uint32_t* end) noexcept
      : text_(text), next_(first), end_(end) {}

  // An object's last token is its closing bracket. So a token that is not a closing bracket always
  // has a successor, and `at_end` need be asked only behind a value.
  bool at_end() const noexcept { return next_ >= end_; }
  /// The first character of the token. @pre `!at_end()`
  char peek() const noexcept { return text_[*next_]; }
  /// Where the token begins. @pre `!at_end()`
  const char* here() const noexcept { return text_ + *next_; }
  void advance() noexcept { ++next_; }
  /// Where the token is in the record, from 0; the record's length at the end.
  size_t offset() const noexcept { return *next_; }

  /// The token with all up to the next, without white space at its end. @pre `!at_end()`
  std::string_view scalar() const noexcept {
    auto first = next_[0];
    auto last = next_[1];
    while (static_cast<unsigned char>(text_[last - 1]) <= ' ')
      --last;
    return {text_ + first, last - first};
  }
  /// As `scalar`; goes on.
  std::string_view take_scalar() noexcept {
    auto token = scalar();
    ++next_;
    return token;
  }
  /// Goes behind a value, checking only that its brackets match. False where no value begins or its
  /// nesting is malformed or too deep.
  bool skip() noexcept;

private:
  bool skip_nested() noexcept;

  const char* text_ = nullptr;
  const uint32_t* next_ = nullptr;
  const uint32_t* end_ = nullptr;
};

/// Finds the tokens of a record, by simdjson's first stage. That refuses what is not UTF-8, control
/// characters in strings and strings without an end. A walk of our own over the tokens instead of
/// simdjson's On-Demand front end halves the time of records of 80 bytes, and knows the place of an
/// error. Keeps its buffers between records; not thread-safe.
class json_tokens {
public:
  /// Finds the tokens of `record`, which must be an object. When something is wrong, false and a
  /// sentence in `problem`.
  /// @pre `record_padding` bytes after the record can be read
  bool open(std::string_view record, std::string& problem);
  /// The first token of the record opened last.
  json_cursor begin() const noexcept { return begin_; }

private:
  bool reserve(size_t size);

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  size_t capacity_ = 0;
  json_cursor begin_;
};

/// Replaces the escapes of a JSON string. False where one is malformed.
/// @param text what stands between the quotes
bool unescape_json(std::string_view text, std::string& out);

/// Whether `text` is a number by JSON's grammar.
bool is_json_number(std::string_view text) noexcept;

} // namespace keyfold
