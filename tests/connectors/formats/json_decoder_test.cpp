#include "decoding.hpp"

#include "features/timestamp_format.hpp"

#include <random>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

cell one(const std::string& type, const std::string& value) {
  static std::vector<std::unique_ptr<decoding>> alive; // the cell points into its batch
  alive.push_back(std::make_unique<decoding>(schema_of({field("a", type)})));
  return alive.back()->first("{\"a\":" + value + "}");
}

std::string refusal(const std::string& type, const std::string& value) {
  decoding decode{schema_of({field("a", type)})};
  return decode("{\"a\":" + value + "}");
}

std::string text(const cell& x) {
  return std::string{x.as_text()};
}

} // namespace

TEST_CASE("json decoder: the fields of the schema are found whatever their order") {
  decoding decode{schema_of({field("eventName", "string"), field("userId", "string"),
                             field("creatorId", "string"),
                             timestamp_field("eventTs", timestamp_unit::seconds)})};
  for (
      auto record :
      {R"({"eventName":"like","userId":"1234","creatorId":"7777","eventTs":1707605599})",
       R"({"eventTs": 1707605599 , "x":{"userId":[1,{"eventName":2}]}, "creatorId":"7777",)"
       R"("userId" : "1234" ,"eventName":"like"  })",
       R"({"eventName":"like","userId":"1234","creatorId":"7777","eventTs":1707605599,"z":null})"}) {
    INFO(record);
    REQUIRE(decode(record) == "");
    auto row = decode.row();
    CHECK(text(row[0]) == "like");
    CHECK(text(row[1]) == "1234");
    CHECK(text(row[2]) == "7777");
    CHECK(row[3].as_timestamp() == event_time{std::chrono::seconds{1707605599}});
  }
}

TEST_CASE("json decoder: missing fields and nulls are null") {
  decoding decode{schema_of({field("a", "int32"), field("b", "string"), field("c", "double")})};
  REQUIRE(decode(R"({"b":null})") == "");
  for (auto& x : decode.row())
    CHECK(x.is_null());
  REQUIRE(decode("{}") == "");
  for (auto& x : decode.row())
    CHECK(x.is_null());
}

TEST_CASE("json decoder: integers are exact and range-checked") {
  CHECK(one("int64", "9223372036854775807").as_integer() == INT64_MAX);
  CHECK(one("int64", "-9223372036854775808").as_integer() == INT64_MIN);
  CHECK(one("int32", "-2147483648").as_integer() == INT32_MIN);
  CHECK(one("int32", "12.0").as_integer() == 12);
  CHECK(one("int64", "1e3").as_integer() == 1000);
  CHECK(one("int64", "\"42\"").as_integer() == 42);
  CHECK(refusal("int32", "2147483648") == "field `a`: expected an int32, found 2147483648");
  CHECK(refusal("int64", "9223372036854775808")
        == "field `a`: expected an int64, found 9223372036854775808");
  CHECK(refusal("int32", "1.5") == "field `a`: expected an int32, found 1.5");
  CHECK(refusal("int32", "\"1x\"") == "field `a`: expected an int32, found \"1x\"");
  CHECK(refusal("int32", "true") == "field `a`: expected an int32, found true");
  CHECK(refusal("int32", "[1]") == "field `a`: expected an int32, found a list");
  CHECK(refusal("int32", "{\"b\":1}") == "field `a`: expected an int32, found an object");
  CHECK_THAT(refusal("int32", "01"), Contains("found 01"));
}

TEST_CASE("json decoder: reals are the nearest number and finite") {
  CHECK(one("double", "0.1").as_real() == 0.1);
  CHECK(one("double", "1").as_real() == 1.0);
  CHECK(one("double", "-1.5e-300").as_real() == -1.5e-300);
  CHECK(one("double", "\"2.5\"").as_real() == 2.5);
  CHECK(one("float", "0.1").as_real() == static_cast<double>(0.1f));
  CHECK(refusal("double", "1e400") == "field `a`: expected a double, found 1e400");
  CHECK(refusal("float", "1e39") == "field `a`: expected a float, found 1e39");
  CHECK(refusal("double", "\"nan\"") == "field `a`: expected a double, found \"nan\"");
  CHECK(refusal("double", "NaN") == "field `a`: expected a double, found NaN");
  CHECK(refusal("double", "1.") == "field `a`: expected a double, found 1.");
}

