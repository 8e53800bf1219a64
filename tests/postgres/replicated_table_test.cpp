#include <catch2/catch.hpp>

#include "kept_rows.hpp"
#include "users_table.hpp"

#include "connectors/postgres/replicated_table.hpp"

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

namespace {

struct replicated {
  explicit replicated(const std::string& schema, table_bounds bounds = {},
                      std::chrono::milliseconds look_every = std::chrono::seconds{30})
      : settings{users(schema), bounds, schema + "_slot", schema + "_slot", look_every},
        copy(std::make_shared<table_copy>("users", columns_of(settings.table), settings.table.key,
                                          bounds)),
        source(std::make_unique<replicated_table>(settings, copy, registry, letters)) {}

  std::string load() {
    auto loaded = source->load();
    return loaded ? "" : loaded.error().message;
  }
  void start() {
    REQUIRE(load() == "");
    source->start();
  }
  /// As a new process with that ledger.
  void start(const kept_rows& ledger) {
    restore_to(*source->kept(), ledger);
    start();
  }
  /// Stops it as the engine does.
  void stop(kept_rows& ledger) {
    source->stop();
    keep(*source->kept(), ledger, 1u << 20, true);
  }

  replication_settings settings;
  std::shared_ptr<metrics_registry> registry = std::make_shared<metrics_registry>();
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();
  std::shared_ptr<table_copy> copy;
  std::unique_ptr<replicated_table> source;
};

void drop_slot(const std::string& schema) {
  sql(fmt::format("SELECT pg_drop_replication_slot('{}_slot')", schema));
}

} // namespace

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

