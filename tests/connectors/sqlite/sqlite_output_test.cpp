#include "sink.hpp"

#include "features/timestamp_format.hpp"

#include <cmath>
#include <thread>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

TEST_CASE("sqlite output: upserts replace by key, deletes remove, the epoch is in the file") {
  temporary_folder folder;
  auto path = folder / "out.db";
  sink x{path};
  CHECK_FALSE(x.output->status().ready);
  CHECK(*x.output->open() == 0);
  CHECK(x.output->status().ready);
  REQUIRE(x.output->publish(1, log_of({{"a", 1}, {"b", 2}, {"c", 3}})));
  REQUIRE(x.output->publish(4, log_of({{"a", 5}, {"b", -1}, {"never", -1}})));
  other_program look{path};
  CHECK(look.rows(all) == "a|5|x y\nc|3|x y\n");
  CHECK(look.rows("SELECT * FROM keyfold_epochs") == "app-out|4\n");
  CHECK(look.rows("PRAGMA journal_mode") == "wal\n");
  CHECK(metric_value(*x.metrics, "keyfold_sqlite_output_rows_total") == 6);
  x.again();
  CHECK(*x.output->open() == 4);
}

TEST_CASE("sqlite output: each type as the documentation says") {
  temporary_folder folder;
  auto path = folder / "out.db";
  change_columns columns{"all", {{"k", *parse_data_type("int64")}}, {}};
  std::vector<cell> values;
  auto add = [&](const char* type, cell value) {
    columns.values.push_back({"c" + std::to_string(values.size()), *parse_data_type(type)});
    values.push_back(value);
  };
  cell items[] = {cell::string("a\""), cell{}};
  cell entries[] = {cell::string("x"), cell::integer(1)};
  add("bool", cell::boolean(true));
  add("int64", cell::integer(INT64_MIN));
  add("double", cell::real(0.1));
  add("double", cell::real(std::nan("")));
  add("decimal(18,3)", cell::decimal(-123456789012345678, 3));
  add("string", cell::string(""));
  add("bytes", cell::bytes({"\0\xff", 2}));
  add("timestamp",
      cell::timestamp(*read_timestamp("2024-02-29T23:59:59.25Z", timestamp_unit::rfc3339)));
  add("list<string>", cell::list(items));
  add("map<string,int32>", cell::map(entries));
  add("string", cell{});
  auto key = cell::integer(7);
  change row;
  row.key = {&key, 1};
  row.values = values;
  std::string log;
  change_log_writer{log}.append(row);

  sink x{path, columns};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log));
  other_program look{path};
  CHECK(look.rows("SELECT k, c0, c1, c2, c3, c4, c5, hex(c6), c7, c8, c9, c10 FROM counts")
        == "7|1|-9223372036854775808|0.1|NULL|-123456789012345.678||00FF|2024-02-29T23:59:59.250Z|"
           "[\"a\\\"\",null]|{\"x\":1}|NULL\n");
  CHECK(look.rows("SELECT group_concat(type, ' ') FROM pragma_table_info('counts')")
        == "INTEGER INTEGER INTEGER REAL REAL TEXT TEXT BLOB TEXT TEXT TEXT TEXT\n");
  CHECK(look.rows("SELECT strftime('%s', c7) FROM counts") == "1709251199\n");
}

TEST_CASE("sqlite output: events are appended, equal ones too; keys may have other names") {
  temporary_folder folder;
  auto events = counts();
  events.events = true;
  events.fields = {{"N", false, 0}, {"who", true, 0}};
  {
    sink x{folder / "events.db", events};
    REQUIRE(x.output->open());
    REQUIRE(x.output->publish(1, log_of({{"a", 1}, {"a", 1}})));
    CHECK(other_program{x.settings.path}.rows(all) == "1|a\n1|a\n");
  }
  auto renamed = counts();
  renamed.fields = {{"total", false, 0}, {"who", true, 0}};
  sink x{folder / "renamed.db", renamed};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}, {"a", 2}, {"b", 3}, {"b", -1}})));
  other_program look{x.settings.path};
  CHECK(look.rows(all) == "a|2\n");
  CHECK(look.rows("SELECT name, pk FROM pragma_table_info('counts')") == "who|1\ntotal|0\n");
}

TEST_CASE("sqlite output: names that a table cannot have side by side are refused at the start") {
  auto twice = counts();
  twice.values.push_back({"USER", *parse_data_type("string")});
  sqlite::output_settings settings;
  settings.name = "out";
  settings.columns = twice;
  auto made = sqlite::make_sqlite_output(settings, nullptr, std::make_shared<metrics_registry>());
  REQUIRE_FALSE(made);
  CHECK(
      made.error().message
      == "output `out`: the rows of `counts` have two columns called `USER`, and a table can have "
         "one: name them apart with `columns`");
}

