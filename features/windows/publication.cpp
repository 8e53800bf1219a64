#include "features/windows/publication.hpp"

#include "features/typed_cell.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::windows {

result<publication> publication::make(std::vector<column> values, std::vector<column> carried,
                                      const std::string& having) {
  publication out;
  out.emissions_ = std::move(carried);
  out.emissions_.insert(out.emissions_.end(), values.begin(), values.end());
  out.changes_.values = std::move(values);
  if (having.empty())
    return out;
  scope columns;
  for (const auto& x : out.changes_.values)
    columns.push_back({x.name, x.type});
  auto compiled = compile_expression(having, columns);
  if (!compiled)
    return fail(fmt::format("`having`: {}", compiled.error().message));
  if (compiled->type().kind != type_kind::boolean)
    return fail("`having` must be true or false; compare something");
  out.having_ = std::move(*compiled);
  return out;
}

void publication::publish(std::span<const cell> carried, std::span<const cell> values,
                          event_time at, const fold_context& context) const {
  if (context.changes != nullptr)
    context.changes->upsert({}, values, at);
  if (context.emissions == nullptr)
    return;
  if (carried.empty()) {
    context.emissions->emit(values, at);
    return;
  }
  auto cells = context.scratch->allocate_cells(carried.size() + values.size());
  std::copy(values.begin(), values.end(), std::copy(carried.begin(), carried.end(), cells.begin()));
  context.emissions->emit(cells, at);
}

std::string pack(std::span<const cell> cells, event_time at) {
  std::string out;
  pack_into(out, cells, at);
  return out;
}

void pack_into(std::string& to, std::span<const cell> cells, event_time at) {
  to.clear();
  byte_writer writer{to};
  writer.time(at);
  for (const auto& x : cells)
    writer.value(x);
}

void keep_carried(std::span<const carried_column> columns, std::span<const cell> row,
                  std::unique_ptr<std::string>& in) {
  if (columns.empty() || in)
    return;
  std::vector<cell> cells;
  for (const auto& x : columns)
    cells.push_back(row[x.number]);
  in = std::make_unique<std::string>(pack(cells, beginning_of_time));
}

bool is_packed(const std::string& bytes, std::span<const column> columns) {
  byte_reader in{bytes};
  arena memory;
  in.time();
  for (const auto& x : columns)
    if (!fits(in.value(memory), x.type))
      return false;
  return in.good() && in.at_end();
}

std::pair<std::span<const cell>, event_time> unpack(const std::string& bytes, size_t width,
                                                    arena& memory) {
  byte_reader in{bytes};
  auto at = in.time();
  auto cells = memory.allocate_cells(width);
  for (auto& x : cells)
    x = in.value(memory);
  return {cells, at};
}

} // namespace keyfold::windows
