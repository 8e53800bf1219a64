#include "features/pattern/program.hpp"

#include "features/expression/comparison.hpp"
#include "features/expression/compile.hpp"
#include "features/expression/parser.hpp"
#include "features/nearest_name.hpp"
#include "features/pattern/term_parser.hpp"
#include "features/type_makers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::patterns {

namespace {

using expressions::operation;
using expressions::syntax;
using expressions::syntax_ptr;
using place = pattern_error::place;
using function = term::function;

std::vector<std::string> names_of(const std::vector<pattern_settings::variable>& variables) {
  std::vector<std::string> out;
  for (const auto& x : variables)
    out.push_back(x.name);
  return out;
}

/// Compiles the expressions of a pattern. After the first problem every function returns at once.
class compiler {
public:
  explicit compiler(const pattern_settings& settings)
      : settings_(settings), variables_(names_of(settings.variables)), parser_(variables_) {}

  tl::expected<program, pattern_error> make() {
    if (!number_conditions() || !read_texts() || !choose_columns() || !compile_terms()
        || !compile_conditions() || !compile_measures())
      return tl::unexpected{problem_};
    auto states = make_automaton(settings_, until_numbers_);
    if (!states)
      return tl::unexpected{std::move(states).error()};
    made_.states = *std::move(states);
    note_heeded(made_.states);
    if (!check_skip())
      return tl::unexpected{problem_};
    list_columns();
    return std::move(made_);
  }

private:
  /// A condition's text as parsed.
  struct parsed_condition {
    uint32_t text = 0;                ///< of `pattern_settings::conditions`
    std::optional<uint16_t> variable; ///< that takes a row; without: ends a loop
    syntax_ptr of_row;
    syntax_ptr of_match;
  };

  bool refuse(place where, size_t number, size_t offset, std::string message) {
    problem_ = {where, static_cast<uint32_t>(number), offset, std::move(message)};
    return false;
  }
  bool refuse(place where, size_t number, expression_error error) {
    return refuse(where, number, error.offset, std::move(error.message));
  }

  void number_untils(const pattern_element& x) {
    if (x.until && until_numbers_[*x.until] == 0) {
      until_numbers_[*x.until] =
          static_cast<uint16_t>(settings_.variables.size() + conditions_.size());
      conditions_.push_back({*x.until, std::nullopt, nullptr, nullptr});
    }
    for (const auto& part : x.parts)
      number_untils(part);
  }

  bool number_conditions() {
    until_numbers_.resize(settings_.conditions.size());
    number_untils(settings_.pattern);
    made_.conditions.resize(settings_.variables.size() + conditions_.size());
    if (made_.conditions.size() > most_conditions)
      return refuse(place::pattern, 0, 0,
                    fmt::format("a pattern has at most {} variables and `until` conditions, and "
                                "this has {}",
                                most_conditions, made_.conditions.size()));
    const auto count = static_cast<uint16_t>(settings_.variables.size()); // within the bound
    for (uint16_t i = 0; i < count; ++i) {
      made_.conditions[i].as = i;
      if (settings_.variables[i].condition)
        conditions_.push_back({*settings_.variables[i].condition, i, nullptr, nullptr});
    }
    return true;
  }

  bool read_texts() {
    for (auto& x : conditions_) {
      auto tree = expressions::parse(settings_.conditions[x.text]);
      if (!tree)
        return refuse(place::condition, x.text, tree.error());
      if (auto problem = parser_.read_condition(*tree, x.variable))
        return refuse(place::condition, x.text, *problem);
      divide(x, *std::move(tree));
    }
    terms_of_conditions_ = parser_.terms().size();
    for (size_t i = 0; i < settings_.measures.size(); ++i) {
      auto tree = expressions::parse(settings_.measures[i].text);
      if (!tree)
        return refuse(place::measure, i, tree.error());
      if (auto problem = parser_.read_measure(*tree))
        return refuse(place::measure, i, *problem);
      measures_.push_back(*std::move(tree));
    }
    return true;
  }

  /// What of a conjunction is about the row alone is found out once, when the row arrives.
  static void divide(parsed_condition& x, syntax_ptr tree) {
    if (tree->what != operation::logical_and) {
      (term_parser::has_term(*tree) ? x.of_match : x.of_row) = std::move(tree);
      return;
    }
    for (auto& part : tree->children) {
      auto& to = term_parser::has_term(*part) ? x.of_match : x.of_row;
      if (!to) {
        to = std::make_unique<syntax>();
        to->what = operation::logical_and;
        to->offset = tree->offset;
      }
      to->children.push_back(std::move(part));
    }
    for (auto* half : {&x.of_row, &x.of_match})
      if (*half && (*half)->children.size() == 1 && (*half)->what == operation::logical_and)
        *half = std::move((*half)->children.front());
  }

