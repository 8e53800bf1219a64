#include <catch2/catch.hpp>

#include "replicated_users.hpp"

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

TEST_CASE("postgres table replicated: a change counts as soon as it is committed", "[server]") {
  auto schema = make_users();
  {
    replicated x{schema};
    x.start();
    CHECK_FALSE(x.copy->waits());
    CHECK(names(*x.copy, {key_cell(1), key_cell(7), key_cell(200), {}}) == "user 1 NULL - -");
    sql("UPDATE " + schema + ".users SET username = 'renamed' WHERE id = 1");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == "renamed"; }));
    sql("BEGIN; INSERT INTO " + schema + ".users VALUES (200, 'new'); DELETE FROM " + schema
        + ".users WHERE id = 2; UPDATE " + schema + ".users SET id = 300 WHERE id = 3; COMMIT");
    CHECK(eventually([&] {
      return names(*x.copy, {key_cell(200), key_cell(2), key_cell(3), key_cell(300)})
             == "new - - user 3";
    }));
    // A text so long that the server keeps it elsewhere, and leaves it out while it is unchanged.
    sql("ALTER TABLE " + schema + ".users ALTER username SET STORAGE EXTERNAL; UPDATE " + schema
        + ".users SET username = repeat('x', 20000) WHERE id = 4");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(4)}).size() == 20'000; }));
    sql("UPDATE " + schema + ".users SET created = now() WHERE id = 4; UPDATE " + schema
        + ".users SET username = 'after' WHERE id = 5");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(5)}) == "after"; }));
    CHECK(names(*x.copy, {key_cell(4)}).size() == 20'000);
    // Also where its key is another, or another row's; and where the whole row is its identity.
    sql("UPDATE " + schema + ".users SET id = 400 WHERE id = 4; BEGIN; DELETE FROM " + schema
        + ".users WHERE id = 6; UPDATE " + schema + ".users SET id = 6 WHERE id = 400; COMMIT; "
        + "ALTER TABLE " + schema + ".users REPLICA IDENTITY FULL; UPDATE " + schema
        + ".users SET created = now() WHERE id = 6; UPDATE " + schema
        + ".users SET username = 'later' WHERE id = 5");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(5)}) == "later"; }));
    CHECK(names(*x.copy, {key_cell(6)}).size() == 20'000);
    CHECK(names(*x.copy, {key_cell(4), key_cell(400)}) == "- -");
    sql("TRUNCATE " + schema + ".users");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(5)}) == "-"; }));
    CHECK(x.copy->rows() == 0);
    CHECK(metric(*x.registry, "snapshots_total") == 1);
    x.source->stop();
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: bad rows of the whole table are told of before it counts",
          "[server]") {
  auto schema = make_users();
  sql("UPDATE " + schema + ".users SET created = 'infinity' WHERE id = 3");
  {
    replicated x{schema};
    REQUIRE(x.load() == "");
    CHECK(take_from(*x.copy).share.position);
    auto letters = x.letters->take();
    REQUIRE(letters.size() == 1);
    CHECK_THAT(letters[0].reason, Contains("infinity"));
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: a row that turns bad is missing until it can be read again",
          "[server]") {
  auto schema = make_users();
  auto table = schema + ".users";
  sql("ALTER TABLE " + table + " ALTER username SET STORAGE EXTERNAL; UPDATE " + table
      + " SET username = repeat('x', 20000) WHERE id = 4");
  {
    replicated x{schema};
    x.start();
    // Also with a long value that does not come along.
    sql("UPDATE " + table + " SET created = 'infinity' WHERE id IN (3, 4)");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(3), key_cell(4)}) == "- -"; }));
    auto told = x.letters->take();
    REQUIRE(told.size() == 2);
    CHECK_THAT(told[1].reason, Contains("`since`") && Contains("infinity"));
    sql("UPDATE " + table + " SET created = now() WHERE id IN (3, 4); UPDATE " + table
        + " SET username = 'after' WHERE id = 5");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(5)}) == "after"; }));
    CHECK(names(*x.copy, {key_cell(3), key_cell(4)}) == "user 3 -");
    told = x.letters->take();
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0].reason, Contains("`username`") && Contains("write the value again"));
    sql("UPDATE " + table + " SET username = username || '!' WHERE id = 4");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(4)}).size() == 20'001; }));
    CHECK(metric(*x.registry, "bad_rows_total") == 3);
    x.source->stop();
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: waits while deleted rows wait for the ledger", "[server]") {
  auto schema = make_users();
  table_bounds bounds;
  bounds.max_rows = 100;
  kept_rows ledger;
  {
    replicated x{schema, bounds};
    x.start();
    keep(*x.copy, ledger);
    sql("DELETE FROM " + schema + ".users; INSERT INTO " + schema + ".users SELECT n, 'b' FROM "
        + "generate_series(100, 199) AS n");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(199)}) == "b"; }));
    sql("DELETE FROM " + schema + ".users");
    CHECK(eventually([&] { return x.copy->rows() == 0; }));
    CHECK(eventually([&] { return metric(*x.registry, "waits_total") == 1; }));
    sql("INSERT INTO " + schema + ".users VALUES (200, 'c')");
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    CHECK(names(*x.copy, {key_cell(200)}) == "-");
    keep(*x.copy, ledger);
    CHECK(eventually([&] { return names(*x.copy, {key_cell(200)}) == "c"; }));
    x.stop(ledger);
    CHECK(ledger.rows.size() == 1);
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: a server that restarts is found again", "[server]") {
  auto schema = make_users();
  {
    replicated x{schema};
    x.start();
    test_server::instance().down(true);
    CHECK(eventually([&] { return metric(*x.registry, "failures_total") >= 1; }));
    CHECK(names(*x.copy, {key_cell(1)}) == "user 1");
    test_server::instance().up();
    sql("UPDATE " + schema + ".users SET username = 'later' WHERE id = 1");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == "later"; }));
    CHECK(metric(*x.registry, "snapshots_total") == 1);
    x.source->stop();
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: says what a person must do", "[server]") {
  auto schema = make_users();
  SECTION("more rows than it may have") {
    table_bounds bounds;
    bounds.max_rows = 50;
    replicated x{schema, bounds};
    CHECK_THAT(x.load(), Contains("more than 50 rows: raise `max_rows`"));
  }
  SECTION("rows that take more memory than they may") {
    table_bounds bounds;
    bounds.max_bytes = 5000;
    replicated x{schema, bounds};
    CHECK_THAT(x.load(), Contains("more than 5000 bytes: raise `max_memory`"));
  }
  SECTION("too many rows that cannot be read") {
    sql("INSERT INTO " + schema
        + ".users SELECT n, 'b', 'infinity' FROM generate_series(1000, 21000) AS n");
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("more than 10000 rows of the table cannot be read")
                             && Contains("`since`") && Contains("infinity"));
    CHECK(x.letters->empty());
  }
  SECTION("partitions, whose changes are not the table's") {
    sql(fmt::format("DROP TABLE {0}.users; CREATE TABLE {0}.users (id int PRIMARY KEY, username "
                    "text, created timestamptz) PARTITION BY RANGE (id); CREATE TABLE {0}.some "
                    "PARTITION OF {0}.users FOR VALUES FROM (0) TO (100)",
                    schema));
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("partitions") && Contains("on_demand"));
  }
  SECTION("updates that do not tell the key: it is not published, so that others may go on") {
    auto how = GENERATE("DROP CONSTRAINT users_pkey", "REPLICA IDENTITY NOTHING",
                        "DROP CONSTRAINT users_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
                        "DROP CONSTRAINT users_pkey, ADD number serial PRIMARY KEY");
    sql(fmt::format("ALTER TABLE {}.users {}", schema, how));
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("REPLICA IDENTITY FULL"));
    sql("UPDATE " + schema + ".users SET username = NULL");
  }
  SECTION("a publication that leaves out changes") {
    sql(fmt::format("CREATE PUBLICATION {0}_slot FOR TABLE {0}.users{1}", schema,
                    GENERATE(" WHERE (id < 50)", " WITH (publish = 'insert, delete')")));
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("leaves out"));
  }
  SECTION("no table") {
    sql("DROP TABLE " + schema + ".users");
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("there is no table"));
  }
}

TEST_CASE("postgres table replicated: a long transaction keeps the long values of its rows",
          "[server]") {
  auto schema = make_users();
  {
    replicated x{schema};
    x.start();
    // Parts of it are in the copy before its end.
    sql(fmt::format(
        "ALTER TABLE {0}.users ALTER username SET STORAGE EXTERNAL; BEGIN; UPDATE {0}.users SET "
        "username = repeat('x', 20000) WHERE id = 4; INSERT INTO {0}.users SELECT n, 'b' FROM "
        "generate_series(1000, 101000) AS n; UPDATE {0}.users SET created = now() WHERE id = 4; "
        "UPDATE {0}.users SET id = 400 WHERE id = 4; COMMIT",
        schema));
    CHECK(eventually([&] { return names(*x.copy, {key_cell(400)}) == std::string(20'000, 'x'); }));
    CHECK(names(*x.copy, {key_cell(4), key_cell(101'000)}) == "- b");
    CHECK(metric(*x.registry, "parts_total") >= 1);
    CHECK(metric(*x.registry, "snapshots_total") == 1);
    x.source->stop();
  }
  drop_slot(schema);
}
