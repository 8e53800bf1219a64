#include "features/expression/node.hpp"

namespace keyfold::expressions {

namespace {

cell run_literal(const node& self, evaluation& /*with*/) {
  return self.literal;
}

cell run_column(const node& self, evaluation& with) {
  return with.row[self.column];
}

} // namespace

node literal_node(const cell& value) {
  node x;
  x.run = run_literal;
  x.literal = value;
  return x;
}

node column_node(uint32_t column) {
  node x;
  x.run = run_column;
  x.column = column;
  return x;
}

} // namespace keyfold::expressions
