#include <catch2/catch.hpp>

#include "users_table.hpp"

#include "connectors/postgres/change_reader.hpp"
#include "connectors/postgres/pgoutput.hpp"

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;
using Catch::Matchers::Contains;

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

TEST_CASE(
    "postgres replication: values that are left out are those of the row before, or it is bad") {
  auto wanted = users("s");
  auto fields = std::make_shared<stream_schema>(*wanted.schema);
  fields->fields[1].nullable = GENERATE(true, false);
  wanted.schema = fields;
  change_reader reader{wanted};
  std::string why;
  REQUIRE(
      reader.see({1, "s", "users", {{"id", true}, {"username", false}, {"created", false}}}, why));
  using value = pgoutput::value;
  using kind = value::kind;
  using step = table_copy::step;
  const value id{kind::text, "1"};
  const value unchanged{kind::unchanged, {}};
  const value at{kind::text, "2024-02-29 12:00:00+00"};
  auto none = [](const std::string&) { return std::optional<std::string>{}; };
  step first;
  REQUIRE(reader.put({id, {kind::text, "long"}, at}, none, first, why));
  auto before = [&](const std::string& key) {
    return key == first.key ? std::optional{first.row} : std::nullopt;
  };
  step made;
  CHECK(reader.put({id, unchanged, at}, before, made, why));
  CHECK((made.is == step::kind::put && made.row == first.row));
  // Of a bad row nothing stays, whichever of its values is wrong.
  CHECK_FALSE(reader.put({id, unchanged, {kind::text, "infinity"}}, before, made, why));
  CHECK_THAT(why, Contains("infinity"));
  CHECK((made.is == step::kind::erase && made.key == first.key));
  CHECK_FALSE(reader.put({id, unchanged, at}, none, made, why));
  CHECK_THAT(why, Contains("`username`") && Contains("unchanged"));
  CHECK((made.is == step::kind::erase && made.key == first.key));
  CHECK_FALSE(reader.put({unchanged, unchanged, at}, before, made, why));
  CHECK(made.key.empty());
}

TEST_CASE("postgres replication: long values count as left out only where they are wanted") {
  auto wanted = users("s");
  change_reader reader{wanted};
  std::string why;
  REQUIRE(reader.see({1,
                      "s",
                      "users",
                      {{"password", false}, {"id", true}, {"username", false}, {"created", false}}},
                     why));
  using kind = pgoutput::value::kind;
  const pgoutput::value unchanged{kind::unchanged, {}};
  const pgoutput::value id{kind::text, "1"};
  CHECK_FALSE(reader.lacks_values({unchanged, id, {}, {}}));
  CHECK(reader.lacks_values({{}, id, unchanged, {}}));
  CHECK_FALSE(reader.lacks_values({unchanged}));
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
  auto begin_bytes = "B\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\x04"s;
  auto begun = parse_message(begin_bytes);
  REQUIRE(begun);
  CHECK(std::get<pgoutput::begin>(*begun).commit == 0x1'0000'0002);
  CHECK_FALSE(parse_message(begin_bytes.substr(0, 8)));
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
