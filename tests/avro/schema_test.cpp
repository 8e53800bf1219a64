#include "records.hpp"

using namespace keyfold;
using namespace keyfold::testing;
using avro::kind;
using avro::meaning;
using Catch::Matchers::Contains;

namespace {

std::string problem_of(const std::string& json, std::vector<std::string> references = {}) {
  auto made = avro::parse_schema(json, references);
  return made ? "" : made.error().message;
}

} // namespace

TEST_CASE("avro schema: names are found in their namespaces, and types may refer to themselves") {
  auto made = parsed(R"({"type":"record","name":"a.b.Node","fields":[
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["x","y"]}},
    {"name":"again","type":"Kind"}, {"name":"full","type":"a.b.Kind"},
    {"name":"next","type":["null","Node"],"default":null}]})");
  REQUIRE(made->top().fields.size() == 4);
  auto node_of = [&](size_t i) { return made->nodes[made->top().fields[i].type]; };
  CHECK(node_of(0).name == "a.b.Kind");
  CHECK(made->top().fields[1].type == made->top().fields[0].type);
  CHECK(made->top().fields[2].type == made->top().fields[0].type);
  CHECK(node_of(3).parts[1] == made->root);
}

TEST_CASE("avro schema: logical types that do not fit their type are ignored") {
  auto meaning_of = [](const std::string& type) { return parsed(type)->top().logical; };
  CHECK(meaning_of(R"({"type":"long","logicalType":"timestamp-millis"})")
        == meaning::timestamp_millis);
  CHECK(meaning_of(R"({"type":"long","logicalType":"local-timestamp-micros"})")
        == meaning::timestamp_micros);
  CHECK(meaning_of(R"({"type":"int","logicalType":"date"})") == meaning::date);
  CHECK(meaning_of(R"({"type":"string","logicalType":"uuid"})") == meaning::uuid);
  CHECK(meaning_of(R"({"type":"bytes","logicalType":"decimal","precision":5,"scale":2})")
        == meaning::decimal);
  CHECK(meaning_of(R"({"type":"int","logicalType":"timestamp-millis"})") == meaning::none);
  CHECK(meaning_of(R"({"type":"bytes","logicalType":"decimal","precision":2,"scale":5})")
        == meaning::none);
  CHECK(meaning_of(R"({"type":"string","logicalType":"shoe-size"})") == meaning::none);
}

TEST_CASE("avro schema: references give the names that a schema uses") {
  std::vector<std::string> references{
      R"({"type":"record","name":"x.Money","fields":[{"name":"cents","type":"long"}]})"};
  auto made = avro::parse_schema(record_of(R"({"name":"price","type":"x.Money"})"), references);
  REQUIRE(made);
  CHECK(made->nodes[made->top().fields[0].type].name == "x.Money");
  CHECK_THAT(problem_of(record_of(R"({"name":"price","type":"x.Money"})")),
             Contains("price: there is no type \"x.Money\""));
}

TEST_CASE("avro schema: the name of a primitive type may stand without quotes") {
  CHECK(parsed("string")->top().what == kind::string);
  CHECK(parsed("\"string\"")->top().what == kind::string);
}

TEST_CASE("avro schema: what is wrong is told with its place") {
  CHECK_THAT(problem_of("{"), Contains("not valid JSON"));
  CHECK_THAT(problem_of("[]"), Contains("the union has no types"));
  CHECK_THAT(problem_of("{\"type\":7}"), Contains("a type is a name, an array or an object"));
  CHECK_THAT(problem_of("{}"), Contains("has no \"type\""));
  CHECK_THAT(problem_of(record_of(R"({"name":"a"})")), Contains("field 1 needs a \"name\""));
  CHECK_THAT(problem_of(record_of(R"({"name":"a","type":"int"},{"name":"a","type":"int"})")),
             Contains("there are two fields \"a\""));
  CHECK_THAT(problem_of(record_of(R"({"name":"a","type":{"type":"array"}})")),
             Contains("a: the array has no \"items\""));
  CHECK_THAT(problem_of(record_of(R"({"name":"a","type":["int",["long"]]})")),
             Contains("a union may not stand in a union"));
  CHECK_THAT(problem_of(R"({"type":"fixed","name":"f","size":-1})"), Contains("\"size\" of 0 to"));
  CHECK_THAT(problem_of(R"({"type":"enum","name":"e","symbols":["a",1]})"),
             Contains("\"symbols\""));
  CHECK_THAT(problem_of(R"(["int",{"type":"record","name":"r","fields":[]},
                            {"type":"record","name":"r","fields":[]}])"),
             Contains("there are two types \"r\""));
}

TEST_CASE("avro schema: size, depth and number of types are bounded") {
  CHECK_THAT(problem_of(std::string(avro::max_schema_bytes + 1, ' ')), Contains("bytes"));
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += R"({"type":"array","items":)";
  deep += "\"int\"" + std::string(100, '}');
  CHECK_THAT(problem_of(deep), Contains("nested more than 64 deep"));
  std::string many = "[";
  for (size_t i = 0; i <= avro::max_schema_nodes; ++i)
    many += "\"int\",";
  many.back() = ']';
  CHECK_THAT(problem_of(many), Contains("more than 20000 types"));
}
