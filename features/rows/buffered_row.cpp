#include "features/rows/buffered_row.hpp"

#include "features/typed_cell.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace keyfold {

namespace {

/// What cells point to.
struct extent {
  size_t cells = 0;
  size_t text = 0;
};

void add_extent(const cell& x, extent& sum) {
  switch (x.kind()) {
  case cell_kind::string:
  case cell_kind::bytes:
    sum.text += x.as_text().size();
    break;
  case cell_kind::list:
  case cell_kind::map:
    sum.cells += x.items().size();
    for (const auto& item : x.items())
      add_extent(item, sum);
    break;
  default:
    break;
  }
}

/// Copies cells into the rest of a block: nested cells first, text behind them.
struct copier {
  cell* cells;
  char* text;

  std::string_view copy_text(std::string_view from) {
    auto* to = text;
    if (!from.empty())
      std::memcpy(to, from.data(), from.size());
    text += from.size();
    return {to, from.size()};
  }

  std::span<const cell> copy_items(std::span<const cell> from) {
    auto* to = cells;
    cells += from.size();
    for (size_t i = 0; i < from.size(); ++i)
      new (to + i) cell{copy(from[i])};
    return {to, from.size()};
  }

  cell copy(const cell& x) {
    switch (x.kind()) {
    case cell_kind::string:
      return cell::string(copy_text(x.as_text()));
    case cell_kind::bytes:
      return cell::bytes(copy_text(x.as_text()));
    case cell_kind::list:
      return cell::list(copy_items(x.items()));
    case cell_kind::map:
      return cell::map(copy_items(x.items()));
    default:
      return x;
    }
  }
};

} // namespace

row_ptr buffered_row::copy_of(event_time at, std::span<const cell> cells, size_t room) {
  extent beside;
  for (const auto& x : cells)
    add_extent(x, beside);
  auto width = cells.size();
  auto bytes = sizeof(buffered_row) + (width + beside.cells) * sizeof(cell) + beside.text;
  room = (room + alignof(buffered_row) - 1) / alignof(buffered_row) * alignof(buffered_row);
  auto* block = static_cast<char*>(::operator new(room + bytes));
  // The row knows where its block begins. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks)
  auto* row = new (block + room) buffered_row{
      at, static_cast<uint32_t>(width), static_cast<uint32_t>(bytes), static_cast<uint32_t>(room)};
  auto* first = reinterpret_cast<cell*>(row + 1);
  copier to{first + width, reinterpret_cast<char*>(first + width + beside.cells)};
  for (size_t i = 0; i < width; ++i)
    new (first + i) cell{to.copy(cells[i])};
  return row_ptr{row};
}

void buffered_row::encode(byte_writer& out) const {
  out.time(at_);
  out.varint(mark);
  for (const auto& x : cells())
    out.value(x);
}

row_ptr buffered_row::decode(byte_reader& in, std::span<const data_type> types, arena& scratch,
                             size_t room) {
  auto at = in.time();
  auto mark = in.varint();
  auto before = scratch.now();
  auto cells = scratch.allocate_cells(types.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = in.value(scratch);
    if (!fits(cells[i], types[i]))
      in.fail();
  }
  row_ptr row;
  if (in.good()) {
    row = copy_of(at, cells, room);
    row->mark = mark;
  }
  scratch.rewind(before);
  return row;
}

} // namespace keyfold
