#include "definitions.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace keyfold::config;

namespace {

/// Two tables, a stream with `lookups`, a view that keeps the columns `kept`.
std::string definition(const std::string& lookups, const std::string& kept,
                       const std::string& rest = "") {
  return R"({"application": "a",
"tables": [
  {"name": "users", "source": {"type": "csv", "path": "u.csv"}, "key": ["id"],
   "fields": {"id": "int32", "username": "string", "country": "string", "tags": "list<string>"}},
  {"name": "countries", "source": {"type": "csv", "path": "c.csv"}, "key": ["country"],
   "fields": {"country": "string", "continent": "string"}}],
"streams": [{"name": "checkouts", "source": {"type": "stdin"}, "event_time": "t",
  "fields": {"number": "int64", "user_id": "int64", "t": "timestamp", "note": "string"},
  "lookups": [)"
         + lookups + R"(]
  )" + rest
         + R"(}],
"entities": [{"name": "user", "key": ["user_id"]}],
"views": [{"name": "last", "type": "latest", "entity": "user", "stream": "checkouts", "columns": [)"
         + kept + R"(]}]})";
}

const std::string of_users =
    R"({"table": "users", "key": ["user_id"], "fields": {"name": "username", "country": "country"}})";
const std::string of_countries = R"({"table": "countries", "fields": ["continent"]})";

std::string errors_of(const std::string& text) {
  auto made = compile_text(text);
  std::string out;
  if (!made)
    for (const auto& message : made.error().messages)
      out += message + "\n";
  return out;
}

const stream_schema& schema_of(const plan& x) {
  return *x.streams.at(0).schema;
}

uint32_t place(const stream_schema& x, const char* name) {
  auto found = x.find(name);
  REQUIRE(found);
  return *found;
}

} // namespace

TEST_CASE("lookups: looked-up columns are columns of the stream; lookups follow one another") {
  auto text = definition(of_users + "," + of_countries, R"("label", "continent")",
                         R"(, "derived": {"label": "name || '@' || note"},
                             "where": "continent <> 'x'")");
  auto made = compile_text(text);
  INFO(errors_of(text));
  REQUIRE(made);
  const auto& schema = schema_of(*made);
  REQUIRE(schema.lookups.size() == 2);
  CHECK(schema.lookups[0].table == made->tables[0].held);
  CHECK(schema.lookups[1].table == made->tables[1].held);
  CHECK(schema.lookups[0].key == std::vector<uint32_t>{place(schema, "user_id")});
  CHECK(schema.lookups[1].key == std::vector<uint32_t>{place(schema, "country")});
  const auto& label = schema.fields[place(schema, "label")];
  CHECK(label.stage == 1);
  CHECK(label.derived);
  const auto& continent = schema.fields[place(schema, "continent")];
  CHECK(continent.stage == 2);
  CHECK(continent.lookup == 1u);
  CHECK_FALSE(continent.decoded());
  CHECK(schema.where_stage == 2);
  CHECK_FALSE(schema.find("number")); // nothing uses it
  CHECK(made->entities[0]->views[0]->features().size() == 2);
}

TEST_CASE("lookups: those that nothing uses are not made, unless they leave out rows") {
  auto text = definition(of_users + "," + R"({"table": "countries", "key": ["note"],
                                             "fields": {"unused": "continent"}})",
                         R"("name")");
  auto made = compile_text(text);
  INFO(errors_of(text));
  REQUIRE(made);
  REQUIRE(schema_of(*made).lookups.size() == 1);
  CHECK(schema_of(*made).lookups[0].fields == std::vector<uint32_t>{1}); // not the country
  CHECK_FALSE(schema_of(*made).find("note"));

  text = definition(of_users + ","
                        + R"({"table": "countries", "key": ["note"], "on_missing": "drop"})",
                    R"("number")");
  made = compile_text(text);
  INFO(errors_of(text));
  REQUIRE(made);
  const auto& schema = schema_of(*made);
  REQUIRE(schema.lookups.size() == 1);
  CHECK(schema.lookups[0].drop_missing);
  CHECK(schema.lookups[0].columns.empty());
  CHECK(schema.lookups[0].key == std::vector<uint32_t>{place(schema, "note")});
  CHECK(schema.where_stage == 0);
}

TEST_CASE("lookups: a key may be derived, and stages are numbered by the lookups that are made") {
  auto text =
      definition(of_users + R"(, {"table": "countries", "key": ["code"], "fields": ["continent"]})",
                 R"("continent")", R"x(, "derived": {"code": "UPPER(note)"})x");
  auto made = compile_text(text);
  INFO(errors_of(text));
  REQUIRE(made);
  const auto& schema = schema_of(*made);
  REQUIRE(schema.lookups.size() == 1);
  CHECK(schema.fields[place(schema, "code")].stage == 0);
  CHECK(schema.fields[place(schema, "continent")].stage == 1);
  CHECK(schema.fields[place(schema, "continent")].lookup == 0u);
}

TEST_CASE("lookups: derived streams have them too") {
  auto text = definition(of_users, R"("name")");
  auto at = text.find("\"views\": [");
  text.insert(at + 10,
              R"({"name": "sessions", "type": "aggregate", "entity": "user", "stream": "checkouts",
    "aggregates": [{"name": "n", "function": "count"}], "keep": ["user_id", "note"],
    "emits": {"name": "counted", "lookups": [{"table": "countries", "key": ["note"], "fields": ["continent"]}],
              "where": "continent IS NOT NULL"}},
    {"name": "where_last", "type": "latest", "entity": "user", "stream": "counted", "columns": ["continent"]},)");
  auto made = compile_text(text);
  INFO(errors_of(text));
  REQUIRE(made);
  const auto& schema = *made->streams.at(1).schema;
  CHECK(schema.lookups.size() == 1);
  CHECK(schema.where_stage == 1);
}

