#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::config {

/// The one of `known` that `text` most likely was meant to be; empty if none is near.
std::string nearest(std::string_view text, const std::vector<std::string>& known);

/// What to say after the name of something unknown: `: did you mean X?`, else `; the KIND here are
/// A, B`, else, where nothing is known, `; there are no KIND`.
/// @param kind the plural, e.g. "streams"
std::string suggestion(std::string_view text, const std::vector<std::string>& known,
                       std::string_view kind);

/// In backquotes, shortened to 100 bytes, with control characters replaced: for messages.
std::string backquoted(std::string_view text);

/// `A`, `B` or `C`: for messages; at most 20 of them.
std::string alternatives(const std::vector<std::string>& names, std::string_view last_link);

} // namespace keyfold::config