TEST_CASE(
    "sqlite output: a table that is there is used as it is, other columns keep their values") {
  temporary_folder folder;
  auto path = folder / "out.db";
  other_program owner{path};
  owner.run("CREATE TABLE \"Counts\" (id INTEGER PRIMARY KEY, \"User\" VARCHAR(9), n BIGINT, last, "
            "note TEXT NOT NULL DEFAULT 'none'); CREATE UNIQUE INDEX by_user ON Counts(user); "
            "INSERT INTO Counts VALUES (9, 'a', 0, '', 'mine')");
  sink x{path};
  x.settings.create_table = false;
  x.again();
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 5}, {"b", 6}})));
  CHECK(owner.rows("SELECT * FROM Counts ORDER BY 1") == "9|a|5|x y|mine\n10|b|6|x y|none\n");
  CHECK(owner.rows("PRAGMA journal_mode") == "delete\n");
}

TEST_CASE("sqlite output: a table that does not take the rows is named, with what to declare") {
  temporary_folder folder;
  auto path = folder / "out.db";
  auto with = [&](const std::string& table) {
    std::filesystem::remove(path);
    other_program{path}.run(table);
    return sink{path}.refusal();
  };
  auto begin = "output `out`: table `counts` of `" + path + "`: ";
  CHECK(with("CREATE TABLE counts (user TEXT PRIMARY KEY, n INTEGER)")
        == begin + "it has no column `last`: ALTER TABLE \"counts\" ADD COLUMN \"last\" TEXT");
  CHECK(
      with("CREATE TABLE counts (user TEXT PRIMARY KEY, n TEXT, last TEXT)")
      == begin
             + "its column `n` is TEXT, which does not keep values of the type int64 as they are: "
               "declare it INTEGER");
  CHECK_THAT(with("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT, last BLOB) STRICT"),
             Contains("its column `last` is BLOB"));
  CHECK_THAT(with("CREATE TABLE counts (user TEXT, n INT, last TEXT)"),
             Contains("no primary key or unique index is of exactly (\"user\"), by which rows are "
                      "replaced: CREATE UNIQUE INDEX … ON \"counts\" (\"user\")"));
  CHECK_THAT(with("CREATE TABLE counts (user TEXT, n INT, last TEXT, PRIMARY KEY (user, n))"),
             Contains("no primary key or unique index"));
  CHECK_THAT(with("CREATE TABLE counts (user TEXT, n INT, last TEXT); "
                  "CREATE UNIQUE INDEX i ON counts(user) WHERE n > 0"),
             Contains("no primary key or unique index"));
  CHECK_THAT(with("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT, last TEXT, z INT NOT NULL)"),
             Contains("its column `z` is NOT NULL without a default"));
  CHECK_THAT(with("CREATE VIEW counts AS SELECT 1 AS user"), Contains("counts"));

  // What a person mends is seen at the next attempt.
  sink x{path};
  std::filesystem::remove(path);
  other_program owner{path};
  owner.run("CREATE TABLE counts (user TEXT PRIMARY KEY, n INTEGER)");
  CHECK_THAT(x.refusal(), Contains("no column `last`"));
  CHECK_FALSE(x.output->fatal());
  owner.run("ALTER TABLE counts ADD COLUMN last TEXT");
  CHECK(x.output->open());
}

TEST_CASE("sqlite output: without create_table nothing is made, and the statement is told") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  x.settings.create_table = false;
  x.again();
  CHECK_THAT(x.refusal(), Contains("opening it failed: unable to open database file"));
  CHECK_FALSE(std::filesystem::exists(x.settings.path));
  other_program{x.settings.path}.run("CREATE TABLE others (x)");
  CHECK_THAT(x.refusal(),
             Contains("has no table `counts`, and `create_table` is false: CREATE TABLE "
                      "\"counts\" (\"user\" TEXT, \"n\" INTEGER, \"last\" TEXT, PRIMARY "
                      "KEY (\"user\")) WITHOUT ROWID"));
  CHECK_FALSE(x.output->fatal());
}

TEST_CASE("sqlite output: a table that went away with its rows is missed") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}})));
  other_program owner{x.settings.path};
  owner.run("DROP TABLE counts");
  CHECK_THAT(x.output->publish(2, log_of({{"a", 1}})).error().message, Contains("no such table"));
  CHECK_THAT(x.refusal(),
             Contains("has no table `counts` any more, which had the changes up to "
                      "epoch 1: restore it; or, to go on with an empty one: DELETE FROM "
                      "keyfold_epochs WHERE pipeline = 'app-out'"));
  owner.run("DELETE FROM keyfold_epochs WHERE pipeline = 'app-out'");
  CHECK(*x.output->open() == 0);
}

