#pragma once

#include <cstddef>
#include <string_view>

namespace keyfold::expressions {

/// Whether `c` goes on with a character begun before it. Bytes that are no UTF-8 at all count as
/// characters of their own, or as part of the one before.
inline bool continues_character(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Characters in `text`.
inline size_t count_characters(std::string_view text) noexcept {
  size_t count = 0;
  for (auto c : text)
    count += continues_character(c) ? 0 : 1;
  return count;
}

/// Where the character after the one at `at` begins. @pre `at < text.size()`
inline size_t next_character(std::string_view text, size_t at) noexcept {
  do
    ++at;
  while (at < text.size() && continues_character(text[at]));
  return at;
}

/// Whether `text` is well-formed UTF-8.
bool is_utf8(std::string_view text) noexcept;

} // namespace keyfold::expressions
