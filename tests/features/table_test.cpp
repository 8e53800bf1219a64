#include "features/table.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <map>
#include <random>

using namespace keyfold;
using outcome = table_builder::outcome;

namespace {

column named(const std::string& name, const std::string& type) {
  return {name, *parse_data_type(type)};
}

std::vector<column> user_columns() {
  return {named("id", "int32"), named("name", "string"), named("score", "double")};
}

cell text(std::string_view x) {
  return cell::string(x);
}

std::unique_ptr<table_snapshot> users(const std::vector<std::pair<int64_t, std::string>>& rows) {
  table_builder builder{user_columns(), {0}, {}};
  for (const auto& [id, name] : rows)
    builder.add(std::vector{cell::integer(id), text(name), cell::real(0.5)});
  return builder.build();
}

struct counted_rows final : table_index {
  explicit counted_rows(uint32_t rows) : count(rows) {}
  uint32_t count;
};

} // namespace

TEST_CASE("table: every type of column gives back what was put in, and nulls") {
  auto types = {"bool",
                "int32",
                "int64",
                "float",
                "double",
                "decimal(9,2)",
                "bytes",
                "string",
                "timestamp",
                "list<int64>",
                "map<string,string>"};
  std::vector<column> columns;
  for (const auto* type : types)
    columns.push_back(named("c" + std::to_string(columns.size()), type));
  std::vector<cell> items{cell::integer(1), cell{}, cell::integer(-3)};
  std::vector<cell> entries{text("k"), text("v")};
  std::vector<cell> row{
      cell::boolean(true),      cell::integer(INT32_MIN), cell::integer(INT64_MAX),
      cell::real(0.25),         cell::real(1e300),        cell::decimal(-12345, 2),
      cell::bytes({"\0\1", 2}), text("größer"),           cell::timestamp(event_time{duration{-5}}),
      cell::list(items),        cell::map(entries)};
  table_builder builder{columns, {1}, {}};
  REQUIRE(builder.add(row) == outcome::added);
  std::vector<cell> nulls(row.size());
  nulls[1] = cell::integer(7);
  REQUIRE(builder.add(nulls) == outcome::added);
  auto made = builder.build();
  REQUIRE(made->rows() == 2);
  for (uint32_t i = 0; i < row.size(); ++i) {
    CAPTURE(i);
    CHECK(identical(made->value(0, i), row[i]));
    CHECK(identical(made->value(1, i), nulls[i]));
  }
}

TEST_CASE(
    "table: keys are found, of one column or several; others, nulls and other kinds are not") {
  auto one = users({{1, "ann"}, {-2, "bob"}});
  CHECK(one->find(std::vector{cell::integer(-2)}) == 1u);
  CHECK_FALSE(one->find(std::vector{cell::integer(2)}));
  CHECK_FALSE(one->find(std::vector{cell{}}));
  CHECK_FALSE(one->find(std::vector{text("1")}));
  CHECK_FALSE(one->find(std::vector{cell::integer(1), cell::integer(1)}));
  CHECK_FALSE(one->find({}));
  CHECK_FALSE(users({})->find(std::vector{cell::integer(1)}));

  table_builder builder{
      {named("a", "string"), named("b", "bool"), named("c", "double")}, {1, 0}, {}};
  builder.add(std::vector{text("x"), cell::boolean(true), cell::real(1)});
  builder.add(std::vector{text("x"), cell::boolean(false), cell::real(2)});
  auto two = builder.build();
  CHECK(two->find(std::vector{cell::boolean(false), text("x")}) == 1u);
  CHECK_FALSE(two->find(std::vector{text("x"), cell::boolean(false)}));

  table_builder reals{{named("r", "double")}, {0}, {}};
  reals.add(std::vector{cell::real(0.0)});
  CHECK(reals.add(std::vector{cell::real(-0.0)}) == outcome::replaced);
}

TEST_CASE("table: the last row of a key wins, in the place of the first") {
  table_builder builder{user_columns(), {0}, {}};
  CHECK(builder.add(std::vector{cell::integer(1), text("ann"), cell{}}) == outcome::added);
  CHECK(builder.add(std::vector{cell::integer(2), text("bob"), cell{}}) == outcome::added);
  CHECK(builder.add(std::vector{cell::integer(1), text("anna"), cell::real(3)})
        == outcome::replaced);
  auto made = builder.build();
  CHECK(made->rows() == 2);
  CHECK(made->value(0, 1).as_text() == "anna");
  CHECK(made->value(0, 2).as_real() == 3);
}

TEST_CASE("table: rows without a key and with too long a text are left out") {
  table_builder builder{user_columns(), {0}, {}};
  CHECK(builder.add(std::vector{cell{}, text("ann"), cell{}}) == outcome::null_key);
  std::string most(table_snapshot::max_text_bytes, 'x');
  CHECK(builder.add(std::vector{cell::integer(1), text(most), cell{}}) == outcome::added);
  CHECK(builder.add(std::vector{cell::integer(2), text(most + "x"), cell{}}) == outcome::long_text);
  CHECK(builder.add(std::vector{cell::integer(3), text(""), cell{}}) == outcome::added);
  auto made = builder.build();
  CHECK(made->rows() == 2);
  CHECK(made->value(0, 1).as_text() == most);
  CHECK(made->value(1, 1).as_text().empty());
}