TEST_CASE("postgres table replicated: rows left out for want of room are read with a wider bound",
          "[server]") {
  auto schema = make_users();
  table_bounds bounds;
  bounds.max_rows = 100;
  kept_rows ledger;
  {
    replicated x{schema, bounds};
    x.start();
    sql("INSERT INTO " + schema + ".users VALUES (200, 'left out')");
    CHECK(eventually([&] { return metric(*x.registry, "refused_rows_total") == 1; }));
    CHECK(names(*x.copy, {key_cell(200)}) == "-");
    x.stop(ledger);
  }
  {
    bounds.max_rows = 200;
    replicated x{schema, bounds};
    x.start(ledger);
    CHECK(names(*x.copy, {key_cell(200), key_cell(1)}) == "left out user 1");
    x.stop(ledger);
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: goes on at its position, also as a new process", "[server]") {
  auto schema = make_users();
  auto rename = [&](int id, const std::string& to) {
    sql(fmt::format("UPDATE {}.users SET username = '{}' WHERE id = {}", schema, to, id));
  };
  kept_rows older;
  kept_rows ledger;
  {
    replicated x{schema};
    x.start();
    CHECK(keep(*x.copy, older).rows.size() == 100);
    ledger = older;
    rename(1, "first");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == "first"; }));
    CHECK(keep(*x.copy, ledger).rows.size() == 1);
    x.stop(ledger);
  }
  auto slot = [&] {
    return sql(fmt::format("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = "
                           "'{}_slot'",
                           schema));
  };
  rename(1, "second");
  sql("DELETE FROM " + schema + ".users WHERE id = 2");
  auto anew = [&](const kept_rows& from) {
    replicated x{schema};
    x.start(from);
    CHECK(metric(*x.registry, "resumes_total") == 0);
    CHECK(metric(*x.registry, "snapshots_total") == 1);
    CHECK(names(*x.copy, {key_cell(1), key_cell(2)}) == "second -");
    // Only what has changed is new to the ledger; what is gone leaves it.
    auto after = from;
    x.stop(after);
    CHECK(after.rows.size() == 99);
    CHECK(after.position.has_value());
  };
  SECTION("at its position") {
    CHECK(pgoutput::read_lsn(slot()) <= static_cast<pgoutput::lsn>(ledger.position->next));
    replicated x{schema};
    x.start(ledger);
    CHECK(metric(*x.registry, "resumes_total") == 1);
    CHECK(metric(*x.registry, "snapshots_total") == 0);
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1), key_cell(2)}) == "second -"; }));
    CHECK(keep(*x.copy, ledger).rows.size() == 2);
    CHECK(ledger.rows.size() == 99);
    x.stop(ledger);
  }
  SECTION("with a ledger that has been put back, it is read anew: the server has forgotten") {
    REQUIRE(pgoutput::read_lsn(slot()) > static_cast<pgoutput::lsn>(older.position->next));
    anew(older);
  }
  SECTION("with a ledger that is not whole, it is read anew") {
    ledger.position.reset();
    anew(ledger);
  }
  SECTION("with a new ledger, it is read anew") {
    anew({});
  }
  SECTION("with rows of something else, it is read anew") {
    ledger.position->of = "something else";
    ledger.rows["garbage"] = "garbage";
    anew(ledger);
  }
  SECTION("with a slot that has gone on, it is read anew: changes would be missing") {
    sql(fmt::format("SELECT pg_replication_slot_advance('{}_slot', pg_current_wal_lsn())", schema));
    anew(ledger);
  }
  SECTION("without a slot, it is read anew") {
    drop_slot(schema);
    anew(ledger);
  }
  SECTION("with a table that was made anew, it is read anew") {
    sql(fmt::format("CREATE TABLE {0}.other (LIKE {0}.users INCLUDING ALL); INSERT INTO {0}.other "
                    "SELECT * FROM {0}.users; DROP TABLE {0}.users; ALTER TABLE {0}.other RENAME "
                    "TO users",
                    schema));
    anew(ledger);
  }
  SECTION("with a server that was put back, whose log ends before, it is read anew") {
    ledger.position->next += int64_t{1} << 40;
    anew(ledger);
  }
  SECTION("with a column that was made anew, it is read anew: no row has changed") {
    sql(fmt::format("ALTER TABLE {0}.users ADD other text; UPDATE {0}.users SET other = username",
                    schema));
    {
      replicated x{schema};
      x.start(ledger);
      CHECK(metric(*x.registry, "resumes_total") == 1); // another column is of no interest
      CHECK(eventually([&] { return names(*x.copy, {key_cell(1), key_cell(2)}) == "second -"; }));
      x.stop(ledger);
    }
    sql(fmt::format("ALTER TABLE {0}.users DROP username; ALTER TABLE {0}.users RENAME other TO "
                    "username",
                    schema));
    anew(ledger);
  }
  SECTION("with values that were rewritten, it is read anew") {
    sql(fmt::format("ALTER TABLE {0}.users ALTER username TYPE text USING lower(username)",
                    schema));
    anew(ledger);
  }
  SECTION("with a table that was out of the publication for a while, it is read anew") {
    sql(fmt::format(
        "ALTER PUBLICATION {0}_slot DROP TABLE {0}.users; UPDATE {0}.users SET username "
        "= 'unheard of' WHERE id = 3; ALTER PUBLICATION {0}_slot ADD TABLE {0}.users",
        schema));
    anew(ledger);
  }
  drop_slot(schema);
}

TEST_CASE("postgres table replicated: the server keeps what the ledger does not hold", "[server]") {
  auto schema = make_users();
  kept_rows ledger;
  {
    replicated x{schema};
    x.start();
    keep(*x.copy, ledger);
    sql("UPDATE " + schema + ".users SET username = 'lost' WHERE id = 1");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == "lost"; }));
    take_from(*x.copy); // and never committed
    x.source->stop();
  }
  {
    replicated x{schema};
    x.start(ledger);
    CHECK(metric(*x.registry, "resumes_total") == 1);
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == "lost"; }));
    x.stop(ledger);
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

