#include "values.hpp"

#include "connectors/formats/avro/frame.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

const std::string sales = R"({"type":"record","name":"Sales","namespace":"com.x","fields":[
  {"name":"user_id","type":"string"}, {"name":"product_id","type":"string"},
  {"name":"invoice_id","type":"string"}, {"name":"quantity","type":"string"},
  {"name":"unit_cost","type":"string"}]})";
const std::string sale =
    avro_bytes{}.text("user-27").text("140").text("i-1").text("3").text("1.25");

} // namespace

TEST_CASE(
    "avro decoder: only the columns are read, in any order, and text is read as their types") {
  avro_reading read{sales,
                    {avro_field("cost", "decimal(8,2)", {"unit_cost"}),
                     avro_field("quantity", "int32"), avro_field("user_id", "string")}};
  auto row = read.row(sale);
  CHECK(identical(row[0], cell::decimal(125, 2)));
  CHECK(identical(row[1], cell::integer(3)));
  CHECK(row[2].as_text() == "user-27");
  CHECK_THAT(read(avro_bytes{}.text("u").text("p").text("i").text("three").text("1")),
             Contains("field `quantity`: expected an int32, found \"three\""));
}

TEST_CASE("avro decoder: columns that a schema lacks are null or have their default") {
  avro_reading read{sales,
                    {avro_field("country", "string"), avro_field("tax", "double"),
                     avro_field("tags", "list<string>")},
                    {{"tax", {{}, "0.19", {}}}, {"tags", {{}, "[\"new\"]", {}}}}};
  auto row = read.row(sale);
  CHECK(row[0].is_null());
  CHECK(row[1].as_real() == 0.19);
  REQUIRE(row[2].items().size() == 1);
  CHECK(row[2].items()[0].as_text() == "new");
  avro_reading wrong{sales, {avro_field("tax", "double")}, {{"tax", {{}, "much", {}}}}};
  CHECK_THAT(wrong.problem(), Contains("field `tax`: its default \"much\" is no double"));
}

TEST_CASE("avro decoder: nullable values, whichever branch null is") {
  for (bool first : {true, false}) {
    auto type = first ? R"(["null","string"])" : R"(["string","null"])";
    avro_reading read{typed(type), {avro_field("a", "string")}};
    CHECK(read.first(number(first ? 0 : 1)).is_null());
    CHECK(read.first(avro_bytes{}.number(first ? 1 : 0).text("x")).as_text() == "x");
    CHECK_THAT(read(number(2)), Contains("the union has 2 branches, and the record says number 2"));
    CHECK_THAT(read(number(-1)), Contains("number -1"));
    CHECK_THAT(read(""), Contains("the record ends within it"));
  }
  avro_reading only{typed("[\"null\"]"), {avro_field("a", "string")}};
  CHECK(only.first(number(0)).is_null());
}

TEST_CASE("avro decoder: of a union, branches that fit are read and others refuse their records") {
  avro_reading read{typed(R"(["null","long","string",{"type":"array","items":"int"}])"),
                    {avro_field("a", "int64")}};
  CHECK(read.first(avro_bytes{}.number(1).number(5)).as_integer() == 5);
  CHECK(read.first(avro_bytes{}.number(2).text("6")).as_integer() == 6);
  CHECK(read.first(number(0)).is_null());
  CHECK_THAT(read(avro_bytes{}.number(3).number(0)),
             Contains("the writer's type is array, which cannot become int64"));
  CHECK_THAT(read(number(4)), Contains("the union has 4 branches"));
  CHECK_THAT(refused(R"([{"type":"map","values":"int"},"boolean"])", "int64", {}),
             Contains("cannot become int64"));
}

