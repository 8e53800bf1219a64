#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace keyfold {

/// Which of `names` was probably meant by `wanted`: the one with the fewest letters to change, add,
/// leave out or swap, upper and lower case counting as one; nothing when all differ in more than a
/// third. The first of several equally near ones.
std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string_view> names);

/// ": did you mean `x`" with the nearest name, or an empty text when there is none; for the
/// end of a message.
std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> names);

} // namespace keyfold
