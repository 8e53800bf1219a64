#include "features/data_type.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;

TEST_CASE("data_type: what is parsed is written back the same") {
  for (const auto* text : {"bool", "int32", "int64", "float", "double", "decimal(5,2)",
                           "decimal(18,18)", "string", "bytes", "timestamp", "list<string>",
                           "map<string,int64>", "list<map<string,list<bool>>>"}) {
    INFO(text);
    auto type = parse_data_type(text);
    REQUIRE(type);
    CHECK(to_string(*type) == text);
    CHECK(*type == *parse_data_type(text));
  }
}

TEST_CASE("data_type: spaces between the parts do not matter") {
  CHECK(to_string(*parse_data_type(" map < string , decimal( 10 , 0 ) > "))
        == "map<string,decimal(10,0)>");
  CHECK(to_string(*parse_data_type("decimal(7)")) == "decimal(7,0)");
}

TEST_CASE("data_type: a wrong type is refused with the ones there are") {
  for (const auto* text : {"", "int", "Int64", "decimal", "decimal(0,0)", "decimal(19,2)",
                           "decimal(5,6)", "decimal(5,2", "list", "list<>", "list<string",
                           "map<int64,string>", "map<string>", "string x", "list<string>>"}) {
    INFO(text);
    auto type = parse_data_type(text);
    REQUIRE_FALSE(type);
    CHECK(type.error().message.find("use bool, int32") != std::string::npos);
  }
}

TEST_CASE("data_type: nesting is bounded") {
  auto nested = [](int depth) {
    std::string text = "string";
    for (auto i = 0; i < depth; ++i)
      text = "list<" + text + ">";
    return text;
  };
  CHECK(parse_data_type(nested(32)));
  CHECK_FALSE(parse_data_type(nested(33)));
  CHECK_FALSE(parse_data_type(nested(20'000)));
}

TEST_CASE("data_type: types differ by their digits and elements") {
  CHECK_FALSE(*parse_data_type("decimal(5,2)") == *parse_data_type("decimal(6,2)"));
  CHECK_FALSE(*parse_data_type("list<int32>") == *parse_data_type("list<int64>"));
  CHECK_FALSE(*parse_data_type("list<int64>") == *parse_data_type("map<string,int64>"));
}