TEST_CASE("avro decoder: nested records by path, also through nullable and several ones") {
  auto writer = record_of(R"({"name":"before","type":"double"},
    {"name":"user","type":["null",{"type":"record","name":"user","fields":[
       {"name":"address","type":{"type":"record","name":"address","fields":[
          {"name":"street","type":"string"},{"name":"zip","type":"int"}]}},
       {"name":"name","type":"string"}]}]},
    {"name":"what","type":[{"type":"record","name":"click","fields":[{"name":"item","type":"int"}]},
                           {"type":"record","name":"view","fields":[{"name":"seconds","type":"int"}]}]})");
  avro_reading read{writer,
                    {avro_field("zip", "int32", {"user", "address", "zip"}),
                     avro_field("name", "string", {"user", "name"}),
                     avro_field("item", "int64", {"what", "item"}),
                     avro_field("seconds", "int32", {"what", "seconds"})},
                    {{"item", {{}, "-1", {}}}}};
  auto row = read.row(
      avro_bytes{}.real(0.5).number(1).text("s").number(12345).text("n").number(0).number(9));
  CHECK(row[0].as_integer() == 12345);
  CHECK(row[1].as_text() == "n");
  CHECK(row[2].as_integer() == 9);
  CHECK(row[3].is_null());
  row = read.row(avro_bytes{}.real(0.5).number(0).number(1).number(30));
  CHECK(row[0].is_null());
  CHECK(row[1].is_null());
  CHECK(row[2].as_integer() == -1);
  CHECK(row[3].as_integer() == 30);
  CHECK_THAT(refused("\"int\"", "int32", {}), Contains("record ends"));
  avro_reading through{typed("\"int\""), {avro_field("x", "int32", {"a", "b"})}};
  CHECK_THAT(through.problem(), Contains("on the way to it, `a.b`, the writer's schema has int"));
  avro_reading whole{writer, {avro_field("user", "string")}};
  CHECK_THAT(whole.problem(), Contains("name a field inside it by its `path`"));
}

TEST_CASE("avro decoder: paths go through maps, by the keys of their entries") {
  auto schema = record_of(R"({"name":"m","type":["null",{"type":"map","values":{"type":"record",
    "name":"entry","fields":[{"name":"n","type":"int"},{"name":"t","type":["null","string"]}]}}]},
    {"name":"flat","type":{"type":"map","values":"string"}},{"name":"last","type":"int"})");
  avro_reading read{
      schema,
      {avro_field("n", "int32", {"m", "a", "n"}), avro_field("t", "string", {"m", "a", "t"}),
       avro_field("other", "int64", {"m", "b", "n"}),
       avro_field("city", "string", {"flat", "city"}),
       avro_field("known", "int32", {"flat", "known"}),
       avro_field("all", "map<string,string>", {"flat"}), avro_field("last", "int32")},
      {{"city", {{"town"}, "nowhere", {}}}}};
  auto item = [](avro_bytes& to, std::string_view key, int64_t n, std::string_view t) {
    to.text(key).number(n).number(1).text(t);
  };
  avro_bytes record;
  record.number(1).number(2);
  item(record, "a", 1, "one");
  item(record, "skipped", 2, "two");
  record.number(1);
  item(record, "b", -3, "");
  record.number(0).number(2).text("town").text("Ulm").text("known").text("7").number(0).number(9);
  auto row = read.row(record);
  CHECK(identical(row[0], cell::integer(1)));
  CHECK(row[1].as_text() == "one");
  CHECK(identical(row[2], cell::integer(-3)));
  CHECK(row[3].as_text() == "Ulm");
  CHECK(identical(row[4], cell::integer(7)));
  CHECK(row[5].items().size() == 4);
  CHECK(identical(row[6], cell::integer(9)));

  // Neither map has an entry, the second not even itself: NULL, or the default.
  row = read.row(avro_bytes{}.number(0).number(0).number(1));
  for (size_t i : {0, 1, 2, 4})
    CHECK(row[i].is_null());
  CHECK(row[3].as_text() == "nowhere");
  CHECK(identical(row[6], cell::integer(1)));
  CHECK_THAT(read(avro_bytes{}.number(0).number(1).text("known").text("x").number(0).number(1)),
             Contains("field `known`: expected an int32, found \"x\""));
  CHECK_THAT(read(avro_bytes{}.number(0).number(1).number(90)), Contains("at `flat`"));
}

TEST_CASE("avro decoder: fields are found by the names they once had") {
  auto writer = record_of(R"({"name":"new_name","aliases":["old_name"],"type":"int"})");
  avro_reading by_writer{writer, {avro_field("old_name", "int32")}};
  CHECK(by_writer.first(number(5)).as_integer() == 5);
  avro_reading by_reader{writer, {avro_field("x", "int32")}, {{"x", {{"y", "new_name"}, {}, {}}}}};
  CHECK(by_reader.first(number(6)).as_integer() == 6);
}

