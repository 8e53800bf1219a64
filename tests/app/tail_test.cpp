#include "app/commands/tail.hpp"
#include "app/materialised_table.hpp"
#include "app/table.hpp"
#include "app/topic_reader.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using Catch::Matchers::Contains;

namespace {

void apply(materialised_table& table, change_line_parser& parser, const std::string& line) {
  auto change = parser.parse(line);
  INFO((change ? "" : change.error().message));
  REQUIRE(change);
  if (*change)
    table.apply(std::move(**change));
}

std::string reason(const std::string& line, size_t key_columns = 1) {
  change_line_parser parser{key_columns};
  auto change = parser.parse(line);
  REQUIRE_FALSE(change);
  return change.error().message;
}

} // namespace

TEST_CASE("materialised table: the last upsert of a key stays, a delete removes it") {
  materialised_table table;
  change_line_parser parser{1};
  for (auto* line :
       {R"({"key":{"user":"b"},"value":{"likes":1}})",
        R"({"key":{"user":"a"},"value":{"likes":2}})",
        R"({"key":{"user":"c"},"value":{"likes":3}})",
        R"({"key":{"user":"b"},"value":{"likes":4}})", R"({"key":{"user":"c"},"value":null})"})
    apply(table, parser, line);
  CHECK(table.text() == "user  likes\na     2\nb     4\n");
  CHECK(table.json_lines()
        == "{\"key\":{\"user\":\"a\"},\"value\":{\"likes\":2}}\n"
           "{\"key\":{\"user\":\"b\"},\"value\":{\"likes\":4}}\n");
}

TEST_CASE("materialised table: numbers sort by value, and texts that differ are different keys") {
  materialised_table table;
  for (auto* key : {"10", "9", "1", "1.0"})
    table.apply(*read_topic_change(key, "x"));
  CHECK(table.text() == "key  value\n1    x\n1.0  x\n9    x\n10   x\n");
}

TEST_CASE("materialised table: rows with several columns, some of them missing, are aligned") {
  materialised_table table;
  table.apply(*read_topic_change(R"({"user":"ä","post":7})", R"({"likes":1.5})"));
  table.apply(*read_topic_change(R"({"user":"bbb","post":10})", R"({"views":null})"));
  CHECK(table.text() == "user  post  views  likes\nbbb   10    null\nä     7            1.5\n");
}

TEST_CASE("materialised table: several views make several tables") {
  materialised_table table;
  change_line_parser parser{1};
  apply(table, parser, R"({"view":"b","key":{"user":"u"},"value":{"n":1}})");
  apply(table, parser, R"({"view":"a","key":{"user":"u"},"value":{"m":2}})");
  CHECK(table.text() == "a:\nuser  m\nu     2\n\nb:\nuser  n\nu     1\n");
  apply(table, parser, R"({"view":"b","key":{"user":"u"},"value":null})");
  CHECK(table.size() == 1);
}

TEST_CASE("materialised table: CSV lines with and without a header") {
  materialised_table table;
  change_line_parser parser{1};
  for (auto* line :
       {"change,user,recommended,at", R"(upsert,user-27,"140,13","2024-06-28 13:01:55")",
        "upsert,user-3,1,2", "delete,user-3,,"})
    apply(table, parser, line);
  CHECK(table.text() == "user     recommended  at\nuser-27  140,13       2024-06-28 13:01:55\n");
  materialised_table unnamed;
  change_line_parser other{2};
  apply(unnamed, other, "upsert,counts,u,p,5,6");
  CHECK(unnamed.text() == "counts:\nkey1  key2  value1  value2\nu     p     5       6\n");
}

TEST_CASE("materialised table: a topic's tombstone deletes, also with CSV keys") {
  materialised_table table;
  table.apply(*read_topic_change("user-27", "user-27,\"140,13\",x"));
  CHECK(table.text() == "key      value1   value2  value3\nuser-27  user-27  140,13  x\n");
  table.apply(*read_topic_change("user-27", std::nullopt));
  CHECK(table.size() == 0);
}

