#include <catch2/catch.hpp>

#include "server.hpp"

#include "connectors/postgres/postgres_output.hpp"

#include <fmt/format.h>

#include <thread>

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

namespace {

data_type type(const char* text) {
  return *parse_data_type(text);
}

/// An output of a view `totals` (user → n, note) to a table of its own, and what it is given.
class publishing {
public:
  explicit publishing(
      std::string table_columns = "\"user\" text PRIMARY KEY, n integer, note varchar(8)")
      : schema(new_schema()), table(schema + ".totals") {
    if (!table_columns.empty())
      sql("CREATE TABLE " + table + " (" + table_columns + ")");
    settings.name = "totals";
    settings.pipeline = "tests";
    settings.connection = test_server::instance().settings();
    settings.connection.timeout = std::chrono::seconds{5};
    settings.table = table;
    settings.columns = {
        "totals", {{"user", type("string")}}, {{"n", type("int64")}, {"note", type("string")}}};
  }

  event_output& output() {
    if (made_ == nullptr)
      made_ = *make_postgres_output(settings, registry, letters);
    return *made_;
  }
  /// As a process that starts anew.
  void restart() { made_.reset(); }

  void upsert(const std::string& user, int64_t n, const std::string& note = "") {
    auto key = cell::string(user);
    const cell values[] = {cell::integer(n), note.empty() ? cell{} : cell::string(note)};
    change_log_writer{log}.append({0, false, {}, {&key, 1}, values});
  }
  void erase(const std::string& user) {
    auto key = cell::string(user);
    change_log_writer{log}.append({0, true, {}, {&key, 1}, {}});
  }
  /// Empty, or why not.
  std::string publish(uint64_t epoch, bool again = false) {
    auto done = output().publish(epoch, log);
    if (done && !again)
      log.clear();
    return done ? "" : done.error().message;
  }
  std::string open_error() {
    auto opened = output().open();
    return opened ? "" : opened.error().message;
  }
  std::string sql(const std::string& text) const { return test_server::instance().sql(text); }
  std::string rows() const { return sql("SELECT \"user\", n, note FROM " + table + " ORDER BY 1"); }
  double metric(const std::string& name) const {
    double sum = 0;
    for (const auto& family : registry->Collect())
      for (const auto& x : family.metric)
        sum += family.name == "keyfold_postgres_output_" + name + "_total" ? x.counter.value : 0;
    return sum;
  }

  std::string schema;
  std::string table;
  output_settings settings;
  std::string log;
  std::shared_ptr<metrics_registry> registry = std::make_shared<metrics_registry>();
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();

private:
  std::unique_ptr<event_output> made_;
};

/// Puts letters into a ledger that there is not, as the engine does at the end of an epoch.
class epochs_of_letters {
public:
  explicit epochs_of_letters(std::shared_ptr<dead_letter_queue> from)
      : from_(std::move(from)), thread_([this] {
          while (!stopping_) {
            for (auto& x : from_->take())
              taken.push_back(std::move(x));
            from_->committed();
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
          }
        }) {}
  ~epochs_of_letters() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable())
      thread_.join();
  }
  std::vector<dead_letter> taken;

private:
  std::shared_ptr<dead_letter_queue> from_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace

TEST_CASE("postgres output: upserts and deletes by key, once an epoch", "[server]") {
  publishing out;
  CHECK_FALSE(out.output().status().ready);
  REQUIRE(out.output().open() == 0u);
  CHECK(out.output().status().ready);
  out.upsert("a", 1, "x");
  out.upsert("b", 2);
  out.upsert("a", 3);
  REQUIRE(out.publish(1) == "");
  CHECK(out.rows() == "a|3|\nb|2|");
  out.erase("a");
  out.erase("unknown");
  out.upsert("b", 5, "é");
  out.upsert("c", 6);
  out.erase("c");
  REQUIRE(out.publish(4) == "");
  CHECK(out.rows() == "b|5|é");
  CHECK(out.sql("SELECT pipeline, output, epoch FROM " + out.schema + ".keyfold_epochs")
        == "tests|totals|4");
  CHECK(out.metric("upserts") == 3);
  CHECK(out.metric("replaced") == 2);
  CHECK(out.metric("deletes") == 3);
  out.restart();
  CHECK(out.output().open() == 4u);
  CHECK_THAT(out.publish(4), Contains("cannot follow"));
  CHECK(out.output().fatal());
}

