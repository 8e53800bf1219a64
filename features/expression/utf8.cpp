#include "features/expression/utf8.hpp"

#include <cstdint>

namespace keyfold::expressions {

namespace {

/// Bytes of the character that `lead` begins; 0 when it begins none.
size_t size_of_character(unsigned char lead) noexcept {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead < 0xe0)
    return 2;
  if (lead >= 0xe0 && lead < 0xf0)
    return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  for (size_t at = 0; at < text.size();) {
    auto lead = static_cast<unsigned char>(text[at]);
    auto size = size_of_character(lead);
    if (size == 0 || text.size() - at < size)
      return false;
    for (size_t i = 1; i < size; ++i)
      if (!continues_character(text[at + i]))
        return false;
    auto second = size > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
    // Overlong forms, surrogates, and what is above U+10FFFF.
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0)
        || (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90))
      return false;
    at += size;
  }
  return true;
}

} // namespace keyfold::expressions
