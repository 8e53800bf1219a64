#include "values.hpp"

#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

TEST_CASE("avro conversion: numbers are promoted, and narrowed where that loses nothing") {
  CHECK(become("\"int\"", "int32", number(-5)).as_integer() == -5);
  CHECK(become("\"int\"", "int64", number(7)).as_integer() == 7);
  CHECK(become("\"int\"", "float", number(7)).as_real() == 7);
  CHECK(become("\"long\"", "double", number(1)).as_real() == 1);
  CHECK(become("\"long\"", "int64", number(INT64_MIN)).as_integer() == INT64_MIN);
  CHECK(become("\"long\"", "int32", number(INT32_MAX)).as_integer() == INT32_MAX);
  CHECK(become("\"long\"", "string", number(-42)).as_text() == "-42");
  CHECK(identical(become("\"long\"", "decimal(5,2)", number(999)), cell::decimal(99900, 2)));
  CHECK(become("\"float\"", "double", avro_bytes{}.real(1.5f)).as_real() == 1.5);
  CHECK(become("\"double\"", "double", avro_bytes{}.real(0.1)).as_real() == 0.1);
  CHECK(become("\"double\"", "string", avro_bytes{}.real(0.5)).as_text() == "0.5");
  CHECK(become("\"boolean\"", "bool", avro_bytes{}.flag(true)).as_boolean());
  CHECK(become("\"boolean\"", "string", avro_bytes{}.flag(false)).as_text() == "false");
  CHECK_THAT(refused("\"long\"", "int32", number(1ll << 40)), Contains("found 1099511627776"));
  CHECK_THAT(refused("\"int\"", "int64", number(1ll << 40)), Contains("an int has 32 bits"));
  CHECK_THAT(refused("\"long\"", "decimal(3,2)", number(10)), Contains("found 10"));
  CHECK_THAT(refused("\"double\"", "double", avro_bytes{}.real(std::nan(""))),
             Contains("found nan"));
  CHECK_THAT(refused("\"double\"", "float", avro_bytes{}.real(1e300)),
             Contains("expected a float"));
  CHECK_THAT(refused("\"double\"", "int64", {}),
             Contains("the writer's type is double, which cannot become int64"));
  CHECK_THAT(refused("\"boolean\"", "bool", "\2"), Contains("a boolean is 0 or 1"));
}

TEST_CASE("avro conversion: strings and bytes become one another") {
  CHECK(become("\"string\"", "bytes", text("ab\xff")).as_text() == "ab\xff");
  CHECK(become("\"bytes\"", "string", text("zäh")).as_text() == "zäh");
  CHECK(become("\"bytes\"", "bytes", text("")).as_text().empty());
  CHECK_THAT(refused("\"bytes\"", "string", text("\xff")), Contains("not UTF-8"));
  CHECK_THAT(refused("\"string\"", "string", text("aaaaaaaaaaaaaaaaaaaa\xff")),
             Contains("not UTF-8"));
  CHECK_THAT(refused("\"bytes\"", "int32", {}), Contains("cannot become int32"));
  for (size_t size = 0; size < 40; ++size) {
    std::string x(size, 'x');
    CHECK(become("\"string\"", "string", text(x)).as_text() == x);
  }
  auto fixed = R"({"type":"fixed","name":"f","size":3})";
  CHECK(become(fixed, "bytes", "abc").as_text() == "abc");
  CHECK_THAT(refused(fixed, "bytes", "ab"), Contains("the record ends within it"));
}

