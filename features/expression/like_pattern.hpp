#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::expressions {

/// SQL's LIKE: `%` stands for any characters, `_` for one (of UTF-8), the rest for itself. A value;
/// immutable.
class like_pattern {
public:
  /// @param escape one character (UTF-8), or empty for none: it makes a `%`, a `_` or itself behind
  /// it stand for itself. Nothing when it is followed by something else or is not one character.
  static std::optional<like_pattern> parse(std::string_view pattern, std::string_view escape);

  bool matches(std::string_view text) const noexcept;

private:
  struct part {
    enum class kind : uint8_t { byte, one, any, end } what;
    char byte = 0;
  };

  void finish();
  bool matches_pieces(std::string_view text) const noexcept;
  bool matches_parts(std::string_view text) const noexcept;

  std::vector<part> parts_;
  std::vector<std::string> pieces_; // between the `%`s, where there is no `_`
  bool has_one_ = false;
};

} // namespace keyfold::expressions
