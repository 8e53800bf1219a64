#include "features/typed_cell.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace keyfold;

namespace {

data_type type(const char* text) {
  return parse_data_type(text).value();
}

} // namespace

TEST_CASE("typed cells: a null fits every type, a value its own alone") {
  const std::array<std::pair<const char*, cell>, 8> samples{{
      {"bool", cell::boolean(true)},
      {"int64", cell::integer(1)},
      {"double", cell::real(1)},
      {"decimal(9,2)", cell::decimal(1, 2)},
      {"string", cell::string("x")},
      {"bytes", cell::bytes("x")},
      {"timestamp", cell::timestamp({})},
      {"list<int32>", cell::list({})},
  }};
  for (const auto& [text, value] : samples) {
    CHECK(fits(cell{}, type(text)));
    for (const auto& other : samples) {
      INFO(text << " and " << other.first);
      CHECK(fits(value, type(other.first)) == (text == other.first));
    }
  }
}

TEST_CASE("typed cells: a decimal has the scale of its type") {
  CHECK(fits(cell::decimal(125, 2), type("decimal(5,2)")));
  CHECK_FALSE(fits(cell::decimal(125, 3), type("decimal(5,2)")));
}

TEST_CASE("typed cells: items of lists and values of maps are looked at") {
  std::array<cell, 2> mixed{cell::string("a"), cell::integer(1)};
  CHECK_FALSE(fits(cell::list(mixed), type("list<string>")));
  CHECK_FALSE(fits(cell::list(mixed), type("list<int64>")));
  CHECK(fits(cell::map(mixed), type("map<string,int64>")));
  CHECK_FALSE(fits(cell::map(mixed), type("map<string,string>")));
  std::array<cell, 1> nested{cell::list(mixed)};
  CHECK_FALSE(fits(cell::list(nested), type("list<list<string>>")));
}
