#include "features/expression/like_node.hpp"

namespace keyfold::expressions {

namespace {

cell match_compiled(const cell& text, const node& self, evaluation& /*with*/) {
  return cell::boolean(self.pattern->matches(text.as_text()));
}

cell match_computed(std::span<const cell> x, evaluation& /*with*/) {
  auto pattern = like_pattern::parse(x[1].as_text(), x.size() > 2 ? x[2].as_text() : "");
  return pattern ? cell::boolean(pattern->matches(x[0].as_text())) : cell{};
}

} // namespace

node like_node(like_pattern pattern, node text) {
  node x;
  x.run = strict_unary<match_compiled>;
  x.pattern = std::make_shared<const like_pattern>(std::move(pattern));
  x.children.push_back(std::move(text));
  return x;
}

node like_node(std::vector<node> children) {
  node x;
  x.run = strict<match_computed>;
  x.children = std::move(children);
  return x;
}

} // namespace keyfold::expressions