TEST_CASE("avro decoder: one value may be read as several columns") {
  avro_reading read{record_of(R"({"name":"a","type":["null",{"type":"record","name":"n","fields":[
                                {"name":"x","type":"long"}]}]},{"name":"b","type":"string"})"),
                    {avro_field("x", "int64", {"a", "x"}), avro_field("xt", "string", {"a", "x"}),
                     avro_field("b", "string"), avro_field("bn", "int32", {"b"})}};
  auto row = read.row(avro_bytes{}.number(1).number(77).text("12"));
  CHECK(row[0].as_integer() == 77);
  CHECK(row[1].as_text() == "77");
  CHECK(row[2].as_text() == "12");
  CHECK(row[3].as_integer() == 12);
}

TEST_CASE("avro decoder: arrays and maps, in blocks of both forms, nested and nullable") {
  auto list = become(R"({"type":"array","items":["null","int"]})", "list<int64>",
                     avro_bytes{}
                         .number(2)
                         .number(1)
                         .number(5)
                         .number(0)
                         .number(-1)
                         .number(2)
                         .number(1)
                         .number(6)
                         .number(0));
  REQUIRE(list.items().size() == 3);
  CHECK(list.items()[0].as_integer() == 5);
  CHECK(list.items()[1].is_null());
  CHECK(list.items()[2].as_integer() == 6);
  auto map = become(R"({"type":"map","values":{"type":"array","items":"string"}})",
                    "map<string,list<string>>",
                    avro_bytes{}
                        .number(3)
                        .text("b")
                        .number(0)
                        .text("a")
                        .number(1)
                        .text("x")
                        .number(0)
                        .text("b")
                        .number(2)
                        .text("y")
                        .text("z")
                        .number(0)
                        .number(0));
  REQUIRE(map.items().size() == 4);
  CHECK(map.items()[0].as_text() == "a");
  CHECK(map.items()[1].items()[0].as_text() == "x");
  CHECK(map.items()[2].as_text() == "b");
  CHECK(map.items()[3].items()[1].as_text() == "z");
  CHECK(become(R"({"type":"array","items":"int"})", "list<int32>", number(0)).items().empty());
  CHECK_THAT(refused(R"({"type":"array","items":"int"})", "map<string,int32>", {}),
             Contains("the writer's type is array"));
  CHECK_THAT(refused(R"({"type":"map","values":"int"})", "map<string,int32>",
                     avro_bytes{}.number(1).text("\xff").number(1).number(0)),
             Contains("the key of an entry is not UTF-8"));
}

TEST_CASE("avro decoder: whatever no column is in is skipped") {
  auto writer = record_of(R"(
    {"name":"tree","type":{"type":"record","name":"tree","fields":[
       {"name":"v","type":"int"},{"name":"kids","type":{"type":"array","items":"tree"}}]}},
    {"name":"m","type":{"type":"map","values":["null","string",{"type":"fixed","name":"f","size":2}]}},
    {"name":"floats","type":{"type":"array","items":"float"}},
    {"name":"e","type":{"type":"enum","name":"e","symbols":["x"]}},
    {"name":"d","type":"double"},{"name":"n","type":"null"},{"name":"g","type":"f"},
    {"name":"last","type":"string"})");
  avro_bytes record;
  record.number(1).number(2).number(2).number(0).number(3).number(0).number(0); // the tree
  record.number(3)
      .text("a")
      .number(0)
      .text("b")
      .number(1)
      .text("t")
      .text("c")
      .number(2)
      .raw("zz")
      .number(-1)
      .number(3)
      .text("d")
      .number(0)
      .number(0);
  record.number(2).real(1.f).real(2.f).number(-1).number(4).real(3.f).number(0);
  record.number(0).real(1.0).raw("gg").text("end");
  avro_reading read{writer, {avro_field("last", "string")}};
  CHECK(read.first(record).as_text() == "end");
  CHECK_THAT(read(std::string{record} + "x"), Contains("1 bytes follow the record"));
  auto whole = std::string{record};
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(read(whole.substr(0, size)) != "");
}