  /// Finds the columns that the tree names, and perhaps keeps them; complains of those that there
  /// are not.
  bool find_columns(const syntax& tree, place where, size_t number, bool keep) {
    if (tree.what == operation::column && !term_parser::number_of(tree.name)) {
      auto found = std::find_if(settings_.columns.begin(), settings_.columns.end(),
                                [&](const auto& x) { return x.name == tree.name; });
      if (found == settings_.columns.end())
        return refuse(where, number, tree.offset, unknown(tree.name));
      auto column = static_cast<uint32_t>(found - settings_.columns.begin());
      auto& kept = made_.kept_columns;
      if (keep && std::find(kept.begin(), kept.end(), column) == kept.end())
        kept.push_back(column);
    }
    return std::all_of(tree.children.begin(), tree.children.end(), [&](const auto& child) {
      return find_columns(*child, where, number, keep);
    });
  }

  std::string unknown(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const auto& x : settings_.columns)
      names.push_back(x.name);
    auto point = name.find('.');
    auto prefix = point == std::string_view::npos ? std::string_view{} : name.substr(0, point);
    auto rest = prefix.empty() ? prefix : name.substr(point + 1);
    if (std::find(names.begin(), names.end(), rest) != names.end()) {
      std::vector<std::string_view> variables{variables_.begin(), variables_.end()};
      return fmt::format("`{}` is no variable of the pattern{}", prefix.substr(0, 100),
                         did_you_mean(prefix, variables));
    }
    return fmt::format("column `{}` is unknown{}", name.substr(0, 100), did_you_mean(name, names));
  }

  bool choose_columns() {
    for (const auto& x : conditions_) {
      if (x.of_row && !find_columns(*x.of_row, place::condition, x.text, false))
        return false;
      if (x.of_match && !find_columns(*x.of_match, place::condition, x.text, true))
        return false;
    }
    for (size_t i = 0; i < parser_.terms().size(); ++i)
      if (const auto& x = parser_.terms()[i]; x.argument) {
        auto [where, number] = place_of_term(i);
        if (!find_columns(*x.argument, where, number, true))
          return false;
      }
    std::sort(made_.kept_columns.begin(), made_.kept_columns.end());
    for (auto column : made_.kept_columns) {
      kept_.push_back(settings_.columns[column]);
      made_.kept_types.push_back(settings_.columns[column].type);
    }
    return true;
  }

  /// The text in which a term stands first.
  std::pair<place, size_t> place_of_term(size_t term) const {
    for (const auto& x : conditions_)
      if (x.of_match && mentions(*x.of_match, term))
        return {place::condition, x.text};
    for (size_t i = 0; i < measures_.size(); ++i)
      if (mentions(*measures_[i], term))
        return {place::measure, i};
    return {place::pattern, 0};
  }

  static bool mentions(const syntax& tree, size_t term) {
    return (tree.what == operation::column && term_parser::number_of(tree.name) == term)
           || std::any_of(tree.children.begin(), tree.children.end(),
                          [&](const auto& child) { return mentions(*child, term); });
  }

  bool compile_terms() {
    for (size_t i = 0; i < parser_.terms().size(); ++i) {
      const auto& x = parser_.terms()[i];
      auto [where, number] = place_of_term(i);
      term made{x.what, x.variable, std::nullopt, x.offset, scalar(type_kind::int64)};
      if (x.argument) {
        auto compiled = expressions::compile(*x.argument, kept_);
        if (!compiled)
          return refuse(where, number, compiled.error());
        made.argument = *std::move(compiled);
        if (!type_term(made, x.at, where, number))
          return false;
      }
      term_scope_.push_back({term_parser::name_of(i), made.type, true});
      made_.terms.add(std::move(made));
    }
    // Conditions are evaluated for every row, measures once per match.
    for (uint32_t i = 0; i < terms_of_conditions_; ++i)
      made_.terms.keep_running(i);
    return true;
  }