TEST_CASE("avro conversion: logical types") {
  using namespace std::chrono;
  auto at = event_time{sys_days{2024y / February / 29} + 1h + 2min + 3s};
  auto micros = at.time_since_epoch().count();
  auto logical = [](const std::string& type, const std::string& name) {
    return R"({"type":")" + type + R"(","logicalType":")" + name + "\"}";
  };
  CHECK(
      become(logical("long", "timestamp-millis"), "timestamp", number(micros / 1000)).as_timestamp()
      == at);
  CHECK(become(logical("long", "timestamp-micros"), "timestamp", number(micros)).as_timestamp()
        == at);
  CHECK(become(logical("long", "timestamp-nanos"), "timestamp", number(micros * 1000 + 999))
            .as_timestamp()
        == at);
  CHECK(become(logical("long", "timestamp-nanos"), "timestamp", number(-1)).as_timestamp()
        == event_time{-1us});
  CHECK(become(logical("long", "timestamp-millis"), "string", number(micros / 1000)).as_text()
        == "2024-02-29T01:02:03Z");
  CHECK(become(logical("long", "timestamp-millis"), "int64", number(5)).as_integer() == 5);
  CHECK(become(logical("int", "date"), "timestamp", number(19782)).as_timestamp()
        == event_time{sys_days{2024y / February / 29}});
  CHECK(become(logical("int", "date"), "string", number(19782)).as_text() == "2024-02-29");
  CHECK(become(logical("int", "time-millis"), "string", number(3'723'004)).as_text()
        == "01:02:03.004");
  CHECK(become(logical("long", "time-micros"), "string", number(3'723'000'000)).as_text()
        == "01:02:03");
  CHECK_THAT(refused(logical("int", "time-millis"), "string", number(86'400'000)),
             Contains("found 86400000"));
  CHECK_THAT(refused(logical("long", "timestamp-millis"), "timestamp", number(INT64_MAX)),
             Contains("expected a timestamp"));
  CHECK_THAT(refused("\"long\"", "timestamp", {}), Contains("give the column the `unit`"));
  auto seconds = avro_field("a", "timestamp");
  seconds.unit = timestamp_unit::seconds;
  avro_reading plain{typed("\"long\""), {seconds}};
  CHECK(plain.first(number(micros / 1'000'000)).as_timestamp() == at);
  auto uuid = R"({"type":"fixed","name":"u","size":16,"logicalType":"uuid"})";
  CHECK(become(uuid, "string", "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0")
            .as_text()
        == "12345678-9abc-def0-1234-56789abcdef0");
}

TEST_CASE("avro conversion: decimals are exact") {
  auto decimal = [](int precision, int scale) {
    return fmt::format(R"({{"type":"bytes","logicalType":"decimal","precision":{},"scale":{}}})",
                       precision, scale);
  };
  CHECK(
      identical(become(decimal(4, 2), "decimal(5,2)", text("\x30\x39")), cell::decimal(12345, 2)));
  CHECK(identical(become(decimal(4, 2), "decimal(5,2)", text("\xff")), cell::decimal(-1, 2)));
  CHECK(identical(become(decimal(4, 2), "decimal(9,4)", text("\x7b")), cell::decimal(12300, 4)));
  CHECK(identical(become(decimal(4, 2), "decimal(9,1)", text("\x78")), cell::decimal(12, 1)));
  CHECK(become(decimal(4, 2), "string", text("\xff\x85")).as_text() == "-1.23");
  CHECK(become(decimal(4, 2), "double", text("\x7b")).as_real() == 1.23);
  CHECK(become(decimal(4, 0), "int64", text("\x7b")).as_integer() == 123);
  std::string wide(12, '\0');
  wide.back() = 5;
  CHECK(identical(become(decimal(30, 2), "decimal(5,2)", text(wide)), cell::decimal(5, 2)));
  CHECK(identical(become(R"({"type":"fixed","name":"f","size":2,"logicalType":"decimal",
                             "precision":4,"scale":2})",
                         "decimal(5,2)", "\xff\xfe"),
                  cell::decimal(-2, 2)));
  CHECK_THAT(refused(decimal(4, 2), "decimal(9,1)", text("\x7b")), Contains("found 1.23"));
  CHECK_THAT(refused(decimal(4, 2), "decimal(3,2)", text("\x7f\xff")), Contains("found 327.67"));
  CHECK_THAT(refused(decimal(30, 2), "decimal(18,2)", text(std::string(12, '\x7f'))),
             Contains("a decimal of 12 bytes"));
  CHECK_THAT(refused(decimal(4, 2), "decimal(3,2)", text("")), Contains("a decimal of 0 bytes"));
  CHECK_THAT(refused(decimal(4, 2), "int64", text("\x7b")), Contains("found 1.23"));
}

