#include "definitions.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace keyfold::config;
using Catch::Matchers::Contains;

namespace {

std::string errors_of(const std::string& text) {
  auto made = compile_text(text);
  std::string out;
  if (!made)
    for (const auto& message : made.error().messages)
      out += message + "\n";
  return out;
}

/// `small_definition` with an output to a table, with `more` settings.
std::string with_output(const std::string& more, const std::string& table = "s.changes") {
  return changed(
      R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})",
      R"({"name": "changes", "type": "postgres", "url": "postgresql://u@h/d", "table": ")" + table
          + R"(", "views": ["activity"])" + more + "}");
}

/// A stream that looks up in a table of PostgreSQL, whose source has `more` settings.
std::string with_table(const std::string& more, const std::string& type = "string") {
  return R"({"application": "Shop-1",
"tables": [{"name": "users", "key": ["id"], "fields": {"id": "int32", "username": ")"
         + type + R"("},
  "source": {"type": "postgres", "url": "postgresql://u@h/d", "password": "${PASSWORD}", "table": "users")"
         + more + R"(}}],
"streams": [{"name": "checkouts", "source": {"type": "stdin"}, "event_time": "t",
  "fields": {"id": "int64", "t": "timestamp"}, "lookups": [{"table": "users", "fields": ["username"]}]}],
"entities": [{"name": "user", "key": ["id"]}],
"views": [{"name": "last", "type": "latest", "entity": "user", "stream": "checkouts", "columns": ["username"]}]})";
}

} // namespace

TEST_CASE("postgres output: settings and their defaults") {
  auto made = compile_text(with_output(""));
  REQUIRE(made);
  const auto& plain = std::get<postgres_output>(made->outputs.at(0).target);
  CHECK(
      (plain.table == "s.changes" && plain.url == "postgresql://u@h/d" && plain.password.empty()));
  CHECK((!plain.create_table && plain.batch_rows == 5000 && plain.marker_table.empty()));
  CHECK(plain.timeout == std::chrono::seconds{30});
  const std::string more = R"(, "password": "${PASSWORD}", "create_table": true, "batch_rows": 7,
    "marker_table": "m", "timeout": "1s", "columns": {"who": "userId", "event": "eventName"})";
  made = compile_text(with_output(more));
  INFO(errors_of(with_output(more)));
  REQUIRE(made);
  const auto& full = std::get<postgres_output>(made->outputs.at(0).target);
  CHECK((full.password == "hunter2hunter2" && full.create_table && full.batch_rows == 7));
  CHECK((full.marker_table == "m" && full.timeout == std::chrono::seconds{1}));
}

TEST_CASE("postgres output: what cannot be is complained of") {
  CHECK_THAT(errors_of(with_output(R"(, "columns": {"event": "eventName"})")),
             Contains("leaves out `userId`"));
  CHECK_THAT(errors_of(with_output(R"(, "value_format": "json")")), Contains("value_format"));
  CHECK_THAT(errors_of(with_output("", "a; DROP TABLE b")), Contains("is no table's name"));
  for (const auto* name : {"1a", "a.b.c", "a.", ".a", "a b", "$a"})
    CHECK_THAT(errors_of(with_output("", name)), Contains("is no table's name"));
  for (const auto* name : {"a", "_a$1.b2"})
    CHECK(errors_of(with_output("", name)).empty());
  CHECK_THAT(
      errors_of(changed(
          R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})",
          R"({"name": "a", "type": "postgres", "url": "u", "table": "t", "views": ["activity"]},
                    {"name": "b", "type": "postgres", "url": "u", "table": "t", "views": ["activity"]})")),
      Contains("two outputs write to the table"));
}

TEST_CASE("postgres table: asked on demand or replicated") {
  auto made = compile_text(with_table(""));
  INFO(errors_of(with_table("")));
  REQUIRE(made);
  const auto& table = made->tables.at(0);
  const auto& asked = std::get<postgres_table>(table.source);
  CHECK((asked.mode == postgres_table::mode::on_demand && asked.keep == std::chrono::seconds{60}));
  CHECK((table.held == nullptr && table.slot != nullptr && table.slot->waits()));
  CHECK(made->streams.at(0).schema->lookups.at(0).table == table.looked_up());
  made = compile_text(with_table(R"(, "mode": "replicated")"));
  REQUIRE(made);
  const auto& copied = std::get<postgres_table>(made->tables.at(0).source);
  CHECK((copied.slot == "keyfold_shop_1_users" && copied.publication == copied.slot));
  CHECK_FALSE(made->tables.at(0).slot->waits());
}

TEST_CASE("postgres table: what cannot be is complained of") {
  CHECK_THAT(errors_of(with_table(R"(, "slot": "s")")), Contains("of tables that are replicated"));
  CHECK_THAT(errors_of(with_table(R"(, "mode": "replicated", "keep": "1s")")),
             Contains("of tables that are asked on demand"));
  CHECK_THAT(errors_of(with_table(R"(, "mode": "replicated", "slot": "No-Good")")),
             Contains("`No-Good` is no slot's name"));
  CHECK_THAT(errors_of(with_table("", "list<string>")), Contains("not read as lists or maps"));
}
