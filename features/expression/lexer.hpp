#pragma once

#include "features/expression.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::expressions {

enum class token_kind : uint8_t {
  end,
  word,    ///< a bare name or a keyword
  quoted,  ///< a name between double quotes, which are part of `text`
  integer, ///< digits
  decimal, ///< digits with a point
  real,    ///< with an exponent
  string,  ///< between single quotes, which are part of `text`
  symbol,
};

/// A token, pointing into the text.
struct token {
  token_kind kind = token_kind::end;
  std::string_view text;
  size_t offset = 0;
};

/// Cuts `text` into tokens; the last one is `end`.
tl::expected<std::vector<token>, expression_error> tokenize(std::string_view text);

/// What stands between the quotes of a string or a quoted name, doubled quotes once.
std::string unquote(std::string_view text);

/// Whether the two are equal, upper and lower case of ASCII letters counting as one.
bool same_word(std::string_view a, std::string_view b) noexcept;

/// ASCII letters in upper case.
std::string upper_case(std::string_view text);

} // namespace keyfold::expressions