TEST_CASE("avro decoder: what claims to be large is refused, not allocated") {
  auto huge = number(INT64_MAX);
  CHECK_THAT(refused("\"string\"", "string", huge), Contains("it says that it has"));
  CHECK_THAT(refused("\"string\"", "string", number(-1)), Contains("it has -1 bytes"));
  CHECK_THAT(refused(R"({"type":"array","items":"null"})", "list<string>", huge),
             Contains("more items that take no bytes than are allowed"));
  CHECK_THAT(refused(R"({"type":"array","items":"int"})", "list<int32>", huge + "\2"),
             Contains("ends within it"));
  CHECK_THAT(refused(R"({"type":"array","items":"long"})", "list<int64>",
                     avro_bytes{}.number(INT64_MIN).number(1).number(1)),
             Contains("ends within"));
  CHECK_THAT(refused("\"long\"", "int64", std::string(11, '\xff')), Contains("more than 64 bits"));
  avro_reading skips{record_of(R"({"name":"a","type":{"type":"array","items":"double"}},
                                  {"name":"b","type":"int"})"),
                     {avro_field("b", "int32")}};
  CHECK_THAT(skips(huge), Contains("more items than there are bytes left"));
  CHECK_THAT(skips(avro_bytes{}.number(-1).number(-8)), Contains("more items"));
}

TEST_CASE("avro decoder: recursive types are bounded") {
  auto writer = record_of(R"({"name":"list","type":{"type":"record","name":"node","fields":[
      {"name":"v","type":"int"},{"name":"next","type":["null","node"]}]}},{"name":"z","type":"int"})");
  avro_reading read{
      writer,
      {avro_field("z", "int32"), avro_field("third", "int32", {"list", "next", "next", "v"})}};
  auto chain = [](int length) {
    avro_bytes out;
    for (int i = 1; i <= length; ++i)
      out.number(i).number(i < length ? 1 : 0);
    return std::string{out.number(-7)};
  };
  auto row = read.row(chain(10));
  CHECK(row[0].as_integer() == -7);
  CHECK(row[1].as_integer() == 3);
  CHECK(read.row(chain(2))[1].is_null());
  CHECK(read(chain(60)) == "");
  CHECK_THAT(read(chain(100)), Contains("nested more than 64 deep"));
  avro_reading endless{record_of(R"({"name":"a","type":{"type":"record","name":"x","fields":[
                                   {"name":"x","type":"x"}]}})"),
                       {avro_field("b", "int32")}};
  CHECK_THAT(endless(""), Contains("nested more than 64 deep"));
}

