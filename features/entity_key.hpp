#pragma once

#include "features/cell.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace keyfold {

/// Appends the canonical text of a key to `out`: the key fields as text, joined by `|`; a `|` or
/// `\` inside a field is preceded by `\`. The key of one string field without those two is the
/// string itself; equal keys have equal texts. Returns false, appending nothing, if a field is
/// null, a list or a map.
bool append_entity_key(std::span<const cell> fields, std::string& out);

/// Takes the text apart into as many typed fields as `types` has; the strings are in `memory`.
result<std::vector<cell>> parse_entity_key(std::string_view key, std::span<const data_type> types,
                                           arena& memory);

} // namespace keyfold