TEST_CASE("avro conversion: enumerations, with a default for symbols that are not known") {
  auto type = R"({"type":"enum","name":"e","symbols":["red","green","blue"]})";
  CHECK(become(type, "string", number(2)).as_text() == "blue");
  CHECK_THAT(refused(type, "string", number(3)), Contains("the enum has 3 symbols"));
  avro_reading some{typed(type), {avro_field("a", "string")}, {{"a", {{}, "other", {"red"}}}}};
  CHECK(some.first(number(0)).as_text() == "red");
  CHECK(some.first(number(1)).as_text() == "other");
  avro_reading strict{typed(type), {avro_field("a", "string")}, {{"a", {{}, {}, {"red"}}}}};
  CHECK_THAT(strict(number(1)), Contains("field `a`: the symbol green is none of its `symbols`"));
}

// Those that are most frequent go a shorter way, which must end where the longer one does: at the
// bounds of each, and as items of lists.
TEST_CASE("avro conversion: ints at the bounds of 32 bits") {
  for (auto as : {"int32", "int64"}) {
    CHECK(identical(become("\"int\"", as, number(INT32_MIN)), cell::integer(INT32_MIN)));
    CHECK(identical(become("\"int\"", as, number(INT32_MAX)), cell::integer(INT32_MAX)));
    CHECK_THAT(refused("\"int\"", as, number(int64_t{INT32_MAX} + 1)),
               Contains("an int has 32 bits, and 2147483648 needs more"));
  }
  CHECK(identical(become("\"long\"", "int32", number(INT32_MIN)), cell::integer(INT32_MIN)));
  CHECK_THAT(refused("\"long\"", "int32", number(int64_t{INT32_MIN} - 1)), Contains("-2147483649"));
  CHECK_THAT(refused("\"long\"", "int32", "\xff"), Contains("ends within it"));
}

TEST_CASE("avro conversion: moments at the bounds of timestamps, in every unit") {
  const std::vector<std::pair<std::string, int64_t>> units{{"timestamp-millis", 1000},
                                                           {"timestamp-micros", 1}};
  for (const auto& unit : units) {
    auto type = R"({"type":"long","logicalType":")" + unit.first + "\"}";
    CAPTURE(type);
    auto count = [&](event_time x) { return x.time_since_epoch().count() / unit.second; };
    auto at = [&](int64_t x) { return cell::timestamp(event_time{duration{x * unit.second}}); };
    auto first = count(earliest_timestamp);
    auto last = count(latest_timestamp);
    for (auto x : {first, int64_t{-1}, int64_t{0}, last})
      CHECK(identical(become(type, "timestamp", number(x)), at(x)));
    for (auto x : {first - 1, last + 1, std::numeric_limits<int64_t>::min(),
                   std::numeric_limits<int64_t>::max()})
      CHECK_THAT(refused(type, "timestamp", number(x)), Contains(std::to_string(x)));
  }
}

TEST_CASE("avro conversion: a double that is no number is refused") {
  for (auto x : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK_THAT(refused("\"double\"", "double", avro_bytes{}.real(x)), Contains("field `a`"));
  CHECK_THAT(refused("\"double\"", "double", "1234567"), Contains("ends within it"));
}

TEST_CASE("avro conversion: items of lists become what columns do") {
  auto items = [](const std::string& item, const std::string& as, const std::string& value) {
    return become(R"({"type":"array","items":)" + item + "}", "list<" + as + ">",
                  number(1) + value + number(0))
        .items()[0];
  };
  CHECK(identical(items("\"int\"", "int32", number(-7)), cell::integer(-7)));
  CHECK(identical(items("\"double\"", "double", avro_bytes{}.real(0.5)), cell::real(0.5)));
  CHECK(identical(
      items(R"({"type":"long","logicalType":"timestamp-millis"})", "timestamp", number(5)),
      cell::timestamp(event_time{duration{5000}})));
  CHECK(items(R"({"type":"enum","name":"e","symbols":["red"]})", "string", number(0)).as_text()
        == "red");
}

TEST_CASE("avro conversion: symbols of every length, and such as are not ASCII") {
  for (size_t size : {1, 3, 4, 7, 8, 16, 17, 300}) {
    auto name = std::string(size, 'x');
    CHECK(become(R"({"type":"enum","name":"e","symbols":[")" + name + "\"]}", "string", number(0))
              .as_text()
          == name);
  }
}
