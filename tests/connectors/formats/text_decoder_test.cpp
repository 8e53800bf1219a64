#include "decoding.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

record_format_settings key_value() {
  record_format_settings settings;
  settings.format = record_format::text;
  return settings;
}

std::shared_ptr<stream_schema> interactions() {
  return schema_of({field("user", "int32"), field("item", "int32"), field("action", "string"),
                    timestamp_field("epoch_ms", timestamp_unit::milliseconds)});
}

} // namespace

TEST_CASE("text decoder: parts are found by their keys, missing ones are null") {
  decoding decode{interactions(), key_value()};
  REQUIRE(decode("user=11;item=4;action=cart;epoch_ms=1739603608844") == "");
  auto row = decode.row();
  CHECK(row[0].as_integer() == 11);
  CHECK(row[1].as_integer() == 4);
  CHECK(row[2].as_text() == "cart");
  CHECK(row[3].as_timestamp() == event_time{std::chrono::milliseconds{1739603608844}});
  REQUIRE(decode("user=16;search=linen;epoch_ms=1739603607844") == "");
  row = decode.row();
  CHECK(row[1].is_null());
  CHECK(row[2].is_null());
}

TEST_CASE("text decoder: a part is split on its first separator, and ends may be empty") {
  decoding decode{interactions(), key_value()};
  REQUIRE(decode("action=a=b;user=1;;\r\n") == "");
  CHECK(decode.row()[2].as_text() == "a=b");
  REQUIRE(decode("action=") == "");
  CHECK(decode.row()[2].as_text() == "");
}

TEST_CASE("text decoder: malformed records are refused with a reason") {
  decoding decode{interactions(), key_value()};
  CHECK(decode("") == "the record is empty");
  CHECK(decode(";;") == "the record is empty");
  CHECK(decode("user=1;user=2") == "the key `user` comes twice");
  CHECK(decode("other=1;other=2") == "the key `other` comes twice");
  CHECK(decode("user=x") == "field `user`: expected an int32, found \"x\"");
  CHECK(decode("user=") == "field `user`: expected an int32, found \"\"");
  CHECK(decode("user=1;nonsense;item=2") == "expected key=value, found \"nonsense\"");
  CHECK(decode("user=1;;item=2") == "expected key=value, found \"\"");
  CHECK(decode("user=\xc3") == "the record is not UTF-8");
  std::string many;
  for (int i = 0; i <= 1024; ++i)
    many += "k" + std::to_string(i) + "=1;";
  CHECK(decode(many) == "the record has more than 1024 parts");
  CHECK(decode.rows().size() == 0);
}

TEST_CASE("text decoder: separators can be set, lists are JSON") {
  auto settings = key_value();
  settings.part_separator = '&';
  settings.value_separator = ':';
  decoding decode{schema_of({field("a", "list<int32>"), field("b", "string")}), settings};
  REQUIRE(decode("a:[1,2]&b:x;y=z") == "");
  auto row = decode.row();
  CHECK(row[0].items().size() == 2);
  CHECK(row[1].as_text() == "x;y=z");
  CHECK(decode("a:[&b:") == "field `a`: expected a list<int32>, found \"[\"");
}