  bool type_term(term& x, size_t at, place where, size_t number) {
    const auto& type = x.argument->type();
    auto refuse_type = [&](std::string_view what) {
      return refuse(where, number, at, fmt::format("{}, and this is `{}`", what, to_string(type)));
    };
    switch (x.what) {
    case function::first:
    case function::last:
      x.type = type;
      return true;
    case function::count:
      return true;
    case function::sum:
    case function::avg:
      if (!is_numeric(type.kind))
        return refuse_type("a sum or an average needs numbers");
      x.type = scalar(type_kind::float64);
      if (x.what == function::sum && is_integer(type.kind))
        x.type = scalar(type_kind::int64);
      if (x.what == function::sum && type.kind == type_kind::decimal)
        x.type = {type_kind::decimal, 18, type.scale, nullptr};
      return true;
    case function::min:
    case function::max:
      x.type = type;
      x.order = expressions::order_of(type.kind);
      return x.order != nullptr || refuse_type("MIN and MAX need values that have an order");
    }
    return true;
  }

  std::optional<expression> compile_condition(const syntax& tree, const scope& columns,
                                              uint32_t text) {
    auto compiled = expressions::compile(tree, columns);
    if (!compiled) {
      refuse(place::condition, text, compiled.error());
      return std::nullopt;
    }
    if (compiled->type().kind != type_kind::boolean) {
      refuse(
          place::condition, text, tree.offset,
          fmt::format("this is `{}`, and a condition must be `bool`", to_string(compiled->type())));
      return std::nullopt;
    }
    return *std::move(compiled);
  }

  bool compile_conditions() {
    auto both = kept_;
    both.insert(both.end(), term_scope_.begin(), term_scope_.end());
    for (const auto& x : conditions_) {
      auto number = x.variable ? *x.variable : until_numbers_[x.text];
      auto& made = made_.conditions[number];
      if (x.of_row) {
        made.of_row = compile_condition(*x.of_row, settings_.columns, x.text);
        if (!made.of_row)
          return false;
      }
      if (!x.of_match)
        continue;
      made_.looks_back = true;
      made.of_match = compile_condition(*x.of_match, both, x.text);
      if (!made.of_match)
        return false;
      for (auto column : made.of_match->columns())
        if (column >= kept_.size())
          made.terms.push_back(column - static_cast<uint32_t>(kept_.size()));
    }
    return true;
  }

  bool compile_measures() {
    for (size_t i = 0; i < measures_.size(); ++i) {
      auto compiled = expressions::compile(*measures_[i], term_scope_);
      if (!compiled)
        return refuse(place::measure, i, compiled.error());
      if (compiled->type().kind == type_kind::null)
        return refuse(place::measure, i, 0, "this is always NULL: CAST it to a type");
      std::vector<uint32_t> terms{compiled->columns().begin(), compiled->columns().end()};
      made_.measures.push_back(
          {settings_.measures[i].name, *std::move(compiled), std::move(terms)});
    }
    return true;
  }

  bool check_skip() {
    using skip = pattern_settings::skip;
    if (settings_.lenient_skip
        || (settings_.after != skip::to_first && settings_.after != skip::to_last))
      return true;
    auto target = skip_target_of(made_.states, settings_.skip_to);
    const auto& name = settings_.variables[settings_.skip_to].name;
    if (!target.always_there)
      return refuse(
          place::pattern, 0, 0,
          fmt::format("a match may have no row of `{}`, and then there is nothing to skip "
                      "to; skip to another variable, or allow it with "
                      "\"skip_without_target\": \"ignore\"",
                      name));
    // LAST(A) of A+ may be the first row too, where A takes only one.
    if (!target.never_first)
      return refuse(place::pattern, 0, 0,
                    fmt::format("a match may begin with `{}`: skipping to it would find the same "
                                "match for ever; skip to another variable, or allow it with "
                                "\"skip_without_target\": \"ignore\"",
                                name));
    return true;
  }

  void list_columns() {
    auto& out = made_.columns;
    out = made_.kept_columns;
    for (const auto& x : made_.conditions)
      if (x.of_row)
        out.insert(out.end(), x.of_row->columns().begin(), x.of_row->columns().end());
    if (settings_.where)
      out.insert(out.end(), settings_.where->columns().begin(), settings_.where->columns().end());
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }

  const pattern_settings& settings_;
  std::vector<std::string> variables_;
  term_parser parser_;
  std::vector<uint16_t> until_numbers_; // per text, 0: ends no loop
  std::vector<parsed_condition> conditions_;
  std::vector<syntax_ptr> measures_;
  size_t terms_of_conditions_ = 0;
  scope kept_;
  scope term_scope_;
  program made_;
  pattern_error problem_;
};

} // namespace

tl::expected<program, pattern_error> make_program(const pattern_settings& settings) {
  return compiler{settings}.make();
}

} // namespace keyfold::patterns