TEST_CASE("table: bounds on rows and bytes refuse what is beyond them, and only that") {
  table_builder few{user_columns(), {0}, {2, 1u << 20}};
  CHECK(few.add(std::vector{cell::integer(1), text("a"), cell{}}) == outcome::added);
  CHECK(few.add(std::vector{cell::integer(2), text("b"), cell{}}) == outcome::added);
  CHECK(few.add(std::vector{cell::integer(3), text("c"), cell{}}) == outcome::too_many_rows);
  CHECK(few.add(std::vector{cell::integer(2), text("d"), cell{}}) == outcome::replaced);
  CHECK(few.build()->rows() == 2);

  for (auto size : {size_t{1}, size_t{300}, size_t{40'000}}) {
    table_bounds bounds{1'000'000, 1u << 20};
    table_builder builder{user_columns(), {0}, bounds};
    auto last = outcome::added;
    for (int64_t i = 0; last == outcome::added; ++i) {
      auto name = std::to_string(i) + std::string(size, 'x');
      last = builder.add(std::vector{cell::integer(i), text(name), cell{}});
    }
    CHECK(last == outcome::too_many_bytes);
    CHECK(builder.memory() <= bounds.max_bytes);
    CHECK(builder.memory() > bounds.max_bytes / 3);
  }
}

TEST_CASE("table: a row takes few bytes, and texts that repeat are kept once") {
  constexpr int64_t rows = 100'000;
  table_builder unique{{named("id", "int32"), named("name", "string")}, {0}, {}};
  table_builder repeated{{named("id", "int32"), named("category", "string")}, {0}, {}};
  for (int64_t i = 0; i < rows; ++i) {
    auto name = fmt::format("user-{:07}", i);
    unique.add(std::vector{cell::integer(i), text(name)});
    auto category = fmt::format("a rather long category {}", i % 1000);
    repeated.add(std::vector{cell::integer(i), text(category)});
  }
  CHECK(unique.build()->memory() < rows * (12 + 24));
  CHECK(repeated.build()->memory() < rows * 23);
}

TEST_CASE("table: random rows are found as a map finds them") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  std::map<std::pair<int64_t, std::string>, std::string> expected;
  table_builder builder{
      {named("v", "string"), named("b", "string"), named("a", "int64")}, {2, 1}, {}};
  for (int i = 0; i < 20'000; ++i) {
    auto a = static_cast<int64_t>(random() % 100);
    std::string b(random() % 300, static_cast<char>('a' + random() % 20));
    std::string v(random() % 20, static_cast<char>('a' + random() % 20));
    auto fresh = expected.insert_or_assign({a, b}, v).second;
    CHECK(builder.add(std::vector{text(v), text(b), cell::integer(a)})
          == (fresh ? outcome::added : outcome::replaced));
  }
  auto made = builder.build();
  CHECK(made->rows() == expected.size());
  for (const auto& [key, v] : expected) {
    auto row = made->find(std::vector{cell::integer(key.first), text(key.second)});
    REQUIRE(row);
    CHECK(made->value(*row, 0).as_text() == v);
    CHECK_FALSE(made->find(std::vector{cell::integer(key.first + 100), text(key.second)}));
  }
}

TEST_CASE(
    "table: a snapshot is published whole, with its indexes; who holds the old one keeps it") {
  table held{"users", user_columns(), {0}};
  CHECK(held.current() == nullptr);
  CHECK_FALSE(held.problem().empty());
  auto number =
      held.add_index([](const auto& x) { return std::make_unique<const counted_rows>(x.rows()); });
  held.publish(users({{1, "ann"}}));
  auto first = held.current();
  held.publish(users({{1, "anna"}, {2, "bob"}}));
  auto second = held.current();
  CHECK(first->version() == 1);
  CHECK(second->version() == 2);
  CHECK(first->value(0, 1).as_text() == "ann");
  CHECK(second->value(0, 1).as_text() == "anna");
  CHECK(static_cast<const counted_rows&>(first->index(number)).count == 1);
  CHECK(static_cast<const counted_rows&>(second->index(number)).count == 2);
  CHECK(held.problem().empty());
}

TEST_CASE("table: looks up many keys at once, into memory of the asker's") {
  table held{"users", user_columns(), {0}};
  std::vector keys{cell::integer(2), cell::integer(9), cell{}, cell::integer(1)};
  std::vector<uint32_t> fields{2, 1};
  std::vector<cell> values(keys.size() * fields.size(), cell::boolean(true));
  std::vector<uint8_t> found(keys.size(), 7);
  arena memory;
  lookup_request request{keys, fields, values, found, memory};
  CHECK_FALSE(held.look_up(request)); // nothing is loaded yet
  held.publish(users({{1, "ann"}, {2, "bob"}}));
  REQUIRE(held.look_up(request));
  held.publish(users({}));
  CHECK(found == std::vector<uint8_t>{1, 0, 0, 1});
  CHECK(values[0].as_real() == 0.5);
  CHECK(values[1].as_text() == "bob");
  CHECK(values[2].is_null());
  CHECK(values[3].is_null());
  CHECK(values[5].is_null());
  CHECK(values[7].as_text() == "ann");
}
