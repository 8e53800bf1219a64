#pragma once

#include <cstdint>
#include <string>

namespace keyfold {

/// Where the part `number` of the output `path` is: 0 is `path` itself, 7 of `a/out.csv` is
/// `a/out-000007.csv`.
std::string part_path(const std::string& path, uint32_t number);

/// Removes what an unfinished epoch has left: the parts behind `last`.
void remove_parts_after(const std::string& path, uint32_t last);

/// Removes the parts before `first`, down to one that is not there; `path` itself stays, for it may
/// be somebody else's. How many those were.
uint32_t remove_parts_before(const std::string& path, uint32_t first);

} // namespace keyfold