TEST_CASE("sqlite output: while others hold the file locked it says so, and goes on afterwards") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}})));
  other_program other{x.settings.path};
  other.run("BEGIN IMMEDIATE");
  auto published = x.output->publish(2, log_of({{"a", 2}}));
  REQUIRE_FALSE(published);
  CHECK_THAT(published.error().message,
             Contains("another program holds it locked while beginning a "
                      "transaction: end the transaction"));
  CHECK_FALSE(x.output->fatal());
  CHECK_THAT(x.refusal(), Contains("another program holds it locked"));
  other.run("ROLLBACK");
  CHECK(*x.output->open() == 1);
  REQUIRE(x.output->publish(2, log_of({{"a", 2}})));
  CHECK(other.rows(all) == "a|2|x y\n");
}

TEST_CASE("sqlite output: a lock that ends in time is waited for, and stopping ends the wait") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  x.settings.lock_wait = 60s;
  x.again();
  REQUIRE(x.output->open());
  other_program other{x.settings.path};
  other.run("BEGIN IMMEDIATE");
  std::thread ends{[&] {
    std::this_thread::sleep_for(100ms);
    other.run("ROLLBACK");
  }};
  CHECK(x.output->publish(1, log_of({{"a", 1}})));
  ends.join();
  other.run("BEGIN IMMEDIATE");
  std::thread stops{[&] {
    std::this_thread::sleep_for(100ms);
    x.output->interrupt();
  }};
  CHECK_FALSE(x.output->publish(2, log_of({{"a", 2}})));
  stops.join();
}

TEST_CASE("sqlite output: a file that is no database, is read-only or without room is named") {
  temporary_folder folder;
  auto path = folder / "out.db";
  write_file(path, std::string(5000, 'x'));
  CHECK_THAT(sink{path}.refusal(), Contains("is no SQLite database: name another path"));
  CHECK_THAT(sink{folder / "missing/out.db"}.refusal(), Contains("see that its folder exists"));

  sink x{folder / "small.db"};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}})));
  // The number of pages is kept in a connection alone: the file is filled by a trigger.
  other_program other{x.settings.path};
  other.run("CREATE TRIGGER full BEFORE INSERT ON counts WHEN new.user = 'full' BEGIN SELECT "
            "RAISE(ROLLBACK, 'the whole transaction'); END");
  auto published = x.output->publish(2, log_of({{"b", 2}, {"full", 3}}));
  REQUIRE_FALSE(published);
  CHECK_THAT(published.error().message, Contains("the whole transaction"));
  CHECK_FALSE(x.output->fatal());
  CHECK(*x.output->open() == 1);
  CHECK(other.rows(all) == "a|1|x y\n");
}

TEST_CASE("sqlite output: a second program with the same name is noticed and ends this one") {
  temporary_folder folder;
  sink first{folder / "out.db"};
  sink second{folder / "out.db"};
  REQUIRE(first.output->open());
  REQUIRE(second.output->open());
  REQUIRE(second.output->publish(7, log_of({{"a", 7}})));
  auto published = first.output->publish(8, log_of({{"a", 8}}));
  REQUIRE_FALSE(published);
  CHECK_THAT(published.error().message, Contains("another program writes to"));
  CHECK(first.output->fatal());
  CHECK(other_program{first.settings.path}.rows(all) == "a|7|x y\n");
}

TEST_CASE("sqlite output: epochs only go forward, and changes must fit the columns") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  CHECK_THAT(x.output->publish(1, "").error().message, Contains("is not open"));
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(5, log_of({{"a", 1}})));
  CHECK_THAT(x.output->publish(5, log_of({{"a", 1}})).error().message,
             Contains("epoch 5 cannot follow epoch 5"));
  CHECK(x.output->fatal());
  for (auto log : {log_of({{"a", 1}}, 1), std::string{"\x01\x02\x03"}}) {
    REQUIRE(*x.output->open() == 5);
    CHECK_FALSE(x.output->publish(6, log_of({{"b", 2}}) + log));
    CHECK(x.output->fatal());
  }
  CHECK(other_program{x.settings.path}.rows(all) == "a|1|x y\n");
}

TEST_CASE("sqlite output: several outputs share a file, each with its epoch") {
  temporary_folder folder;
  sink first{folder / "out.db"};
  sink second{folder / "out.db"};
  second.settings.table = "others";
  second.settings.pipeline = "app-second";
  second.again();
  REQUIRE(first.output->open());
  REQUIRE(second.output->open());
  REQUIRE(first.output->publish(3, log_of({{"a", 1}})));
  REQUIRE(second.output->publish(5, log_of({{"b", 2}})));
  CHECK(other_program{first.settings.path}.rows("SELECT * FROM keyfold_epochs")
        == "app-out|3\napp-second|5\n");
}
