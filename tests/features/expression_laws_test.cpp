#include "features/expression.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace keyfold;

namespace {

using truth = std::optional<bool>;
using number = std::optional<int64_t>;

/// Three numbers and two truths, some of them null, and the columns `a b c p q` that hold them.
struct random_row {
  number numbers[3];
  truth truths[2];
  std::vector<cell> cells;

  explicit random_row(std::mt19937_64& random) {
    for (auto& x : numbers) {
      x = random() % 4 == 0 ? number{} : number{static_cast<int64_t>(random() % 7) - 3};
      cells.push_back(x ? cell::integer(*x) : cell{});
    }
    for (auto& x : truths) {
      x = random() % 3 == 0 ? truth{} : truth{random() % 2 == 0};
      cells.push_back(x ? cell::boolean(*x) : cell{});
    }
  }
};

const scope columns{{"a", {type_kind::int64, 0, 0, nullptr}, true},
                    {"b", {type_kind::int64, 0, 0, nullptr}, true},
                    {"c", {type_kind::int64, 0, 0, nullptr}, true},
                    {"p", {type_kind::boolean, 0, 0, nullptr}, true},
                    {"q", {type_kind::boolean, 0, 0, nullptr}, true}};

truth both(truth x, truth y) {
  if ((x && !*x) || (y && !*y))
    return false;
  return x && y ? truth{true} : truth{};
}

truth negated(truth x) {
  return x ? truth{!*x} : x;
}

truth either(truth x, truth y) {
  return negated(both(negated(x), negated(y)));
}

template <class Operation>
auto lifted(number x, number y, Operation operation) -> std::optional<decltype(operation(*x, *y))> {
  if (!x || !y)
    return std::nullopt;
  return operation(*x, *y);
}

/// An expression's text with its value by the plainest rules there are.
template <class T>
struct sample {
  std::string text;
  T value;
};

/// Makes random expressions, worked out on a row as they are made.
class generator {
public:
  generator(std::mt19937_64& random, const random_row& row) : random_(random), row_(row) {}

  sample<number> numeric(int depth) {
    auto pick = random_() % (depth > 0 ? 9 : 3);
    if (pick == 0)
      return {"NULL", {}};
    if (pick == 1) {
      auto x = static_cast<int64_t>(random_() % 7) - 3;
      return {"(" + std::to_string(x) + ")", x};
    }
    if (pick == 2) {
      auto i = random_() % 3;
      return {std::string{"abc"[i]}, row_.numbers[i]};
    }
    auto x = numeric(depth - 1);
    auto y = numeric(depth - 1);
    switch (pick) {
    case 3:
      return {"(" + x.text + " + " + y.text + ")", lifted(x.value, y.value, std::plus<>{})};
    case 4:
      return {"(" + x.text + " - " + y.text + ")", lifted(x.value, y.value, std::minus<>{})};
    case 5:
      return {"(" + x.text + " * " + y.text + ")", lifted(x.value, y.value, std::multiplies<>{})};
    case 6:
      return {"(" + x.text + " / " + y.text + ")",
              y.value == 0 ? number{} : lifted(x.value, y.value, std::divides<>{})};
    case 7: {
      auto when = logical(depth - 1);
      return {"CASE WHEN " + when.text + " THEN " + x.text + " ELSE " + y.text + " END",
              when.value.value_or(false) ? x.value : y.value};
    }
    default:
      return {"COALESCE(" + x.text + ", " + y.text + ")", x.value ? x.value : y.value};
    }
  }

  sample<truth> logical(int depth) {
    auto pick = random_() % (depth > 0 ? 9 : 3);
    if (pick == 0)
      return {"NULL", {}};
    if (pick == 1) {
      auto x = random_() % 2 == 0;
      return {x ? "TRUE" : "FALSE", x};
    }
    if (pick == 2) {
      auto i = random_() % 2;
      return {std::string{"pq"[i]}, row_.truths[i]};
    }
    if (pick < 6)
      return of_truths(pick, depth);
    return of_numbers(pick, depth);
  }

private:
  sample<truth> of_truths(uint64_t pick, int depth) {
    auto x = logical(depth - 1);
    if (pick == 3)
      return {"(NOT " + x.text + ")", negated(x.value)};
    auto y = logical(depth - 1);
    if (pick == 4)
      return {"(" + x.text + " AND " + y.text + ")", both(x.value, y.value)};
    return {"(" + x.text + " OR " + y.text + ")", either(x.value, y.value)};
  }

