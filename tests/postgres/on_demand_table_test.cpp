#include <catch2/catch.hpp>

#include "users_table.hpp"

#include "connectors/postgres/on_demand_table.hpp"
#include "features/table_slot.hpp"

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

namespace {

struct asked {
  explicit asked(on_demand_settings settings)
      : slot(std::make_shared<table_slot>("users", columns_of(settings.table), settings.table.key,
                                          true)),
        table(std::make_shared<on_demand_table>(std::move(settings), slot, registry, letters)) {
    table->start();
  }
  ~asked() { table->stop(); }

  std::shared_ptr<metrics_registry> registry = std::make_shared<metrics_registry>();
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();
  std::shared_ptr<table_slot> slot;
  std::shared_ptr<on_demand_table> table;
};

} // namespace

TEST_CASE("postgres table on demand: many keys at once, and what is missing", "[server]") {
  asked x{{users(make_users()), {}}};
  CHECK(x.table->waits());
  CHECK(answer(*x.table, {key_cell(1), key_cell(500), {}, key_cell(7), key_cell(1)})
        == "user 1 - - NULL user 1");
  CHECK(metric(*x.registry, "queries_total") == 1);
  CHECK(metric(*x.registry, "misses_total") == 3);
  // All of it is known now, also what is missing.
  CHECK(names(*x.table, {key_cell(500), key_cell(7)}) == "- NULL");
  CHECK(metric(*x.registry, "queries_total") == 1);
  std::vector<cell> many;
  for (int i = 0; i < 10'000; ++i)
    many.push_back(key_cell(i));
  CHECK(answer(*x.table, many).starts_with("user 0 user 1 user 2"));
}

TEST_CASE("postgres table on demand: rows are forgotten after their time", "[server]") {
  auto schema = make_users();
  asked x{{users(schema), {}, std::chrono::milliseconds{300}, std::chrono::milliseconds{300}}};
  CHECK(answer(*x.table, {key_cell(1), key_cell(200)}) == "user 1 -");
  sql("UPDATE " + schema + ".users SET username = 'renamed' WHERE id = 1; INSERT INTO " + schema
      + ".users VALUES (200, 'new')");
  CHECK(names(*x.table, {key_cell(1), key_cell(200)}) == "user 1 -");
  CHECK(eventually([&] { return names(*x.table, {key_cell(1), key_cell(200)}) == "renamed new"; }));
}

TEST_CASE("postgres table on demand: the keys kept are bounded, however many are asked for",
          "[server]") {
  table_bounds bounds;
  bounds.max_rows = 10;
  asked x{{users(make_users()), bounds}};
  std::vector<cell> keys;
  for (int i = 0; i < 50; ++i)
    keys.push_back(key_cell(i));
  CHECK(answer(*x.table, keys).ends_with("user 49"));
  CHECK(metric(*x.registry, "keys") == 10);
  CHECK(metric(*x.registry, "evictions_total") == 40);
  CHECK(answer(*x.table, keys).ends_with("user 49"));
}

TEST_CASE("postgres table on demand: keys that the server cannot compare with are missing",
          "[server]") {
  auto schema = new_schema();
  sql(fmt::format("CREATE TABLE {0}.users (id uuid PRIMARY KEY, username text, created timestamp); "
                  "INSERT INTO {0}.users VALUES ('00000000-0000-0000-0000-000000000001', 'a')",
                  schema));
  asked x{{users(schema, "string"), {}}};
  CHECK(answer(*x.table, {cell::string("nonsense"),
                          cell::string("00000000-0000-0000-0000-000000000001"), cell::string("")})
        == "- a -");
}

TEST_CASE("postgres table on demand: rows that cannot be read are dead letters", "[server]") {
  auto schema = make_users();
  sql("UPDATE " + schema + ".users SET created = 'infinity' WHERE id = 3");
  asked x{{users(schema), {}}};
  CHECK(answer(*x.table, {key_cell(3), key_cell(4)}) == "- user 4");
  CHECK(eventually([&] { return !x.letters->empty(); }));
  auto letters = x.letters->take();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].stream == "table users");
  CHECK_THAT(letters[0].reason, Contains("since") && Contains("infinity"));
}

TEST_CASE("postgres table on demand: what is wrong is said, and mends by itself", "[server]") {
  auto schema = make_users();
  SECTION("a table that is not there yet") {
    sql("ALTER TABLE " + schema + ".users RENAME TO later");
    asked x{{users(schema), {}}};
    CHECK(names(*x.table, {key_cell(1)}) == "?");
    CHECK(eventually([&] { return x.table->problem().find("no table") != std::string::npos; }));
    sql("ALTER TABLE " + schema + ".later RENAME TO users");
    CHECK(answer(*x.table, {key_cell(1)}) == "user 1");
  }
  SECTION("a column that is not there, or of another type") {
    sql("ALTER TABLE " + schema + ".users RENAME created TO create_d");
    asked x{{users(schema), {}}};
    CHECK(names(*x.table, {key_cell(1)}) == "?");
    CHECK(eventually([&] {
      return x.table->problem().find("no column `created`: did you mean `create_d`")
             != std::string::npos;
    }));
    sql("ALTER TABLE " + schema + ".users RENAME create_d TO created; ALTER TABLE " + schema
        + ".users ALTER created TYPE text");
    CHECK(eventually([&] {
      return x.table->problem().find("cannot be read as timestamp") != std::string::npos;
    }));
  }
  SECTION("a server that goes away") {
    asked x{{users(schema), {}}};
    CHECK(answer(*x.table, {key_cell(1)}) == "user 1");
    test_server::instance().down();
    auto begun = std::chrono::steady_clock::now();
    CHECK(names(*x.table, {key_cell(2)}) == "?");
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{1});
    CHECK(names(*x.table, {key_cell(1)}) == "user 1");
    test_server::instance().up();
    CHECK(answer(*x.table, {key_cell(2)}) == "user 2");
  }
}