TEST_CASE("json decoder: decimals are exact, and too many digits are an error") {
  CHECK(one("decimal(5,2)", "123.45").unscaled() == 12345);
  CHECK(one("decimal(5,2)", "-7").unscaled() == -700);
  CHECK(one("decimal(5,2)", "\"1.50\"").unscaled() == 150);
  CHECK(one("decimal(18,9)", "123456789.123456789").unscaled() == 123456789123456789);
  CHECK(refusal("decimal(5,2)", "1.234") == "field `a`: expected a decimal(5,2), found 1.234");
  CHECK(refusal("decimal(5,2)", "1234.5") == "field `a`: expected a decimal(5,2), found 1234.5");
  CHECK_THAT(refusal("decimal(5,2)", "\"x\""), Contains("found \"x\""));
}

TEST_CASE("json decoder: booleans are words") {
  CHECK(one("bool", "true").as_boolean());
  CHECK_FALSE(one("bool", "false").as_boolean());
  CHECK(one("bool", "\"TRUE\"").as_boolean());
  CHECK(refusal("bool", "1") == "field `a`: expected true or false, found 1");
  CHECK(refusal("bool", "truex") == "field `a`: expected true or false, found truex");
}

TEST_CASE("json decoder: strings are unescaped, numbers and words taken as they are written") {
  CHECK(text(one("string", R"("")")) == "");
  CHECK(text(one("string", R"("a\"b\\\/\b\f\n\r\t")")) == "a\"b\\/\b\f\n\r\t");
  CHECK(text(one("string", R"("\u0041\u00e9\u20ac\ud83d\ude00")")) == "Aé€😀");
  CHECK(text(one("string", R"("é€😀")")) == "é€😀");
  CHECK(text(one("string", "12345678901234567890")) == "12345678901234567890");
  CHECK(text(one("string", "1.50")) == "1.50");
  CHECK(text(one("string", "true")) == "true");
  CHECK(one("string", "null").is_null());
  CHECK_THAT(refusal("string", R"("\ud800")"), Contains("expected a string, found \"\\ud800\""));
  CHECK_THAT(refusal("string", R"("\x")"), Contains("expected a string"));
  CHECK_THAT(refusal("string", R"("\u12g4")"), Contains("expected a string"));
  CHECK_THAT(refusal("string", R"("\udc00")"), Contains("expected a string"));
  CHECK_THAT(refusal("string", R"("\ud83dx")"), Contains("expected a string"));
  CHECK_THAT(refusal("string", "nul"), Contains("found nul"));
  CHECK_THAT(refusal("string", "{}"), Contains("found an object"));
}

TEST_CASE("json decoder: bytes are base64") {
  CHECK(text(one("bytes", "\"AAECAw==\"")) == std::string("\0\1\2\3", 4));
  CHECK(text(one("bytes", "\"AAECAw\"")) == std::string("\0\1\2\3", 4));
  CHECK(text(one("bytes", "\"\"")) == "");
  CHECK(refusal("bytes", "\"A*==\"") == "field `a`: expected bytes in base64, found \"A*==\"");
  CHECK_THAT(refusal("bytes", "\"AAAAA\""), Contains("base64"));
  CHECK_THAT(refusal("bytes", "12"), Contains("base64"));
}

TEST_CASE("json decoder: timestamps are numbers of a unit, texts of them, or written dates") {
  auto read = [](timestamp_unit unit, const std::string& value, std::string pattern = {}) {
    decoding decode{schema_of({timestamp_field("a", unit, std::move(pattern))})};
    return format_rfc3339(decode.first("{\"a\":" + value + "}").as_timestamp());
  };
  CHECK(read(timestamp_unit::seconds, "1707605599") == "2024-02-10T22:53:19Z");
  CHECK(read(timestamp_unit::seconds, "1707605599.25") == "2024-02-10T22:53:19.250Z");
  CHECK(read(timestamp_unit::seconds, "\"1707605599\"") == "2024-02-10T22:53:19Z");
  CHECK(read(timestamp_unit::milliseconds, "1707605599001") == "2024-02-10T22:53:19.001Z");
  CHECK(read(timestamp_unit::microseconds, "1707605599000001") == "2024-02-10T22:53:19.000001Z");
  CHECK(read(timestamp_unit::rfc3339, "\"2024-02-10T23:53:19+01:00\"") == "2024-02-10T22:53:19Z");
  CHECK(read(timestamp_unit::pattern, "\"2024-02-10 22:53:19\"", "%Y-%m-%d %H:%M:%S")
        == "2024-02-10T22:53:19Z");

  auto refuse = [](timestamp_unit unit, const std::string& value, std::string pattern = {}) {
    decoding decode{schema_of({timestamp_field("a", unit, std::move(pattern))})};
    return decode("{\"a\":" + value + "}");
  };
  CHECK(refuse(timestamp_unit::seconds, "\"abc\"")
        == "field `a`: expected a timestamp in seconds, found \"abc\"");
  CHECK(refuse(timestamp_unit::milliseconds, "9223372036854775807")
        == "field `a`: expected a timestamp in milliseconds, found 9223372036854775807");
  CHECK(refuse(timestamp_unit::microseconds, "true")
        == "field `a`: expected a timestamp in microseconds, found true");
  CHECK(refuse(timestamp_unit::rfc3339, "1707605599")
        == "field `a`: expected a timestamp such as 2024-02-29T23:59:59Z, found 1707605599");
  CHECK(refuse(timestamp_unit::pattern, "\"10.2.2024\"", "%Y-%m-%d")
        == "field `a`: expected a timestamp written as `%Y-%m-%d`, found \"10.2.2024\"");
}

TEST_CASE("json decoder: lists and maps are read as deep as their type") {
  auto list = one("list<int32>", "[1, null ,\"3\"]").items();
  REQUIRE(list.size() == 3);
  CHECK(list[0].as_integer() == 1);
  CHECK(list[1].is_null());
  CHECK(list[2].as_integer() == 3);
  CHECK(one("list<string>", "[]").items().empty());

  auto map = one("map<string,list<double>>", R"({"b":[1],"a":[],"b":[2,3]})").items();
  REQUIRE(map.size() == 4);
  CHECK(text(map[0]) == "a");
  CHECK(text(map[2]) == "b");
  REQUIRE(map[3].items().size() == 2); // of equal keys the last one counts
  CHECK(map[3].items()[0].as_real() == 2);

  CHECK(refusal("list<int32>", "[1,\"x\"]") == "field `a`: expected a list<int32>, found \"x\"");
  CHECK_THAT(refusal("list<int32>", "{}"), Contains("found an object"));
  CHECK_THAT(refusal("list<int32>", "[1 2]"), Contains("field `a`"));
  CHECK_THAT(refusal("map<string,int32>", "[1]"), Contains("found a list"));
}

TEST_CASE("json decoder: paths lead into objects, and columns may overlap") {
  decoding decode{schema_of(
      {field("deep", "int32", {"a", "b", "c"}), field("beside", "string", {"a", "d"}),
       field("whole", "map<string,string>", {"m"}), field("part", "int32", {"m", "x"}),
       field("again", "string", {"a", "d"}), field("around", "map<string,int64>", {"a", "b"})})};
  REQUIRE(decode(R"({"m":{"x":7,"y":"z"},"a":{"d":5,"b":{"c":3}}})") == "");
  auto row = decode.row();
  CHECK(row[0].as_integer() == 3);
  CHECK(text(row[1]) == "5");
  CHECK(row[2].items().size() == 4);
  CHECK(row[3].as_integer() == 7);
  CHECK(text(row[4]) == "5");
  CHECK(row[5].items()[1].as_integer() == 3);

  REQUIRE(decode(R"({"a":null,"m":{}})") == "");
  row = decode.row();
  CHECK(row[0].is_null());
  CHECK(row[3].is_null());
  CHECK(decode(R"({"a":{"b":5}})")
        == "field `deep`: expected an object on the way to it, `a.b.c`, found 5");
  CHECK(decode(R"({"a":[1]})")
        == "field `deep`: expected an object on the way to it, `a.b.c`, found a list");
}

TEST_CASE("json decoder: of equal keys the last one counts, also when written with escapes") {
  decoding decode{schema_of({field("key", "int32")})};
  CHECK(decode.first(R"({"key":1,"key":2})").as_integer() == 2);
  CHECK(decode.first(R"({"key":1,"\u006bey":3})").as_integer() == 3);
  CHECK(decode.first(R"({"key":1,"k\"ey":3,"ke":4,"keyy":5})").as_integer() == 1);
}

TEST_CASE("json decoder: a key is told apart from one that it begins or ends with") {
  for (size_t length = 1; length < 80; ++length) {
    INFO(length);
    auto name = std::string(length, 'n');
    decoding decode{schema_of({field(name, "int32")})};
    auto record = [&](const std::string& key) { return "{\"" + key + "\":1}"; };
    CHECK(decode.first(record(name)).as_integer() == 1);
    CHECK(decode.first(record(name + "n")).is_null());
    CHECK(decode.first(record(name.substr(1))).is_null());
    CHECK(decode.first(record(name)).as_integer() == 1);
    auto other = name;
    other[length / 2] = 'x';
    CHECK(decode.first(record(other)).is_null());
    CHECK(decode.first(record(name)).as_integer() == 1);
  }
}

TEST_CASE("json decoder: what is not a JSON object is refused with a reason") {
  decoding decode{schema_of({field("a", "int32"), field("b", "string")})};
  CHECK(decode("") == "the record is empty");
  CHECK(decode("[1]") == "expected a JSON object, found [1]");
  CHECK(decode("12") == "expected a JSON object, found 12");
  CHECK(decode("\"x\"") == "expected a JSON object, found \"x\"");
  CHECK(decode("   ") == "the record is empty");
  CHECK_THAT(decode("{"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\":1"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\" 1}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\":1 \"b\":2}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{a:1}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"b\":\"x}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\":1}}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\":1}{\"a\":2}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"b\":\"\xff\"}"), Contains("UTF-8"));
  CHECK_THAT(decode("{\"b\":\"\x01\"}"), Contains("not valid JSON"));
  CHECK_THAT(decode("{\"a\":}"), Contains("field `a`"));
  CHECK_THAT(decode("{\"a\":1,}"), Contains("not valid JSON"));
  // None of them left a row, and the decoder goes on working.
  CHECK(decode.rows().size() == 0);
  CHECK(decode.first("{\"a\":1}").as_integer() == 1);
}

TEST_CASE("json decoder: what is skipped may be nested 64 deep, and its brackets must match") {
  decoding decode{schema_of({field("a", "int32")})};
  auto nested = [](size_t depth) {
    return "{\"z\":" + std::string(depth, '[') + std::string(depth, ']') + ",\"a\":1}";
  };
  CHECK(decode.first(nested(64)).as_integer() == 1);
  auto refused = decode(nested(65))
                 == "the record is not valid JSON: expected a value whose brackets "
                    "match, nested at most 64 deep, at byte 69";
  CHECK(refused);
  CHECK_FALSE(decode(nested(100'000)).empty());
  CHECK(decode.first(R"({"z":{"y":[{},[]]},"a":1})").as_integer() == 1);
  CHECK_THAT(decode(R"({"z":{"y":[}],"a":1})"), Contains("brackets match"));
  CHECK_THAT(decode(R"({"z":],"a":1})"), Contains("brackets match"));
  CHECK_THAT(decode(R"({"z":,"a":1})"), Contains("expected a value"));
}

TEST_CASE("json decoder: a record longer than allowed is refused") {
  decoding decode{schema_of({field("a", "string")})};
  auto record = "{\"a\":\"" + std::string(max_record_bytes, 'x') + "\"}";
  CHECK(decode(record) == "the record has 16777224 bytes, more than the 16777216 allowed");
}

TEST_CASE("json decoder: what the batch refuses names the field") {
  auto required = field("a", "int32");
  required.nullable = false;
  decoding decode{schema_of({required})};
  CHECK_THAT(decode("{}"), Contains("`a`"));
  CHECK(decode.rows().size() == 0);
}

TEST_CASE("json decoder: mutated records are decoded or refused, never more") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto schema =
      schema_of({field("a", "int32"), field("b", "string"), field("c", "list<map<string,double>>"),
                 field("d", "bytes"), timestamp_field("e", timestamp_unit::seconds),
                 field("f", "int64", {"g", "h"}), field("whole", "map<string,string>", {"g"})});
  const std::string record =
      R"({"a":12,"b":"x\u0041","c":[{"k":1.5},{}],"d":"AAEC","e":1707605599,"g":{"h":"7","i":"j"}})";
  decoding decode{schema};
  uint64_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto mutated = record;
    for (auto n = random() % 4; n > 0; --n)
      mutated[random() % mutated.size()] = static_cast<char>(random() % 128);
    mutated.resize(mutated.size() - random() % 3);
    auto before = decode.rows().size();
    auto failed = !decode(mutated).empty();
    REQUIRE(decode.rows().size() == before + (failed ? 0 : 1));
    good += !failed;
  }
  CHECK(good > 0);
  CHECK(good < 20'000);
}
