#include "features/rows/packed_cells.hpp"

#include "features/typed_cell.hpp"

namespace keyfold {

void pack_cells(std::span<const cell> row, std::span<const uint32_t> columns, byte_writer& out) {
  for (auto column : columns)
    out.value(row[column]);
}

void unpack_cells(byte_reader& in, std::span<cell> out, arena& memory) {
  for (auto& x : out)
    x = in.value(memory);
}

bool packed_fit(byte_reader& in, std::span<const column> columns, arena& memory) {
  for (const auto& x : columns)
    if (!fits(in.value(memory), x.type))
      return false;
  return in.good();
}

} // namespace keyfold
