#include "connectors/formats/map_cell.hpp"

#include <algorithm>
#include <vector>

namespace keyfold {

cell make_map_cell(std::span<const cell> entries, arena& memory) {
  struct entry {
    cell key, value;
  };
  std::vector<entry> sorted;
  for (size_t i = 0; i + 1 < entries.size(); i += 2)
    sorted.push_back({entries[i], entries[i + 1]});
  std::stable_sort(sorted.begin(), sorted.end(), [](const entry& a, const entry& b) {
    return a.key.as_text() < b.key.as_text();
  });
  size_t count = 0;
  for (size_t i = 0; i < sorted.size(); ++i)
    if (i + 1 == sorted.size() || sorted[i].key.as_text() != sorted[i + 1].key.as_text())
      sorted[count++] = sorted[i];
  auto cells = memory.allocate_cells(2 * count);
  for (size_t i = 0; i < count; ++i) {
    cells[2 * i] = sorted[i].key;
    cells[2 * i + 1] = sorted[i].value;
  }
  return cell::map(cells);
}

} // namespace keyfold