  sample<truth> of_numbers(uint64_t pick, int depth) {
    auto x = numeric(depth - 1);
    auto y = numeric(depth - 1);
    if (pick == 6)
      return {"(" + x.text + " <= " + y.text + ")", lifted(x.value, y.value, std::less_equal<>{})};
    if (pick == 7)
      return {"(" + x.text + " IS NULL)", !x.value};
    auto z = numeric(depth - 1);
    if (random_() % 2 == 0)
      return {"(" + x.text + " IN (" + y.text + ", " + z.text + "))",
              either(lifted(x.value, y.value, std::equal_to<>{}),
                     lifted(x.value, z.value, std::equal_to<>{}))};
    return {"(" + x.text + " BETWEEN " + y.text + " AND " + z.text + ")",
            both(lifted(x.value, y.value, std::greater_equal<>{}),
                 lifted(x.value, z.value, std::less_equal<>{}))};
  }

  std::mt19937_64& random_;
  const random_row& row_;
};

cell value_of(const std::string& text, const random_row& row) {
  INFO(text);
  auto compiled = compile_expression(text, columns);
  REQUIRE(compiled);
  arena scratch;
  auto x = compiled->evaluate(row.cells, scratch);
  REQUIRE((x.is_null() || x.kind() == cell_kind_of(compiled->type().kind)));
  return x;
}

truth truth_of(const std::string& text, const random_row& row) {
  auto x = value_of(text, row);
  return x.is_null() ? truth{} : truth{x.as_boolean()};
}

} // namespace

TEST_CASE("expression: random expressions have the values of a plain three-valued evaluator") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (auto round = 0; round < 3000; ++round) {
    random_row row{random};
    generator make{random, row};
    auto condition = make.logical(4);
    INFO(condition.text);
    REQUIRE(truth_of(condition.text, row) == condition.value);
    auto amount = make.numeric(4);
    INFO(amount.text);
    auto x = value_of(amount.text, row);
    REQUIRE((x.is_null() ? number{} : number{x.as_integer()}) == amount.value);
  }
}

TEST_CASE("expression: the laws of three-valued logic hold") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (auto round = 0; round < 500; ++round) {
    random_row row{random};
    generator make{random, row};
    auto x = make.logical(3).text;
    auto y = make.logical(3).text;
    auto same = [&row](const std::string& left, const std::string& right) {
      INFO(left << "   ===   " << right);
      REQUIRE(truth_of(left, row) == truth_of(right, row));
    };
    same("NOT NOT (" + x + ")", x);
    same("NOT (" + x + " AND " + y + ")", "NOT (" + x + ") OR NOT (" + y + ")");
    same("NOT (" + x + " OR " + y + ")", "NOT (" + x + ") AND NOT (" + y + ")");
    same("(" + x + ") AND (" + y + ")", "(" + y + ") AND (" + x + ")");
    same("(" + x + ") IS NOT NULL", "NOT ((" + x + ") IS NULL)");
    auto a = make.numeric(3).text;
    auto b = make.numeric(3).text;
    auto c = make.numeric(3).text;
    same(a + " BETWEEN " + b + " AND " + c, a + " >= " + b + " AND " + a + " <= " + c);
    same(a + " NOT IN (" + b + ", " + c + ")", a + " <> " + b + " AND " + a + " <> " + c);
    same(a + " < " + b, b + " > " + a);
    same("NOT (" + a + " < " + b + ")", a + " >= " + b);
    same("NULLIF(" + a + ", " + b + ") IS NULL",
         a + " IS NULL OR COALESCE(" + a + " = " + b + ", FALSE)");
    same("CASE " + a + " WHEN " + b + " THEN TRUE ELSE FALSE END",
         "COALESCE(" + a + " = " + b + ", FALSE)");
  }
}

TEST_CASE("expression: widening does not change what a comparison of integers says") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (auto round = 0; round < 500; ++round) {
    random_row row{random};
    for (const auto* what : {"=", "<>", "<", "<=", ">", ">="}) {
      auto plain = truth_of(std::string{"a "} + what + " b", row);
      REQUIRE(truth_of(std::string{"CAST(a AS decimal(5,2)) "} + what + " b", row) == plain);
      REQUIRE(truth_of(std::string{"a "} + what + " CAST(b AS double)", row) == plain);
      REQUIRE(truth_of(std::string{"CAST(a AS double) "} + what + " CAST(b AS decimal(18,9))", row)
              == plain);
    }
  }
}
