#pragma once

#include "features/cell.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace keyfold {

// Values as JSON, put where the caller has made room, for rows are written by the million. Each
// function returns the end of what it has put. What the texts look like: see `make_row_writer`.

/// The room that a number, null, true or false takes at most.
inline constexpr size_t longest_json_number = 32;

inline char* put_text(std::string_view text, char* to) noexcept {
  // Names are short: two moves that overlap are done before a call would have begun.
  constexpr size_t half = 8;
  if (text.size() >= half && text.size() <= 2 * half) {
    auto rest = text.size() - half;
    std::memcpy(to, text.data(), half);
    std::memcpy(to + rest, text.data() + rest, half);
  } else {
    std::memcpy(to, text.data(), text.size());
  }
  return to + text.size();
}

/// Neither NaN nor infinite, as a number of `kind`: a float32 is sooner.
bool is_number(double x, type_kind kind) noexcept;
/// @param kind of the number: a float32 has fewer digits
/// @pre room for `longest_json_number`
char* put_json_integer(int64_t x, char* to) noexcept;
char* put_json_real(double x, type_kind kind, char* to);

/// The room that `put_json_scalar` needs at most; more than there can be where `x` is no such
/// value.
inline size_t room_of_json_scalar(const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::null:
  case cell_kind::boolean:
  case cell_kind::integer:
  case cell_kind::real:
    return longest_json_number;
  case cell_kind::string:
    return 6 * x.as_text().size() + 2;
  default:
    return SIZE_MAX / 2;
  }
}
/// @pre `x` is null, a boolean, an integer, a real or a string
char* put_json_scalar(const cell& x, type_kind kind, char* to);

/// Appends `text` as a JSON string, with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);

} // namespace keyfold
