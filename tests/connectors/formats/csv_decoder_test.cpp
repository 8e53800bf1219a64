#include "decoding.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

record_format_settings csv(std::vector<std::string> columns) {
  record_format_settings settings;
  settings.format = record_format::csv;
  settings.columns = std::move(columns);
  return settings;
}

std::string text(const cell& x) {
  return std::string{x.as_text()};
}

} // namespace

TEST_CASE("csv decoder: columns are found by their names, others are skipped") {
  decoding decode{schema_of({field("stock", "int32"), field("category", "string", {"cat"})}),
                  csv({"id", "cat", "stock", "rating"})};
  REQUIRE(decode("2,health&beauty,56,6") == "");
  auto row = decode.row();
  CHECK(row[0].as_integer() == 56);
  CHECK(text(row[1]) == "health&beauty");
}

TEST_CASE("csv decoder: quoting is RFC 4180's") {
  decoding decode{schema_of({field("a", "string"), field("b", "string"), field("c", "string")}),
                  csv({"a", "b", "c"})};
  REQUIRE(decode("\"x,y\",\"he said \"\"no\"\"\",\"\"\"\"\r\n") == "");
  auto row = decode.row();
  CHECK(text(row[0]) == "x,y");
  CHECK(text(row[1]) == "he said \"no\"");
  CHECK(text(row[2]) == "\"");
  REQUIRE(decode(",\"\",\"two\nlines\"") == "");
  row = decode.row();
  CHECK(row[0].is_null());
  CHECK(text(row[1]) == "");
  CHECK(text(row[2]) == "two\nlines");
}

TEST_CASE("csv decoder: malformed records are refused with a reason") {
  decoding decode{schema_of({field("a", "int32"), field("b", "string")}), csv({"a", "b"})};
  CHECK(decode("") == "the record is empty");
  CHECK(decode("1") == "expected 2 columns, found 1");
  CHECK(decode("1,2,3") == "expected 2 columns, found 3");
  CHECK(decode("x,2") == "field `a`: expected an int32, found \"x\"");
  CHECK(decode("1,\"open") == "column 2: a quoted field is not closed");
  CHECK(decode("1,a\"b") == "column 2: a quote stands inside a field that is not quoted");
  CHECK(decode("1,\"a\"b")
        == "column 2: something stands between a closing quote and the next delimiter");
  CHECK(decode("1,\xff") == "the record is not UTF-8");
  CHECK(decode.rows().size() == 0);
}

TEST_CASE("csv decoder: every type has a text, lists and maps are JSON") {
  decoding decode{schema_of({field("a", "bool"), field("b", "double"), field("c", "decimal(4,1)"),
                             field("d", "bytes"), timestamp_field("e", timestamp_unit::seconds),
                             field("f", "list<int32>"), field("g", "map<string,int32>")}),
                  csv({"a", "b", "c", "d", "e", "f", "g"})};
  REQUIRE(decode("true,1.5,2.5,AAEC,1707605599,\"[1,2]\",\"{\"\"k\"\":3}\"") == "");
  auto row = decode.row();
  CHECK(row[0].as_boolean());
  CHECK(row[1].as_real() == 1.5);
  CHECK(row[2].unscaled() == 25);
  CHECK(text(row[3]) == std::string("\0\1\2", 3));
  CHECK(row[4].as_timestamp() == event_time{std::chrono::seconds{1707605599}});
  CHECK(row[5].items().size() == 2);
  CHECK(row[6].items()[1].as_integer() == 3);
  CHECK(decode("true,1.5,2.5,AAEC,1707605599,\"[1\",")
        == "field `f`: expected a list<int32>, found \"[1\"");
  CHECK_THAT(decode("true,1.5,2.5,AAEC,1707605599,\"[1],[2]\","), Contains("field `f`"));
  CHECK_THAT(decode("true,inf,2.5,,,,"), Contains("field `b`: expected a double, found \"inf\""));
}

TEST_CASE("csv decoder: the header names the columns") {
  auto settings = csv({});
  settings.header = true;
  decoding decode{schema_of({field("b", "int32")}), settings};
  REQUIRE(decode.decoder().wants_header());
  REQUIRE(decode.decoder().read_header("\xef\xbb\xbf\"a\",b\r"));
  CHECK(decode.first("x,3").as_integer() == 3);
  CHECK(decode.decoder().read_header("a,c").error().message
        == "stream `s`: the CSV columns are a, c: none of them is `b`");
  CHECK_THAT(decode.decoder().read_header("a,\"b").error().message, Contains("not closed"));
  CHECK_THAT(decode.decoder().read_header("a,\xff").error().message, Contains("UTF-8"));
}

TEST_CASE("csv decoder: settings that do not fit the schema are refused") {
  auto schema = schema_of({field("b", "int32")});
  CHECK_THAT(make_record_decoder(schema, csv({})).error().message, Contains("needs `columns`"));
  CHECK_THAT(make_record_decoder(schema, csv({"x"})).error().message,
             Contains("none of them is `b`"));
}

TEST_CASE("csv decoder: another delimiter separates") {
  auto settings = csv({"a", "b"});
  settings.delimiter = '\t';
  decoding decode{schema_of({field("b", "string")}), settings};
  CHECK(text(decode.first("1,2\tx,y")) == "x,y");
}