TEST_CASE("postgres table replicated: a table that is altered meanwhile is read anew", "[server]") {
  auto schema = make_users();
  {
    replicated x{schema, {}, std::chrono::milliseconds{100}};
    x.start();
    auto becomes = [&](const std::string& statements, const std::string& name) {
      sql(fmt::format(fmt::runtime(statements), schema));
      CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}) == name; }));
    };
    becomes("ALTER TABLE {0}.users DROP username; ALTER TABLE {0}.users ADD username text DEFAULT "
            "'anew'",
            "anew");
    CHECK(metric(*x.registry, "snapshots_total") == 2);
    becomes("BEGIN; CREATE TABLE {0}.other (LIKE {0}.users INCLUDING ALL); INSERT INTO {0}.other "
            "(id, username) VALUES (1, 'other'); ALTER TABLE {0}.users RENAME TO old; ALTER TABLE "
            "{0}.other RENAME TO users; COMMIT",
            "other");
    sql(fmt::format("UPDATE {0}.users SET username = 'goes on' WHERE id = 1", schema));
    CHECK(eventually([&] { return names(*x.copy, {key_cell(1), key_cell(2)}) == "goes on -"; }));
    becomes("ALTER PUBLICATION {0}_slot DROP TABLE {0}.users; UPDATE {0}.users SET username = "
            "'unheard of'; ALTER PUBLICATION {0}_slot ADD TABLE {0}.users",
            "unheard of");
    CHECK(metric(*x.registry, "snapshots_total") == 4);
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

namespace {

/// User 1 has become user 300 with its long name, and another with another one user 1: of all that
/// the ledger has only the new user 1, and the position before.
kept_rows moved_and_half_taken(const std::string& schema) {
  replicated x{schema};
  x.start();
  kept_rows ledger;
  keep(*x.copy, ledger);
  sql(fmt::format("BEGIN; UPDATE {0}.users SET id = 300 WHERE id = 1; INSERT INTO {0}.users VALUES "
                  "(1, repeat('y', 20000)); COMMIT",
                  schema));
  CHECK(eventually([&] { return names(*x.copy, {key_cell(1)}).starts_with("y"); }));
  auto before = ledger.position->next;
  auto epoch = keep(*x.copy, ledger, 1);
  CHECK((epoch.rows.size() == 1 && epoch.rows[0].second.find("yyy") != std::string::npos));
  CHECK((ledger.position->next == before && ledger.position->ahead > before));
  x.source->stop();
  return ledger;
}

} // namespace

TEST_CASE("postgres table replicated: a replay takes no long value from a later row", "[server]") {
  auto schema = make_users();
  auto full = GENERATE(false, true);
  sql(fmt::format("ALTER TABLE {0}.users ALTER username SET STORAGE EXTERNAL; UPDATE {0}.users SET "
                  "username = repeat('x', 20000) WHERE id = 1; ALTER TABLE {0}.users REPLICA "
                  "IDENTITY {1}",
                  schema, full ? "FULL" : "DEFAULT"));
  auto ledger = moved_and_half_taken(schema);
  {
    replicated x{schema};
    x.start(ledger);
    CHECK(metric(*x.registry, "resumes_total") == 1);
    sql("UPDATE " + schema + ".users SET username = 'later' WHERE id = 5");
    CHECK(eventually([&] { return names(*x.copy, {key_cell(5)}) == "later"; }));
    CHECK(names(*x.copy, {key_cell(300), key_cell(1)})
          == std::string(20'000, 'x') + " " + std::string(20'000, 'y'));
    // With the old row whole there is nothing to guess, and nothing to read.
    CHECK(metric(*x.registry, "snapshots_total") == (full ? 0 : 1));
    x.stop(ledger);
    CHECK(ledger.position->ahead <= ledger.position->next);
    CHECK(x.letters->empty());
  }
  drop_slot(schema);
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
    CHECK(metric(*x.registry, "snapshots_total") == 1);
    x.source->stop();
  }
  drop_slot(schema);
}
