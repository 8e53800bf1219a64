#include "app/avro_json.hpp"
#include "connectors/formats/avro/frame.hpp"

#include "../avro/records.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// Texts of records of a schema, number 7 of a registry.
struct shown {
  explicit shown(const std::string& schema) {
    registry->known[7] = {avro::schema_source::state::found, parsed(schema), {}};
  }
  result<std::string> operator()(const std::string& record, int32_t id = 7) {
    std::string framed;
    avro::append_frame(id, framed);
    framed += record;
    REQUIRE(looks_framed(framed));
    return texts.text(framed);
  }

  std::shared_ptr<fake_schemas> registry = std::make_shared<fake_schemas>();
  avro_json texts{registry, 30ms};
};

} // namespace

TEST_CASE("avro json: every type that a column could have, nested ones by their path") {
  shown show{record_of(R"({"name":"flag","type":"boolean"},
    {"name":"n","type":["null","int"]},{"name":"big","type":["long","null"]},
    {"name":"x","type":"double"},{"name":"f","type":"float"},{"name":"raw","type":"bytes"},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"kind","type":{"type":"enum","name":"k","symbols":["red","green"]}},
    {"name":"shop","type":{"type":"record","name":"s","fields":[{"name":"city","type":"string"}]}},
    {"name":"tags","type":{"type":"array","items":["null","string"]}},
    {"name":"counts","type":{"type":"map","values":"long"}},
    {"name":"left_out","type":["int","string"]},
    {"name":"too","type":{"type":"array","items":"s"}})")};
  avro_bytes record;
  record.flag(true).number(1).number(-5).number(0).number(INT64_MAX).real(0.25).real(1.5f);
  record.text("\x01").text("\x04\xd2").number(19782).number(1'709'251'199'250).number(1);
  record.text("Ulm").number(2).number(1).text("a").number(0).number(0);
  record.number(1).text("u").number(3).number(0).number(0).number(9).number(0);
  auto text = show(record);
  INFO((text ? "" : text.error().message));
  REQUIRE(text);
  CHECK(*text
        == R"({"flag":true,"n":-5,"big":9223372036854775807,"x":0.25,"f":1.5,"raw":"AQ==",)"
           R"("price":12.34,"day":"2024-02-29","at":"2024-02-29T23:59:59.250Z","kind":"green",)"
           R"("shop.city":"Ulm","tags":["a",null],"counts":{"u":3}})");
}

TEST_CASE("avro json: a recursive record ends, and what is no record is refused") {
  shown show{record_of(R"({"name":"n","type":"int"},{"name":"next","type":["null","r"]})")};
  auto text = show(avro_bytes{}.number(1).number(0));
  REQUIRE(text);
  CHECK(*text == R"({"n":1})");
  show.registry->known[8] = {avro::schema_source::state::found, parsed(R"("string")"), {}};
  CHECK_THAT(show(avro_bytes{}.text("x"), 8).error().message,
             Contains("schema 8 is string, and only records can be shown"));
}

TEST_CASE("avro json: damaged records and unknown schemas are refused with a sentence") {
  shown show{record_of(R"({"name":"n","type":"int"})")};
  CHECK_THAT(show("").error().message, Contains("at `n`: the record ends within it"));
  CHECK(*show(avro_bytes{}.number(3)) == R"({"n":3})");
  CHECK_THAT(show("x", 9).error().message, Contains("schema 9: the registry is away"));
  show.registry->known[10] = {avro::schema_source::state::refused, nullptr, "it is not known"};
  CHECK_THAT(show("x", 10).error().message, Contains("schema 10: it is not known"));
  CHECK_FALSE(looks_framed(R"({"n":1})"));
  CHECK_FALSE(looks_framed(std::string_view{"\0\0\0\0", 4}));
}
