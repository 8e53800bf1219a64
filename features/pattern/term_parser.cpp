#include "features/pattern/term_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace keyfold::patterns {

namespace {

using expressions::operation;
using expressions::syntax;
using expressions::syntax_ptr;
using function = term::function;

struct function_name {
  std::string_view name;
  function what;
};
constexpr std::array function_names{
    function_name{"FIRST", function::first}, function_name{"LAST", function::last},
    function_name{"SUM", function::sum},     function_name{"AVG", function::avg},
    function_name{"COUNT", function::count}, function_name{"MIN", function::min},
    function_name{"MAX", function::max},
};

std::optional<function> function_of(const syntax& x) {
  if (x.what == operation::call)
    for (const auto& known : function_names)
      if (known.name == x.name)
        return known.what;
  return std::nullopt;
}

/// A text that tells trees apart.
void describe(const syntax& x, std::string& out) {
  out += fmt::format("({} {}:{} {} {} {} ", static_cast<int>(x.what), x.name.size(), x.name,
                     x.integer, x.real, to_string(x.type));
  for (const auto& child : x.children)
    describe(*child, out);
  out += ')';
}

} // namespace

std::string term_parser::name_of(size_t term) {
  return fmt::format("\x01{}", term);
}

std::optional<uint32_t> term_parser::number_of(std::string_view name) {
  uint32_t number = 0;
  if (name.size() < 2 || name.front() != '\x01')
    return std::nullopt;
  std::from_chars(name.data() + 1, name.data() + name.size(), number);
  return number;
}

bool term_parser::has_term(const syntax& tree) {
  if (tree.what == operation::column)
    return number_of(tree.name).has_value();
  return std::any_of(tree.children.begin(), tree.children.end(),
                     [](const auto& child) { return has_term(*child); });
}

std::optional<expression_error> term_parser::read_condition(syntax_ptr& tree,
                                                            std::optional<uint16_t> own) {
  own_ = own;
  in_condition_ = true;
  problem_.reset();
  read(tree);
  return problem_;
}

std::optional<expression_error> term_parser::read_measure(syntax_ptr& tree) {
  own_.reset();
  in_condition_ = false;
  problem_.reset();
  read(tree);
  return problem_;
}

bool term_parser::refuse(size_t offset, std::string message) {
  if (!problem_)
    problem_ = {std::move(message), offset};
  return false;
}

void term_parser::read(syntax_ptr& tree) {
  if (problem_)
    return;
  if (auto what = function_of(*tree))
    return read_call(tree, *what);
  if (tree->what == operation::column)
    return read_column(tree);
  for (auto& child : tree->children)
    read(child);
}

term_parser::column_name term_parser::split(std::string_view name) const {
  auto point = name.find('.');
  if (point != std::string_view::npos) {
    auto found = std::find(variables_.begin(), variables_.end(), name.substr(0, point));
    if (found != variables_.end())
      return {static_cast<uint16_t>(found - variables_.begin()),
              std::string{name.substr(point + 1)}};
  }
  return {std::nullopt, std::string{name}};
}

void term_parser::read_column(syntax_ptr& tree) {
  auto name = split(tree->name);
  if (name.column == "*") {
    refuse(tree->offset, "`*` stands for rows to count: write COUNT(" + tree->name + ")");
    return;
  }
  auto of_this_row = in_condition_ && (!name.variable || name.variable == own_);
  if (of_this_row) {
    tree->name = std::move(name.column);
    return;
  }
  term_syntax out{function::last, name.variable, std::move(tree), 0, 0, {}};
  out.at = out.argument->offset;
  out.argument->name = std::move(name.column);
  replace(tree, std::move(out));
}

void term_parser::read_call(syntax_ptr& tree, function what) {
  term_syntax out{what, std::nullopt, nullptr, 0, tree->offset, {}};
  auto positional = what == function::first || what == function::last;
  auto most = positional ? 2u : 1u;
  auto fewest = what == function::count ? 0u : 1u;
  auto given = tree->children.size();
  if (given < fewest || given > most) {
    refuse(tree->offset,
           positional ? fmt::format("{0} takes a value and perhaps how many rows further, e.g. "
                                    "{0}(A.price, 1)",
                                    tree->name)
                      : fmt::format("{0} takes one value, e.g. {0}(A.price)", tree->name));
    return;
  }
  if (given == 2 && !read_offset(*tree, out))
    return;
  if (given > 0 && !read_argument(std::move(tree->children.front()), out))
    return;
  replace(tree, std::move(out));
}

bool term_parser::read_offset(const syntax& call, term_syntax& out) {
  const auto& x = *call.children[1];
  if (x.what != operation::literal || x.type.kind != type_kind::int64 || x.integer < 0
      || x.integer > 100'000)
    return refuse(x.offset, "how many rows further is a number from 0 to 100000");
  out.offset = static_cast<uint32_t>(x.integer);
  return true;
}

bool term_parser::read_argument(syntax_ptr argument, term_syntax& out) {
  if (out.what == function::count && argument->what == operation::column) {
    auto name = split(argument->name);
    if (name.column == "*") {
      out.variable = name.variable;
      return true;
    }
  }
  auto named = false;
  if (!strip(*argument, out, named))
    return false;
  out.argument = std::move(argument);
  return true;
}

/// Makes qualified columns plain ones, all of one variable.
bool term_parser::strip(syntax& tree, term_syntax& out, bool& named) {
  if (function_of(tree))
    return refuse(tree.offset, fmt::format("{} cannot stand inside another function over the rows "
                                           "of a match",
                                           tree.name));
  if (tree.what == operation::column) {
    auto name = split(tree.name);
    if (name.column == "*")
      return refuse(tree.offset, "`*` stands for rows to count, and only COUNT does that");
    if (named && name.variable != out.variable)
      return refuse(tree.offset, "the columns here are of different variables: a function over the "
                                 "rows of a match is about one of them, or about all rows where "
                                 "none is named");
    out.variable = name.variable;
    named = true;
    tree.name = std::move(name.column);
  }
  for (auto& child : tree.children)
    if (!strip(*child, out, named))
      return false;
  return true;
}

void term_parser::replace(syntax_ptr& tree, term_syntax by) {
  by.key = fmt::format("{} {} {} ", static_cast<int>(by.what),
                       by.variable ? static_cast<int>(*by.variable) : -1, by.offset);
  if (by.argument)
    describe(*by.argument, by.key);
  auto found =
      std::find_if(terms_.begin(), terms_.end(), [&](const auto& x) { return x.key == by.key; });
  auto number = static_cast<size_t>(found - terms_.begin());
  auto column = std::make_unique<syntax>();
  column->what = operation::column;
  column->offset = by.at;
  column->name = name_of(number);
  if (found == terms_.end())
    terms_.push_back(std::move(by));
  tree = std::move(column);
}

} // namespace keyfold::patterns
