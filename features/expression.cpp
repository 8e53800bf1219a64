#include "features/expression.hpp"

#include "features/expression/compile.hpp"
#include "features/expression/node.hpp"
#include "features/expression/parser.hpp"
#include "features/expression/typing.hpp"

namespace keyfold {

namespace {

/// A tree and the texts its literals point to.
struct compiled {
  arena memory;
  expression::node root;
};

} // namespace

expression::expression(std::shared_ptr<const node> root, data_type type,
                       std::vector<uint32_t> columns)
    : root_(std::move(root)), type_(std::move(type)), columns_(std::move(columns)) {}

bool expression::is_column() const noexcept {
  return root_->run == expressions::column_node(0).run;
}

cell expression::evaluate(std::span<const cell> row, arena& scratch) const {
  expressions::evaluation with{row, scratch};
  return root_->evaluate(with);
}

bool expression::holds(std::span<const cell> row, arena& scratch) const {
  auto x = evaluate(row, scratch);
  return !x.is_null() && x.as_boolean();
}

tl::expected<expression, expression_error> expressions::compile(const syntax& tree,
                                                                const scope& columns) {
  auto result = std::make_shared<compiled>();
  typer typer{columns, result->memory};
  auto root = typer.typed(tree);
  if (!root)
    return tl::unexpected{typer.error()};
  result->root = std::move(root->code);
  std::shared_ptr<const node> node{result, &result->root};
  return expression{std::move(node), std::move(root->type), typer.columns_read()};
}

tl::expected<expression, expression_error> compile_expression(std::string_view text,
                                                              const scope& columns) {
  auto tree = expressions::parse(text);
  if (!tree)
    return tl::unexpected{std::move(tree).error()};
  return expressions::compile(**tree, columns);
}

} // namespace keyfold
