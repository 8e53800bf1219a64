#include "graph_fixture.hpp"

#include "config/tables.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace keyfold::config;

namespace {

/// A definition of a table, and what is found wrong with it alone.
struct table_fixture {
  explicit table_fixture(const std::string& table)
      : text("{\"tables\": [" + table + "]}"), source(text, "d.json", test_environment),
        definition(source, &source.root(), ""), tables(definition) {}

  std::string all_errors() {
    std::string out;
    for (const auto& message : source.errors().messages)
      out += message + "\n";
    return out;
  }

  std::string text;
  document source;
  node definition;
  table_set tables;
};

std::string users(const std::string& rest = R"("key": ["id"])") {
  return R"({"name": "users", "source": {"type": "csv", "path": "users.csv"},
    "fields": {"id": "int32", "username": "string",
               "since": {"type": "timestamp", "format": "yyyy-MM-dd", "path": "joined"},
               "tags": "list<string>"}, )"
         + rest + "}";
}

} // namespace

TEST_CASE("tables: a table is read with its columns, key, file and bounds") {
  table_fixture made{users(R"("key": ["username", "id"], "max_rows": 10, "max_memory": "2MiB",
                              "max_bad_rows": 3)")};
  REQUIRE(made.all_errors().empty());
  const auto& plan = made.tables.plans().at(0);
  CHECK(plan.held->name() == "users");
  CHECK(plan.held->key() == std::vector<uint32_t>{1, 0});
  CHECK(plan.held->columns().at(2).name == "since");
  CHECK(plan.schema->fields.at(2).path == std::vector<std::string>{"joined"});
  CHECK_FALSE(plan.schema->fields.at(0).nullable); // as it is of the key
  CHECK(plan.schema->fields.at(2).nullable);
  CHECK(plan.bounds.max_rows == 10);
  CHECK(plan.bounds.max_bytes == 2u << 20);
  const auto& file = std::get<csv_table>(plan.source);
  CHECK(file.path == "users.csv");
  CHECK(file.max_bad_rows == 3);
  CHECK(file.settle == std::chrono::milliseconds{500});
}

TEST_CASE("tables: names lead to tables, a new one after `begin_again`") {
  table_fixture made{users()};
  auto first = made.tables.find_loaded(made.definition["tables"].items()[0]["name"], "it");
  REQUIRE(first != nullptr);
  CHECK(first->add_index(nullptr) == 0);
  made.tables.begin_again();
  auto second = made.tables.find_loaded(made.definition["tables"].items()[0]["name"], "it");
  CHECK(second != first);
  CHECK(second == made.tables.plans()[0].held);
  CHECK(second->add_index(nullptr) == 0);
  CHECK(second->key() == first->key());
  made.tables.check_use();
  CHECK(made.all_errors().empty());
}

TEST_CASE("tables: what is wrong is said where it is") {
  auto errors = [](const std::string& text) { return table_fixture{text}.all_errors(); };
  CHECK_THAT(errors(users(R"("key": ["ids"])")),
             Catch::Contains("the table `users` has no field `ids`: did you mean `id`?"));
  CHECK_THAT(errors(users(R"("key": ["tags"])")), Catch::Contains("which cannot be a key"));
  CHECK_THAT(errors(users(R"("key": ["id", "id"])")), Catch::Contains("listed twice"));
  CHECK_THAT(errors(users(R"("key": ["id"], "max_memory": "5KiB")")),
             Catch::Contains("at least 1MiB"));
  CHECK_THAT(errors(users() + "," + users()), Catch::Contains("two tables called `users`"));
  CHECK_THAT(errors(R"({"name": "t", "source": {"type": "csv", "path": "p", "header": false},
                        "fields": {"id": "int3"}, "key": ["id"]})"),
             Catch::Contains("needs `columns`") && Catch::Contains("int3"));
  table_fixture unused{users()};
  unused.tables.check_use();
  CHECK_THAT(unused.all_errors(), Catch::Contains("nothing reads the table `users`"));
  CHECK(unused.tables.find(unused.definition["tables"].items()[0]["source"]["type"]) == nullptr);
  CHECK_THAT(unused.all_errors(), Catch::Contains("none of the tables is called `csv`"));
}
