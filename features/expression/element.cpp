#include "features/expression/element.hpp"

namespace keyfold::expressions {

namespace {

cell element_of_list(std::span<const cell> x, evaluation& /*with*/) {
  auto items = x[0].items();
  auto index = x[1].as_integer();
  if (index < 1 || static_cast<uint64_t>(index) > items.size())
    return {};
  return items[static_cast<size_t>(index - 1)];
}

cell element_of_map(std::span<const cell> x, evaluation& /*with*/) {
  auto entries = x[0].items();
  auto key = x[1].as_text();
  for (size_t i = 0; i + 1 < entries.size(); i += 2)
    if (entries[i].as_text() == key)
      return entries[i + 1];
  return {};
}

cell size_of(const cell& x, const node& self, evaluation& /*with*/) {
  auto cells_each = self.detail;
  return cell::integer(static_cast<int64_t>(x.items().size()) / cells_each);
}

cell run_contains_item(const node& self, evaluation& with) {
  auto list = self.evaluate(0, with);
  auto wanted = self.evaluate(1, with);
  if (list.is_null() || wanted.is_null())
    return {};
  auto unknown = false;
  for (const auto& item : list.items()) {
    if (item.is_null())
      unknown = true;
    else if (self.order(item, wanted) == 0)
      return cell::boolean(true);
  }
  return unknown ? cell{} : cell::boolean(false);
}

} // namespace

node element_node(bool is_map, std::vector<node> children) {
  node x;
  x.run = is_map ? strict<element_of_map> : strict<element_of_list>;
  x.children = std::move(children);
  return x;
}

node cardinality_node(bool is_map, node container) {
  node x;
  x.run = strict_unary<size_of>;
  x.detail = is_map ? 2 : 1;
  x.children.push_back(std::move(container));
  return x;
}

node contains_item_node(cell_order order, std::vector<node> children) {
  node x;
  x.run = run_contains_item;
  x.order = order;
  x.children = std::move(children);
  return x;
}

} // namespace keyfold::expressions