TEST_CASE("postgres output: an epoch of many batches is one transaction", "[server]") {
  publishing out;
  out.settings.batch_rows = 7;
  REQUIRE(out.open_error() == "");
  for (int i = 0; i < 1000; ++i)
    out.upsert(fmt::format("u{}", i), i);
  REQUIRE(out.publish(1, true) == "");
  CHECK(out.sql("SELECT count(*), sum(n), count(DISTINCT xmin::text) FROM " + out.table)
        == "1000|499500|1");
  REQUIRE(out.publish(2) == "");
  CHECK(out.sql("SELECT count(*), sum(n) FROM " + out.table) == "1000|499500");
}

TEST_CASE("postgres output: every type arrives as it was", "[server]") {
  publishing out{""};
  out.settings.create_table = true;
  auto& columns = out.settings.columns;
  columns.key = {{"k", type("decimal(12,3)")}};
  columns.values = {{"b", type("bool")},
                    {"i", type("int32")},
                    {"l", type("int64")},
                    {"f", type("float")},
                    {"d", type("double")},
                    {"n", type("decimal(18,6)")},
                    {"s", type("string")},
                    {"y", type("bytes")},
                    {"t", type("timestamp")},
                    {"a", type("list<string>")},
                    {"m", type("map<string,double>")}};
  REQUIRE(out.open_error() == "");
  auto key = cell::decimal(-1'234'567, 3);
  const cell items[] = {cell::string("x\"y"), {}};
  const cell entries[] = {cell::string("z"), cell::real(0.1)};
  const cell values[] = {cell::boolean(true),
                         cell::integer(-2147483648),
                         cell::integer(INT64_MAX),
                         cell::real(0.10000000149011612),
                         cell::real(1e300),
                         cell::decimal(999'999'999'999'999'999, 6),
                         cell::string("tab\t \\ ' \xf0\x9f\x99\x82"),
                         cell::bytes(std::string_view{"\0\xff", 2}),
                         cell::timestamp(event_time{duration{1'700'000'000'123'456}}),
                         cell::list(items),
                         cell::map(entries)};
  change_log_writer{out.log}.append({0, false, {}, {&key, 1}, values});
  auto other = cell::decimal(0, 3);
  const cell nulls[11] = {};
  change_log_writer{out.log}.append({0, false, {}, {&other, 1}, nulls});
  REQUIRE(out.publish(1) == "");
  CHECK(out.sql("SET TimeZone = 'UTC'; SELECT * FROM " + out.table + " ORDER BY k")
        == "-1234.567|t|-2147483648|9223372036854775807|0.1|1e+300|999999999999.999999|tab\t \\ ' "
           "\xf0\x9f\x99\x82|\\x00ff|2023-11-14 22:13:20.123456+00|[\"x\\\"y\", null]|{\"z\": "
           "0.1}\n0.000|||||||||||");
}

TEST_CASE("postgres output: events without a key are appended, those with one replace",
          "[server]") {
  publishing out{"id text, n integer"};
  out.settings.columns = {"e", {}, {{"id", type("string")}, {"n", type("int64")}}, {}, true};
  REQUIRE(out.open_error() == "");
  const cell event[] = {cell::string("a"), cell::integer(1)};
  for (int i = 0; i < 3; ++i)
    change_log_writer{out.log}.append({0, false, {}, {}, event});
  REQUIRE(out.publish(1) == "");
  CHECK(out.sql("SELECT id, n, count(*) FROM " + out.table + " GROUP BY 1, 2") == "a|1|3");

  publishing keyed{"id text UNIQUE, n integer"};
  keyed.settings.columns = {
      "e", {{"id", type("string")}}, {{"id", type("string")}, {"n", type("int64")}}, {}, true};
  REQUIRE(keyed.open_error() == "");
  for (int i = 0; i < 3; ++i) {
    const cell values[] = {cell::string("a"), cell::integer(i)};
    change_log_writer{keyed.log}.append({0, false, {}, {values, 1}, values});
  }
  REQUIRE(keyed.publish(1) == "");
  CHECK(keyed.sql("SELECT * FROM " + keyed.table) == "a|2");
}

TEST_CASE("postgres output: rows that are refused become dead letters, all others arrive",
          "[server]") {
  publishing out{"\"user\" text PRIMARY KEY, n smallint CHECK (n <> 13), note varchar(8)"};
  out.settings.batch_rows = 50;
  REQUIRE(out.open_error() == "");
  epochs_of_letters ledger{out.letters};
  for (int i = 0; i < 200; ++i)
    out.upsert(fmt::format("u{:03}", i), i, i == 77 ? "far too long" : "ok");
  out.upsert("huge", 40'000);
  out.upsert(std::string{"nul\0nul", 7}, 5);
  out.upsert("bad\xff", 6);
  REQUIRE(out.publish(1) == "");
  ledger.stop();
  CHECK(out.sql("SELECT count(*) FROM " + out.table) == "198");
  REQUIRE(ledger.taken.size() == 5);
  CHECK(ledger.taken[0].stream == "output totals");
  CHECK_THAT(ledger.taken[0].place, Contains(out.table + ", epoch 1, change 13"));
  CHECK_THAT(ledger.taken[0].reason, Contains("violates check constraint") && Contains("23514"));
  CHECK(ledger.taken[0].payload == "{\"user\":\"u013\",\"n\":13,\"note\":\"ok\"}");
  CHECK_THAT(ledger.taken[1].reason, Contains("varying(8)"));
  CHECK_THAT(ledger.taken[2].reason, Contains("smallint out of range"));
  CHECK_THAT(ledger.taken[3].reason, Contains("22021"));
  CHECK_THAT(ledger.taken[4].reason, Contains("22021"));
  CHECK(out.metric("dead_letters") == 5);
  CHECK(out.metric("bisected_epochs") == 1);
  CHECK(out.output().open() == 1u);
}

TEST_CASE("postgres output: a deferred constraint is a row's, too", "[server]") {
  publishing out;
  out.sql("CREATE TABLE " + out.schema + ".known (n integer PRIMARY KEY); INSERT INTO " + out.schema
          + ".known VALUES (1); ALTER TABLE " + out.table
          + " ADD FOREIGN KEY (n) "
            "REFERENCES "
          + out.schema + ".known DEFERRABLE INITIALLY DEFERRED");
  REQUIRE(out.open_error() == "");
  epochs_of_letters ledger{out.letters};
  out.upsert("a", 1);
  out.upsert("b", 2);
  REQUIRE(out.publish(1) == "");
  CHECK(out.rows() == "a|1|");
}

TEST_CASE("postgres output: keys that only the server takes for one are sent apart", "[server]") {
  publishing out{"\"user\" char(4) PRIMARY KEY, n integer, note text"};
  REQUIRE(out.open_error() == "");
  out.upsert("a", 1);
  out.upsert("a ", 2);
  REQUIRE(out.publish(1) == "");
  CHECK(out.rows() == "a   |2|");
  CHECK(out.letters->empty());
}

TEST_CASE("postgres output: without a ledger that takes the dead letters nothing is committed",
          "[server]") {
  publishing out;
  REQUIRE(out.open_error() == "");
  out.upsert("a", 1, "ok");
  out.upsert("b", 2, "far too long");
  std::thread stop{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    out.output().interrupt();
  }};
  CHECK_THAT(out.publish(1, true), Contains("dead letters are not in the ledger yet"));
  stop.join();
  CHECK(out.rows() == "");
  // Offered once more; the same letters twice are better than none.
  epochs_of_letters ledger{out.letters};
  while (out.open_error() != "")
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  REQUIRE(out.publish(1) == "");
  CHECK(out.rows() == "a|1|ok");
}

TEST_CASE("postgres output: says what a person must do", "[server]") {
  publishing out;
  SECTION("a missing table") {
    out.sql("DROP TABLE " + out.table);
    CHECK_THAT(out.open_error(), Contains("CREATE TABLE IF NOT EXISTS " + out.table));
  }
  SECTION("a missing column") {
    out.sql("ALTER TABLE " + out.table + " DROP COLUMN n");
    CHECK_THAT(out.open_error(), Contains("ADD COLUMN \"n\" bigint"));
    out.sql("ALTER TABLE " + out.table + " ADD COLUMN n bigint");
    CHECK(out.open_error() == "");
  }
  SECTION("a column lost while it runs") {
    REQUIRE(out.open_error() == "");
    out.sql("ALTER TABLE " + out.table + " DROP COLUMN note");
    out.upsert("a", 1);
    CHECK_THAT(out.publish(1, true), Contains("42703"));
    CHECK_THAT(out.open_error(), Contains("ADD COLUMN \"note\" text"));
    out.sql("ALTER TABLE " + out.table + " ADD COLUMN note text");
    CHECK(out.open_error() == "");
    CHECK(out.publish(1) == "");
  }
  SECTION("a wrong password, which is shown nowhere") {
    out.settings.connection.password = "wrong-secret";
    auto said = out.open_error();
    CHECK_THAT(said, Contains("28P01") && Contains("correct the user"));
    CHECK_THAT(said, !Contains("wrong-secret"));
    CHECK_FALSE(out.output().fatal());
  }
  SECTION("rights") {
    out.sql("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA "
            + out.schema + " TO poor; GRANT SELECT, INSERT ON " + out.table + " TO poor");
    auto& url = out.settings.connection.url;
    url.replace(url.find("keyfold@"), 7, "poor");
    out.settings.connection.password = "p";
    CHECK_THAT(out.open_error(), Contains("GRANT UPDATE, DELETE ON"));
    out.sql("GRANT UPDATE, DELETE ON " + out.table + " TO poor");
    CHECK_THAT(out.open_error(), Contains("table of epochs cannot be made")
                                     && Contains("GRANT SELECT, INSERT, UPDATE ON it"));
    out.sql("DROP OWNED BY poor; DROP ROLE poor");
  }
  SECTION("a database that is not there") {
    out.settings.connection.url += "_not";
    CHECK_THAT(out.open_error(), Contains("3D000") && Contains("create the database"));
  }
  SECTION("a URL that is none, of which nothing is shown") {
    out.settings.connection.url = "postgresql://u:top-secret@[::1/db";
    auto made = make_postgres_output(out.settings, out.registry, out.letters);
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().message, Contains("`url`") && !Contains("secret"));
  }
}

TEST_CASE("postgres output: another process for the same pipeline is noticed", "[server]") {
  publishing out;
  REQUIRE(out.open_error() == "");
  out.sql("UPDATE " + out.schema + ".keyfold_epochs SET epoch = 9");
  out.upsert("a", 1);
  CHECK_THAT(out.publish(1, true), Contains("another process publishes"));
  CHECK(out.rows() == "");
  CHECK(out.output().open() == 9u);
}

TEST_CASE("postgres output: a server that restarts, or loses its connections, is found again",
          "[server]") {
  publishing out;
  REQUIRE(out.open_error() == "");
  out.upsert("a", 1);
  SECTION("restarted") {
    test_server::instance().down();
    CHECK_THAT(out.publish(1, true), Contains("output `totals`"));
    CHECK_FALSE(out.output().status().ready);
    CHECK_THAT(out.open_error(), Contains("refused"));
    test_server::instance().up();
  }
  SECTION("killed") {
    test_server::instance().down(true);
    CHECK(out.publish(1, true) != "");
    test_server::instance().up();
  }
  SECTION("connections ended") {
    out.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
            "pg_backend_pid() AND application_name LIKE 'keyfold%'");
    CHECK(out.publish(1, true) != "");
  }
  CHECK_FALSE(out.output().fatal());
  CHECK(out.output().open() == 0u);
  REQUIRE(out.publish(1) == "");
  CHECK(out.rows() == "a|1|");
}

TEST_CASE("postgres output: a lock is waited for, and a wait can be interrupted", "[server]") {
  publishing out;
  REQUIRE(out.open_error() == "");
  interruption unused;
  connection other{test_server::instance().settings(), unused};
  REQUIRE(other.open());
  REQUIRE(other.run("BEGIN; LOCK TABLE " + out.table));
  out.upsert("a", 1);
  std::thread stop{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    out.output().interrupt();
  }};
  CHECK_THAT(out.publish(1, true), Contains("interrupted"));
  stop.join();
  REQUIRE(other.run("COMMIT"));
  CHECK(out.open_error() == "");
  CHECK(out.publish(1) == "");
}