TEST_CASE("lookups: what is wrong is said where it is") {
  auto wrong = [](const std::string& lookup, const std::string& rest = "") {
    return errors_of(definition(lookup, R"("number")", rest));
  };
  using Catch::Contains;
  CHECK_THAT(wrong(R"({"table": "user", "fields": ["username"]})"),
             Contains("d.json:")
                 && Contains("none of the tables is called `user`: did you mean `users`?"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["user_id"], "fields": ["usernam"]})"),
             Contains("the table `users` has no field `usernam`: did you mean `username`?"));
  CHECK_THAT(wrong(R"({"table": "users", "fields": ["username"]})"),
             Contains("keyed by `id`, and the stream `checkouts` has no column `id`"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["note"], "fields": ["username"]})"),
             Contains("is `int32`, and `note` is `string`; give both the same type"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["user_id", "note"], "fields": ["username"]})"),
             Contains("the table `users` is keyed by `id`: name a column of the stream for each"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["user_id"], "fields": {"note": "username"}})"),
             Contains("there is a column called `note` already"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["user_id"]})"),
             Contains("this lookup does nothing"));
  CHECK_THAT(wrong(of_countries + "," + of_users), Contains("lookups are made in their order"));
  CHECK_THAT(wrong(of_users, R"(, "derived": {"name": "note"})"),
             Contains("there is a field called `name` already"));
  CHECK_THAT(wrong(R"({"table": "users", "key": ["user_id"], "on_missing": "skip"})"),
             Contains("drop"));
  auto timed =
      definition(of_users, R"("name")", R"x(, "derived": {"t2": "CAST(name AS timestamp)"})x");
  timed.replace(timed.find(R"("event_time": "t")"), 17, R"("event_time": "t2")");
  CHECK_THAT(errors_of(timed), Contains("must be known before anything is looked up"));
}

TEST_CASE("explain: tables and lookups are shown") {
  CHECK_THAT(errors_of(definition(of_users, R"("name")")),
             Catch::Contains("nothing reads the table `countries`"));
  auto made = compile_text(definition(of_users + "," + of_countries, R"("name", "continent")"));
  REQUIRE(made);
  auto text = explain_text(*made);
  CHECK_THAT(
      text, Catch::Contains("1 stream, 2 tables")
                && Catch::Contains("table users by id\n  from     file u.csv\n")
                && Catch::Contains("looks up name string, country string in table users by user_id")
                && Catch::Contains(" bytes\n  -> stream "));
  CHECK_THAT(explain_mermaid(*made), Catch::Contains("table1 -.-> stream0"));
}
