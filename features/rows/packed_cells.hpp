#pragma once

#include "features/byte_codec.hpp"
#include "features/cell.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <span>

namespace keyfold {

/// Appends the cells of `row` at the places `columns` to `out`, one after the other.
void pack_cells(std::span<const cell> row, std::span<const uint32_t> columns, byte_writer& out);

/// Reads as many cells as `out` has, as `pack_cells` wrote them. Text stays in the bytes read,
/// lists and maps are in `memory`. @pre the bytes were packed by this process or checked by
/// `packed_fit`
void unpack_cells(byte_reader& in, std::span<cell> out, arena& memory);

/// Whether the next cells of `in` are of these types or null; moves past them. For bytes that come
/// from outside.
bool packed_fit(byte_reader& in, std::span<const column> columns, arena& memory);

} // namespace keyfold