TEST_CASE("avro decoder: a few bytes cannot keep it busy") {
  // Each type holds the one before twice, and the first one takes no bytes.
  std::string types = R"({"type":"record","name":"t0","fields":[{"name":"e","type":["null","int"]},
                          {"name":"n","type":{"type":"array","items":"null"}}]})";
  for (int i = 1; i < 40; ++i)
    types += fmt::format(
        R"(,{{"type":"record","name":"t{}","fields":[{{"name":"a","type":"t{}"}},{{"name":"b","type":"t{}"}}]}})",
        i, i - 1, i - 1);
  avro_reading read{"[" + types + "]", {avro_field("zzz", "int32")}};
  CHECK(read(number(39) + std::string(1000, '\0')) != "");
  avro_reading nulls{typed(R"({"type":"array","items":{"type":"record","name":"e","fields":[]}})"),
                     {avro_field("zzz", "int32")}};
  CHECK(nulls(avro_bytes{}.number(1'000'000'000).number(0)) == "");
}

TEST_CASE("avro decoder: a schema that would make an endless program is refused") {
  // Every branch leads on to the same thirty branches.
  std::string all = R"([{"type":"record","name":"b0","fields":[{"name":"x","type":[)";
  for (int i = 1; i < 30; ++i)
    all += fmt::format(
        R"({}{{"type":"record","name":"b{}","fields":[{{"name":"x","type":["null","b0"]}}]}})",
        i > 1 ? "," : "", i);
  all += "]}]}]";
  avro_reading read{all, {avro_field("d", "int32", std::vector<std::string>(40, "x"))}};
  CHECK_THAT(read.problem(), Contains("more than 100000 steps"));
}

TEST_CASE("avro decoder: framed records, each by the schema that its frame names") {
  auto columns_ = columns({avro_field("a", "int64")});
  auto registry = std::make_shared<fake_schemas>();
  registry->known[1] = {avro::schema_source::state::found, parsed(typed("\"int\"")), ""};
  registry->known[2] = {avro::schema_source::state::found, parsed(typed("\"string\"")), ""};
  registry->known[3] = {avro::schema_source::state::refused, nullptr, "is written in Protobuf"};
  registry->known[4] = {avro::schema_source::state::found, parsed(typed("\"double\"")), ""};
  auto settings = std::make_shared<avro::format>();
  settings->registry = registry;
  record_format_settings format;
  format.format = record_format::avro;
  format.avro = settings;
  auto decoder = std::move(*make_record_decoder(columns_, format));
  event_batch_builder rows{columns_, 16};
  auto decode = [&](int32_t id, const std::string& body) {
    std::string record;
    avro::append_frame(id, record);
    auto read = decoder->decode(record + body, event_time{}, rows);
    return read ? std::string{} : read.error().message;
  };
  CHECK(decode(1, number(5)) == "");
  CHECK(decode(2, text("6")) == "");
  CHECK(decode(1, number(7)) == "");
  CHECK(registry->asked == 2);
  auto batch = rows.build();
  CHECK(batch->row(1)[0].as_integer() == 6);
  CHECK(batch->row(2)[0].as_integer() == 7);
  CHECK(decode(3, "") == "schema 3: is written in Protobuf");
  CHECK_FALSE(decoder->must_wait());
  CHECK_THAT(decode(4, ""), Contains("schema 4: record r: field `a`: the writer's type is double"));
  CHECK(decode(5, "") == "the registry is away");
  CHECK(decoder->must_wait());
  CHECK(decode(1, number(8)) == "");
  CHECK_FALSE(decoder->must_wait());
  CHECK_THAT(decoder->decode("{\"a\":1}", event_time{}, rows).error().message,
             Contains("begins with 0x7b; is it JSON?"));
  CHECK_THAT(decoder->decode(std::string_view{"\0\0", 2}, event_time{}, rows).error().message,
             Contains("it has 2 bytes"));
  CHECK(decoder->decode("", event_time{}, rows).error().message == "the record is empty");
}

TEST_CASE("avro decoder: a schema from a file may be framed with one number") {
  auto columns_ = columns({avro_field("a", "int64")});
  auto settings = std::make_shared<avro::format>();
  settings->fixed = parsed(typed("\"int\""));
  settings->fixed_id = 258;
  auto decoder = std::move(*avro::avro_decoder::make(columns_, settings));
  event_batch_builder rows{columns_, 16};
  CHECK(decoder->decode(std::string_view{"\0\0\0\1\2\4", 6}, event_time{}, rows));
  auto other = decoder->decode(std::string_view{"\0\0\0\1\3\4", 6}, event_time{}, rows);
  CHECK_THAT(other.error().message, Contains("written with schema 259"));
  CHECK(rows.size() == 1);
}

TEST_CASE("avro decoder: survives arbitrary bytes") {
  auto seed = static_cast<uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  INFO("seed " << seed);
  uint64_t state = seed | 1;
  auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 16);
  };
  avro_reading read{record_of(R"(
      {"name":"l","type":{"type":"array","items":["null","string"]}},
      {"name":"m","type":{"type":"map","values":"long"}},
      {"name":"t","type":{"type":"record","name":"t","fields":[{"name":"k","type":
         {"type":"array","items":"t"}},{"name":"e","type":{"type":"enum","name":"e","symbols":["a"]}}]}},
      {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
      {"name":"u","type":["int","string","boolean"]})"),
                    {avro_field("l", "list<string>"), avro_field("m", "map<string,int64>"),
                     avro_field("e", "string", {"t", "e"}), avro_field("d", "decimal(9,2)"),
                     avro_field("u", "string")}};
  size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string record;
    for (auto size = random() % 24; size > 0; --size)
      record.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 6));
    good += read(record).empty() ? 1 : 0;
  }
  CHECK(good < 20'000);
}
