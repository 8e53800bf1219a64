#include <catch2/catch.hpp>

#include "replicated_users.hpp"

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

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

TEST_CASE("postgres table replicated: is read anew with patience", "[server]") {
  auto schema = make_users();
  auto alter = "ALTER TABLE " + schema + ".users DROP username; ALTER TABLE " + schema
               + ".users ADD username text DEFAULT 'anew'";
  table_bounds bounds;
  bounds.max_rows = 150;
  auto x = std::make_unique<replicated>(schema, bounds, std::chrono::milliseconds{100});
  x->start();
  SECTION("with more rows than it may have") {
    sql("INSERT INTO " + schema + ".users SELECT n FROM generate_series(1000, 1099) AS n; "
        + alter);
    std::this_thread::sleep_for(std::chrono::seconds{3});
    // The alteration, and two readings after half a second and one more.
    auto failures = metric(*x->registry, "failures_total");
    CHECK((failures >= 2 && failures <= 4));
    CHECK(names(*x->copy, {key_cell(1)}) == "user 1");
    sql("DELETE FROM " + schema + ".users WHERE id >= 1000");
    CHECK(eventually([&] { return names(*x->copy, {key_cell(1)}) == "anew"; }));
  }
  SECTION("until its bad rows can be told of") {
    std::vector<dead_letter> many{
        {"table others", "", "bad", std::string(dead_letter_queue::max_bytes, 'x')}};
    REQUIRE(x->letters->offer(many));
    sql("UPDATE " + schema + ".users SET created = 'infinity' WHERE id = 3; " + alter);
    std::this_thread::sleep_for(std::chrono::seconds{1});
    CHECK(names(*x->copy, {key_cell(1)}) == "user 1");
    CHECK(x->letters->take().size() == 1);
    CHECK(eventually([&] { return names(*x->copy, {key_cell(1)}) == "anew"; }));
    auto letters = x->letters->take();
    REQUIRE_FALSE(letters.empty());
    CHECK_THAT(letters.back().reason, Contains("infinity"));
  }
  x->source->stop();
  x.reset();
  drop_slot(schema);
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
