#include "features/expression/logic.hpp"

namespace keyfold::expressions {

namespace {

/// AND stops at FALSE, OR at TRUE; a null on the way makes the result unknown.
template <bool stop>
cell run_junction(const node& self, evaluation& with) {
  auto unknown = false;
  for (size_t i = 0; i < self.children.size(); ++i) {
    auto x = self.evaluate(i, with);
    if (x.is_null())
      unknown = true;
    else if (x.as_boolean() == stop)
      return x;
  }
  return unknown ? cell{} : cell::boolean(!stop);
}

cell run_not(const node& self, evaluation& with) {
  auto x = self.evaluate(0, with);
  return x.is_null() ? x : cell::boolean(!x.as_boolean());
}

cell run_is_null(const node& self, evaluation& with) {
  return cell::boolean(self.evaluate(0, with).is_null());
}

cell run_case_searched(const node& self, evaluation& with) {
  size_t i = 0;
  for (; i + 1 < self.children.size(); i += 2) {
    auto condition = self.evaluate(i, with);
    if (!condition.is_null() && condition.as_boolean())
      return self.evaluate(i + 1, with);
  }
  return i < self.children.size() ? self.evaluate(i, with) : cell{};
}

cell run_coalesce(const node& self, evaluation& with) {
  for (size_t i = 0; i < self.children.size(); ++i) {
    auto x = self.evaluate(i, with);
    if (!x.is_null())
      return x;
  }
  return {};
}

node parent_of(node::function run, std::vector<node> children) {
  node x;
  x.run = run;
  x.children = std::move(children);
  return x;
}

node parent_of(node::function run, node child) {
  node x;
  x.run = run;
  x.children.push_back(std::move(child));
  return x;
}

} // namespace

node and_node(std::vector<node> children) {
  return parent_of(run_junction<false>, std::move(children));
}

node or_node(std::vector<node> children) {
  return parent_of(run_junction<true>, std::move(children));
}

node not_node(node child) {
  return parent_of(run_not, std::move(child));
}

node is_null_node(node child) {
  return parent_of(run_is_null, std::move(child));
}

node case_searched_node(std::vector<node> children) {
  return parent_of(run_case_searched, std::move(children));
}

node coalesce_node(std::vector<node> children) {
  return parent_of(run_coalesce, std::move(children));
}

} // namespace keyfold::expressions
