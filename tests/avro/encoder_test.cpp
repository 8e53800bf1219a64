#include "records.hpp"

#include "connectors/formats/avro/frame.hpp"
#include "connectors/formats/avro/row_encoder.hpp"
#include "features/decimal.hpp"

#include <chrono>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

change_columns of_values(std::vector<std::pair<std::string, std::string>> values) {
  change_columns made;
  made.view = "spend";
  made.key.push_back({"user", *parse_data_type("string")});
  for (auto& [name, type] : values)
    made.values.push_back({name, *parse_data_type(type)});
  return made;
}

/// What the decoder makes of what the encoder wrote of one value.
cell there_and_back(const cell& value, const std::string& type, arena& memory) {
  auto columns_ = of_values({{"v", type}});
  auto schemas = avro::derive_schemas(columns_, "n");
  REQUIRE(schemas);
  auto writer = avro::make_row_encoder(columns_, 1, 2);
  std::string out;
  auto key = cell::string("u");
  writer->write_value({&key, 1}, {&value, 1}, out);
  REQUIRE(out.size() > avro::frame_bytes);
  CHECK(avro::framed_id(out) == 2);
  avro_reading read{schemas->value, {avro_field("v", type)}};
  INFO(type << " " << schemas->value);
  return memory.copy(read.first(out.substr(avro::frame_bytes)));
}

} // namespace

TEST_CASE("avro encoder: schemas are derived from the columns") {
  auto columns_ = of_values({{"like.count", "int64"},
                             {"at", "timestamp"},
                             {"p", "decimal(9,2)"},
                             {"tags", "list<string>"}});
  auto made = avro::derive_schemas(columns_, "com.x");
  REQUIRE(made);
  CHECK(
      made->key
      == R"({"type":"record","name":"spend_key","namespace":"com.x","fields":[{"name":"user","type":["null","string"],"default":null}]})");
  CHECK(
      made->value
      == R"({"type":"record","name":"spend","namespace":"com.x","fields":[)"
         R"({"name":"like_count","type":["null","long"],"default":null,"doc":"like.count"},)"
         R"({"name":"at","type":["null",{"type":"long","logicalType":"timestamp-micros"}],"default":null},)"
         R"({"name":"p","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},)"
         R"({"name":"tags","type":["null",{"type":"array","items":["null","string"]}],"default":null}]})");
  auto same = avro::derive_schemas(of_values({{"a.b", "int64"}, {"a_b", "int64"}}), "n");
  CHECK_THAT(same.error().message, Contains("`a.b` and `a_b` would both be called `a_b`"));
}

TEST_CASE("avro encoder: every type there and back") {
  arena memory;
  auto check = [&](const cell& x, const std::string& type) {
    CHECK(identical(there_and_back(x, type, memory), x));
    CHECK(there_and_back(cell{}, type, memory).is_null());
  };
  check(cell::boolean(true), "bool");
  check(cell::integer(INT32_MIN), "int32");
  check(cell::integer(INT64_MIN), "int64");
  check(cell::integer(INT64_MAX), "int64");
  check(cell::real(1.5), "float");
  check(cell::real(0.1), "double");
  check(cell::string("zäh"), "string");
  check(cell::string(""), "string");
  check(cell::bytes(std::string_view{"\0\xff", 2}), "bytes");
  check(cell::timestamp(event_time{std::chrono::microseconds{-1}}), "timestamp");
  for (int64_t x : {int64_t{0}, int64_t{127}, int64_t{128}, int64_t{-128}, int64_t{-129},
                    int64_t{255}, int64_t{256}, powers_of_ten[18] - 1, 1 - powers_of_ten[18]})
    check(cell::decimal(x, 3), "decimal(18,3)");
  cell items[] = {cell::integer(1), cell{}, cell::integer(3)};
  check(cell::list(items), "list<int64>");
  check(cell::list({}), "list<int64>");
  cell inner[] = {cell::list(items), cell{}};
  cell entries[] = {cell::string("a"), inner[0], cell::string("b"), inner[1]};
  check(cell::map(entries), "map<string,list<int64>>");
}

TEST_CASE("avro encoder: keys have a schema and a frame of their own") {
  auto columns_ = of_values({{"v", "int64"}});
  columns_.fields = {{"who", true, 0}, {"n", false, 0}};
  auto writer = avro::make_row_encoder(columns_, 258, 3);
  auto key = cell::string("u");
  auto value = cell::integer(-1);
  std::string out;
  writer->write_key({&key, 1}, out);
  CHECK(out == std::string("\0\0\0\1\2\2\2u", 8));
  out.clear();
  writer->write_value({&key, 1}, {&value, 1}, out);
  CHECK(out == std::string("\0\0\0\0\3\2\2u\2\1", 10));
}

TEST_CASE("avro encoder: cells of other types than the columns' are noticed") {
  auto columns_ = of_values({{"v", "list<int64>"}});
  auto writer = avro::make_row_encoder(columns_, 1, 2);
  auto key = cell::string("u");
  auto right = cell::list({});
  auto wrong = cell::integer(1);
  cell null;
  CHECK(writer->takes({&key, 1}, {&right, 1}));
  CHECK(writer->takes({&key, 1}, {&null, 1}));
  CHECK(writer->takes({&key, 1}, {}));
  CHECK_FALSE(writer->takes({&key, 1}, {&wrong, 1}));
  CHECK_FALSE(writer->takes({&wrong, 1}, {&right, 1}));
}
