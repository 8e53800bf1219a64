#include "connectors/dynamodb/item_writer.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace keyfold::dynamodb {

namespace {

data_type type(const char* text) {
  return *parse_data_type(text);
}

/// One value in DynamoDB's JSON; `refused: …` where it is none.
std::string written(const cell& value, const char* of,
                    timestamp_style style = timestamp_style::rfc3339) {
  std::string out;
  size_t size = 0;
  auto done = append_attribute(value, type(of), style, out, size);
  CHECK((size > 0 || !done || value.kind() == cell_kind::string));
  return done ? out : "refused: " + done.error().message;
}

const event_time moment{duration{1'707'605'599'250'000}};

/// The rows of seed 002's counters.
change_columns counters() {
  return {"activity",
          {{"userId", type("string")}, {"eventName", type("string")}},
          {{"last_update", type("timestamp")},
           {"count_5s", type("double")},
           {"count_10s", type("double")}}};
}

item_part column_part(const char* name, const char* column) {
  return {name, item_part::kind::column, {column}, {}, {}};
}
item_part number_part(const char* name, const char* number) {
  return {name, item_part::kind::number, {}, number, {}};
}

/// The document's shape.
item_settings document_shape() {
  auto counter = [](const char* interval, const char* column) {
    return item_part{interval,
                     item_part::kind::map,
                     {},
                     {},
                     {number_part("decayInterval", interval),
                      column_part("lastUpdate", "last_update"), column_part("value", column)}};
  };
  item_settings out;
  out.parts = {column_part("key", "userId"), column_part("featureName", "eventName"),
               item_part{"counts",
                         item_part::kind::map,
                         {},
                         {},
                         {counter("5", "count_5s"), counter("10", "count_10s")}}};
  out.partition_key = "key";
  out.sort_key = "featureName";
  out.timestamps = timestamp_style::seconds;
  return out;
}

std::string refusal(const change_columns& columns, item_settings settings) {
  auto made = item_writer::make(columns, std::move(settings));
  return made ? "" : made.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

item_settings keyed_by(std::string partition_key, std::string sort_key = {}) {
  item_settings out;
  out.partition_key = std::move(partition_key);
  out.sort_key = std::move(sort_key);
  return out;
}

} // namespace

TEST_CASE("dynamodb item: types", "[dynamodb]") {
  CHECK(written(cell{}, "string") == R"({"NULL":true})");
  CHECK(written(cell::boolean(true), "bool") == R"({"BOOL":true})");
  CHECK(written(cell::integer(-9'223'372'036'854'775'807), "int64")
        == R"({"N":"-9223372036854775807"})");
  CHECK(written(cell::real(1.3678794411714423), "double") == R"({"N":"1.3678794411714423"})");
  CHECK(written(cell::real(0.1f), "float") == R"({"N":"0.1"})");
  CHECK(written(cell::decimal(-1234567890123456, 6), "decimal(18,6)")
        == R"({"N":"-1234567890.123456"})");
  CHECK(written(cell::string("a\"ü\n"), "string") == "{\"S\":\"a\\\"ü\\n\"}");
  CHECK(written(cell::bytes(std::string_view{"\0\1\2\xff", 4}), "bytes") == R"({"B":"AAEC/w=="})");
  std::array items{cell::integer(1), cell{}};
  CHECK(written(cell::list(items), "list<int32>") == R"({"L":[{"N":"1"},{"NULL":true}]})");
  std::array entries{cell::string("x"), cell::real(2)};
  CHECK(written(cell::map(entries), "map<string,double>") == R"({"M":{"x":{"N":"2"}}})");
  CHECK(written(cell::list({}), "list<int32>") == R"({"L":[]})");
}

TEST_CASE("dynamodb item: timestamps are text, or numbers without rounding", "[dynamodb]") {
  auto at = cell::timestamp(moment);
  CHECK(written(at, "timestamp") == R"({"S":"2024-02-10T22:53:19.250Z"})");
  CHECK(written(at, "timestamp", timestamp_style::seconds) == R"({"N":"1707605599.25"})");
  CHECK(written(at, "timestamp", timestamp_style::milliseconds) == R"({"N":"1707605599250"})");
  CHECK(written(at, "timestamp", timestamp_style::microseconds) == R"({"N":"1707605599250000"})");
  auto whole = cell::timestamp(event_time{duration{-20'000'000}});
  CHECK(written(whole, "timestamp", timestamp_style::seconds) == R"({"N":"-20"})");
  CHECK(written(cell::timestamp(event_time{}), "timestamp", timestamp_style::seconds)
        == R"({"N":"0"})");
}

TEST_CASE("dynamodb item: the ends of what a number can be", "[dynamodb]") {
  auto real = [](double x) { return written(cell::real(x), "double"); };
  CHECK(real(1e-130) == R"({"N":"1e-130"})");
  CHECK(real(9.9e-131) == R"({"N":"0"})");
  CHECK(real(-std::numeric_limits<double>::denorm_min()) == R"({"N":"0"})");
  CHECK(real(-0.0) == R"({"N":"0"})");
  CHECK(real(9.99e125) == R"({"N":"9.99e+125"})");
  CHECK(contains(real(1e126), "refused: 1e+126 is larger"));
  CHECK(contains(real(-1e300), "larger"));
  CHECK(real(std::nan("")) == R"({"NULL":true})");
  CHECK(real(std::numeric_limits<double>::infinity()) == R"({"NULL":true})");
  std::array entries{cell::string("x"), cell::real(1e200)};
  CHECK(contains(written(cell::map(entries), "map<string,double>"), "larger"));
}

TEST_CASE("dynamodb item: the counters' document", "[dynamodb]") {
  auto made = item_writer::make(counters(), document_shape());
  REQUIRE(made);
  std::array key{cell::string("1234"), cell::string("like")};
  std::array values{cell::timestamp(event_time{std::chrono::seconds{1'707'605'599}}),
                    cell::real(1.3678794411714423), cell::real(1e-200)};
  std::string out;
  REQUIRE(made->write_item({0, false, moment, key, values}, 7, out));
  CHECK(out
        == R"({"key":{"S":"1234"},"featureName":{"S":"like"},"counts":{"M":{)"
           R"("5":{"M":{"decayInterval":{"N":"5"},"lastUpdate":{"N":"1707605599"},)"
           R"("value":{"N":"1.3678794411714423"}}},)"
           R"("10":{"M":{"decayInterval":{"N":"10"},"lastUpdate":{"N":"1707605599"},)"
           R"("value":{"N":"0"}}}}}})");
  out.clear();
  REQUIRE(made->write_key({0, true, moment, key, {}}, out));
  CHECK(out == R"({"key":{"S":"1234"},"featureName":{"S":"like"}})");
  REQUIRE(made->key().size() == 2);
  CHECK(made->key()[1].name == "featureName");
  CHECK(made->key()[1].type == 'S');
}

TEST_CASE("dynamodb item: without a shape, an attribute for each column, and the version",
          "[dynamodb]") {
  auto settings = keyed_by("userId", "eventName");
  settings.version = "v";
  auto made = item_writer::make(counters(), settings);
  REQUIRE(made);
  std::array key{cell::string("u"), cell::string("e")};
  std::array values{cell{}, cell::real(1), cell::real(2)};
  std::string out;
  REQUIRE(made->write_item({0, false, moment, key, values}, 12, out));
  CHECK(out
        == R"({"userId":{"S":"u"},"eventName":{"S":"e"},"last_update":{"NULL":true},)"
           R"("count_5s":{"N":"1"},"count_10s":{"N":"2"},"v":{"N":"12"}})");
}

TEST_CASE("dynamodb item: columns joined, and a text, as the table's key", "[dynamodb]") {
  item_settings settings = keyed_by("pk", "sk");
  settings.parts = {{"pk", item_part::kind::columns, {"userId", "eventName"}, {}, {}},
                    {"sk", item_part::kind::text, {}, "it's", {}},
                    column_part("n", "count_5s")};
  auto made = item_writer::make(counters(), settings);
  REQUIRE(made);
  std::array key{cell::string("a|b"), cell::string("like")};
  std::string out;
  REQUIRE(made->write_key({0, true, moment, key, {}}, out));
  CHECK(out == R"({"pk":{"S":"a\\|b|like"},"sk":{"S":"it's"}})");
}

TEST_CASE("dynamodb item: keys that DynamoDB would refuse", "[dynamodb]") {
  auto made = item_writer::make(counters(), document_shape());
  REQUIRE(made);
  auto problem = [&](const cell& user, const cell& event) {
    std::array key{user, event};
    std::string out;
    auto done = made->write_key({0, true, moment, key, {}}, out);
    return done ? "" : done.error().message;
  };
  std::string long_text(2049, 'x');
  CHECK(problem(cell::string("u"), cell::string("e")).empty());
  CHECK(contains(problem(cell::string(""), cell::string("e")), "attribute `key`: it is part of"));
  CHECK(contains(problem(cell::string("u"), cell{}), "attribute `featureName`"));
  CHECK(contains(problem(cell::string(long_text), cell::string("e")), "2049 bytes"));
  CHECK(problem(cell::string(std::string_view{long_text}.substr(1)), cell::string("e")).empty());
  CHECK(contains(
      problem(cell::string("u"), cell::string(std::string_view{long_text}.substr(0, 1025))),
      "1025 bytes"));
}

TEST_CASE("dynamodb item: one that is too large", "[dynamodb]") {
  change_columns columns{"v", {{"k", type("string")}}, {{"text", type("string")}}};
  auto made = item_writer::make(columns, keyed_by("k"));
  REQUIRE(made);
  std::string text(item_writer::max_item_bytes, 'x');
  std::array key{cell::string("k")};
  std::array values{cell::string(text)};
  std::string out;
  auto done = made->write_item({0, false, moment, key, values}, 1, out);
  REQUIRE(!done);
  CHECK(contains(done.error().message, "409600"));
}

TEST_CASE("dynamodb item: shapes that cannot be", "[dynamodb]") {
  CHECK(contains(refusal(counters(), keyed_by("userId")), "`eventName` is in neither"));
  CHECK(contains(refusal(counters(), keyed_by("user", "eventName")), "no attribute `user`"));
  CHECK(
      contains(refusal(counters(), keyed_by("count_5s", "eventName")), "must be made of the row"));
  auto settings = document_shape();
  settings.partition_key = "counts";
  CHECK(contains(refusal(counters(), settings), "takes strings, numbers and bytes"));
  settings = document_shape();
  settings.parts.push_back(column_part("x", "nothing"));
  CHECK(contains(refusal(counters(), settings), "no column `nothing`"));
  settings = document_shape();
  settings.version = "counts";
  CHECK(contains(refusal(counters(), settings), "that of the version"));
  change_columns flags{"v", {{"k", type("bool")}}, {}};
  CHECK(contains(refusal(flags, keyed_by("k")), "takes strings, numbers and bytes"));
}

} // namespace keyfold::dynamodb
