#include <catch2/catch.hpp>

#include "kept_rows.hpp"
#include "server.hpp"

#include "connectors/postgres/on_demand_table.hpp"
#include "connectors/postgres/replicated_table.hpp"
#include "features/table_slot.hpp"

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

/// What is wanted of a table `users`: id, username, and `since` from the column `created`.
table_settings users(const std::string& schema, const char* key_type = "int32") {
  auto fields = std::make_shared<stream_schema>();
  auto add = [&](const char* name, const char* of, const char* from) -> stream_field& {
    auto& x = fields->fields.emplace_back();
    x.name = name;
    x.type = type(of);
    x.path = {from};
    return x;
  };
  add("id", key_type, "id").nullable = false;
  add("username", "string", "username");
  add("since", "timestamp", "created");
  auto connection = test_server::instance().settings();
  connection.timeout = std::chrono::seconds{5};
  return {"users", connection, schema + ".users", fields, {0}};
}

std::vector<column> columns_of(const table_settings& x) {
  std::vector<column> out;
  for (const auto& field : x.schema->fields)
    out.push_back({field.name, field.type});
  return out;
}

cell key_cell(int64_t id) {
  return cell::integer(id);
}

/// The names of some users, separated by spaces; `-` where there is none, `NULL`; `?` where there
/// is no answer.
std::string names(lookup_table& in, const std::vector<cell>& keys) {
  std::vector<uint32_t> fields{1};
  std::vector<cell> values(keys.size());
  std::vector<uint8_t> found(keys.size());
  arena text;
  if (!in.look_up({keys, fields, values, found, text}))
    return "?";
  std::string out;
  for (size_t i = 0; i < keys.size(); ++i)
    out += fmt::format("{}{}", i == 0 ? "" : " ",
                       found[i] == 0         ? "-"
                       : values[i].is_null() ? "NULL"
                                             : std::string{values[i].as_text()});
  return out;
}

template <class F>
bool eventually(F f, std::chrono::seconds patience = std::chrono::seconds{10}) {
  for (auto until = std::chrono::steady_clock::now() + patience;
       std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(std::chrono::milliseconds{5}))
    if (f())
      return true;
  return false;
}

/// The answer, once there is one.
std::string answer(lookup_table& in, const std::vector<cell>& keys) {
  std::string out;
  eventually([&] { return (out = names(in, keys)) != "?"; });
  return out;
}

std::string sql(const std::string& text) {
  return test_server::instance().sql(text);
}

std::string make_users() {
  auto schema = new_schema();
  sql(fmt::format("CREATE TABLE {0}.users (id int PRIMARY KEY, username text, created timestamptz, "
                  "password text); INSERT INTO {0}.users SELECT n, 'user ' || n, '2024-02-29 "
                  "12:00:00+00' FROM generate_series(0, 99) AS n; UPDATE {0}.users SET username = "
                  "NULL WHERE id = 7",
                  schema));
  return schema;
}

double metric(const metrics_registry& registry, const std::string& name) {
  double sum = 0;
  for (const auto& family : registry.Collect())
    for (const auto& x : family.metric)
      sum += family.name == "keyfold_postgres_table_" + name ? x.counter.value + x.gauge.value : 0;
  return sum;
}

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

struct replicated {
  explicit replicated(const std::string& schema, table_bounds bounds = {})
      : settings{users(schema), bounds, schema + "_slot", schema + "_slot"},
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
  SECTION("no table") {
    sql("DROP TABLE " + schema + ".users");
    replicated x{schema};
    CHECK_THAT(x.load(), Contains("there is no table"));
  }
}

TEST_CASE("postgres pgoutput: messages, and bytes that are none") {
  using namespace pgoutput;
  using namespace std::string_literals;
  auto relation_bytes =
      "R\0\0\0\x07s\0users\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0name\0\0\0\0\x19\xff\xff\xff\xff"s;
  auto parsed = parse_message(relation_bytes);
  REQUIRE(parsed);
  auto& r = std::get<relation>(*parsed);
  CHECK((r.id == 7 && r.schema == "s" && r.name == "users" && r.columns.size() == 2));
  CHECK((r.columns[0].key && !r.columns[1].key && r.columns[1].name == "name"));
  auto update_bytes = "U\0\0\0\x07K\0\x02t\0\0\0\x01\x31nN\0\x02t\0\0\0\x01\x32u"s;
  auto changed = parse_message(update_bytes);
  REQUIRE(changed);
  auto& u = std::get<update>(*changed);
  CHECK((u.before && (*u.before)[0].text == "1" && u.now[0].text == "2"));
  CHECK(u.now[1].is == value::kind::unchanged);
  for (const auto& bytes : {relation_bytes, update_bytes})
    for (size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(parse_message(bytes.substr(0, size)));
  CHECK_FALSE(parse_message("T\xff\xff\xff\xff\0"s));
  CHECK_FALSE(parse_message("Q"));
  auto alive = parse_stream("k\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\x01"s);
  REQUIRE(alive);
  CHECK((std::get<keepalive>(*alive).end == 256 && std::get<keepalive>(*alive).wants_answer));
  CHECK_FALSE(parse_stream("w123"));
  CHECK_FALSE(parse_stream(""));
  std::string status;
  append_status(1, 2, 3, status);
  CHECK(status.size() == 34);
}

TEST_CASE("postgres replication: changes of rows that updates cannot tell apart are refused") {
  auto wanted = users("s");
  change_reader reader{wanted};
  std::string why;
  pgoutput::relation x{1, "s", "users", {{"id", true}, {"created", false}, {"username", false}}};
  CHECK(reader.see(x, why));
  CHECK((reader.knows(1) && !reader.knows(2)));
  using kind = pgoutput::value::kind;
  table_copy::step made;
  auto none = [](const std::string&) { return std::optional<std::string>{}; };
  CHECK(reader.put({{kind::text, "1"}, {}, {kind::text, "a"}}, none, made, why));
  CHECK(made.is == table_copy::step::kind::put);
  CHECK_FALSE(reader.put({{kind::text, "x"}, {}, {}}, none, made, why));
  CHECK_FALSE(reader.put({{kind::text, "1"}}, none, made, why));
  CHECK_FALSE(reader.erase({{}, {}, {}}, made, why));
  CHECK(reader.erase({{kind::text, "1"}, {}, {}}, made, why));
  x.columns[0].key = false;
  CHECK_FALSE(reader.see(x, why));
  CHECK_THAT(why, Contains("REPLICA IDENTITY FULL"));
  x.columns.pop_back();
  CHECK_FALSE(reader.see(x, why));
  CHECK_THAT(why, Contains("`username`"));
}