TEST_CASE("materialised table: events have no key, each stays, in the order they came in") {
  materialised_table table;
  change_line_parser parser{1};
  apply(table, parser, R"({"user":2,"query":"linen"})");
  apply(table, parser, R"({"user":1,"query":"rugs"})");
  apply(table, parser, R"({"user":2,"query":"linen"})");
  CHECK(table.text() == "user  query\n2     linen\n1     rugs\n2     linen\n");
  CHECK(table.size() == 0);
  auto event = parser.parse(R"({"user":1,"query":"rugs"})");
  REQUIRE(event);
  CHECK(json_line(**event) == "{\"user\":1,\"query\":\"rugs\"}\n");
}

TEST_CASE("materialised table: events of several streams make several tables") {
  materialised_table table;
  change_line_parser parser{1};
  const std::string line = R"({"stream":"found","value":{"n":1}})";
  apply(table, parser, line);
  apply(table, parser, R"({"stream":"kept","value":{"key":"k","value":2}})");
  CHECK(table.text() == "found:\nn\n1\n\nkept:\nkey  value\nk    2\n");
  CHECK(json_line(**parser.parse(line)) == line + "\n");
}

TEST_CASE("materialised table: of very many events the newest are kept, and it says so") {
  materialised_table table;
  auto many = materialised_table::max_events + 5;
  for (size_t i = 0; i < many; ++i)
    table.apply(*read_topic_change(std::nullopt, "{\"n\":" + std::to_string(i) + "}"));
  auto text = table.text();
  CHECK_THAT(text, Catch::StartsWith("n\n5\n6\n") && Contains("(5 earlier events are left out"));
}

TEST_CASE("tail: what looks like changes is events when it is said to be") {
  change_line_parser lines{1, true};
  auto event = lines.parse(R"({"key":{"user":1},"value":null})");
  REQUIRE(event);
  CHECK((*event)->event);
  change_line_parser csv{1, true};
  REQUIRE(csv.parse("change,user"));
  event = csv.parse("upsert,u");
  REQUIRE(event);
  CHECK(json_line(**event) == "{\"change\":\"upsert\",\"user\":\"u\"}\n");
  CHECK_FALSE(csv.parse("upsert,u,x"));
  auto record = read_topic_change("{\"user\":1}", "{\"n\":2}", true);
  REQUIRE(record);
  CHECK(json_line(*record) == "{\"n\":2}\n");
  CHECK_FALSE(read_topic_change("{\"user\":1}", std::nullopt, true));
  CHECK_FALSE(read_topic_change(std::nullopt, std::nullopt));
}

TEST_CASE("tail: a line that is no change is refused with a sentence") {
  CHECK_THAT(reason(R"({"key":1,"value":{}})"), Contains("not of the form"));
  CHECK_THAT(reason(R"({"key":{},"value":3})"), Contains("not of the form"));
  CHECK_THAT(reason(R"({"key":{"a":1})"), Contains("not of the form"));
  CHECK_THAT(reason("insert,a,b"), Contains("neither upsert nor delete"));
  CHECK_THAT(reason("upsert,view", 2), Contains("columns"));
  CHECK_FALSE(read_topic_change("a\"b", "\"open"));
}

TEST_CASE("tail: an address names brokers and a topic") {
  auto address = parse_topic_address("a:9092,b:9092/features");
  REQUIRE(address);
  CHECK(address->brokers == "a:9092,b:9092");
  CHECK(address->topic == "features");
  CHECK_FALSE(parse_topic_address("broker:9092"));
  CHECK_FALSE(parse_topic_address("/topic"));
  CHECK_FALSE(parse_topic_address("broker/"));
}

TEST_CASE("table: what could disturb a terminal is escaped") {
  text_table table{{"key"}};
  table.add({"a\x1b[2J\nb"});
  CHECK(table.text() == "key\na\\x1b[2J\\x0ab\n");
}
