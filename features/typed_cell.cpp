#include "features/typed_cell.hpp"

namespace keyfold {

bool fits(const cell& x, const data_type& type) noexcept {
  if (x.is_null())
    return true;
  if (x.kind() != cell_kind_of(type.kind))
    return false;
  if (x.kind() == cell_kind::decimal)
    return x.scale() == type.scale;
  if (x.kind() != cell_kind::list && x.kind() != cell_kind::map)
    return true;
  // The keys of a map are strings: whoever reads one has seen to that.
  size_t step = x.kind() == cell_kind::list ? 1 : 2;
  auto items = x.items();
  for (auto i = step - 1; i < items.size(); i += step)
    if (type.element == nullptr || !fits(items[i], *type.element))
      return false;
  return true;
}

} // namespace keyfold
