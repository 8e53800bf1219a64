#include "features/rows/packed_cells.hpp"

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

bool fits(const cell& x, const data_type& type) noexcept {
  if (x.is_null())
    return true;
  if (x.kind() != cell_kind_of(type.kind))
    return false;
  if (x.kind() != cell_kind::list && x.kind() != cell_kind::map)
    return true;
  size_t step = x.kind() == cell_kind::list ? 1 : 2;
  auto items = x.items();
  for (auto i = step - 1; i < items.size(); i += step)
    if (type.element == nullptr || !fits(items[i], *type.element))
      return false;
  return true;
}

} // namespace keyfold
