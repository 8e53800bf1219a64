#include "features/entity_key.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <limits>
#include <random>

using namespace keyfold;

namespace {

const data_type string_type{type_kind::string, 0, 0, nullptr};
const data_type integer_type{type_kind::int64, 0, 0, nullptr};

std::string key_of(std::initializer_list<cell> fields) {
  std::string out;
  std::vector<cell> cells{fields};
  return append_entity_key(cells, out) ? out : "refused";
}

} // namespace

TEST_CASE("entity_key: one plain string is itself") {
  CHECK(key_of({cell::string("user-1")}) == "user-1");
  CHECK(key_of({cell::string("")}).empty());
}

TEST_CASE("entity_key: fields are joined, and the joint is escaped inside them") {
  CHECK(key_of({cell::string("a"), cell::integer(-7), cell::boolean(true)}) == "a|-7|true");
  CHECK(key_of({cell::string("a|b\\c")}) == "a\\|b\\\\c");
  CHECK(key_of({cell::string("a|"), cell::string("b")})
        != key_of({cell::string("a"), cell::string("|b")}));
}

TEST_CASE("entity_key: equal values have equal texts") {
  CHECK(key_of({cell::decimal(1500, 3)}) == key_of({cell::decimal(15, 1)}));
  CHECK(key_of({cell::decimal(1500, 3)}) == "1.5");
  CHECK(key_of({cell::decimal(0, 5)}) == "0");
  CHECK(key_of({cell::real(-0.0)}) == key_of({cell::real(0.0)}));
  CHECK(key_of({cell::real(0.1)}) == "0.1");
  CHECK(key_of({cell::timestamp(event_time{})}) == "1970-01-01T00:00:00Z");
}

TEST_CASE("entity_key: nulls, lists and maps are refused and nothing is appended") {
  std::string out = "before";
  std::array<cell, 2> with_null{cell::string("a"), cell{}};
  CHECK_FALSE(append_entity_key(with_null, out));
  std::array<cell, 1> with_list{cell::list({})};
  CHECK_FALSE(append_entity_key(with_list, out));
  CHECK(out == "before");
}

TEST_CASE("entity_key: random keys are taken apart into what they were made of") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  std::array types{string_type,
                   integer_type,
                   data_type{type_kind::boolean, 0, 0, nullptr},
                   data_type{type_kind::decimal, 18, 4, nullptr},
                   data_type{type_kind::float64, 0, 0, nullptr},
                   data_type{type_kind::timestamp, 0, 0, nullptr},
                   data_type{type_kind::bytes, 0, 0, nullptr}};
  for (auto round = 0; round < 1000; ++round) {
    arena memory;
    auto text = [&] {
      std::string x;
      for (auto size = random() % 6; size > 0; --size)
        x.push_back("ab|\\"[random() % 4]);
      return memory.copy(x);
    };
    std::array fields{
        cell::string(text()),
        cell::integer(static_cast<int64_t>(random())),
        cell::boolean(random() % 2 == 0),
        cell::decimal(static_cast<int64_t>(random() % 1'000'000'000) - 500'000'000, 4),
        cell::real(static_cast<double>(random()) / 3e9),
        cell::timestamp(event_time{duration{static_cast<int64_t>(random() >> 12)}}),
        cell::bytes(text())};
    std::string key;
    REQUIRE(append_entity_key(fields, key));
    auto parsed = parse_entity_key(key, types, memory);
    INFO(key);
    REQUIRE(parsed);
    for (size_t i = 0; i < fields.size(); ++i)
      REQUIRE(identical((*parsed)[i], fields[i]));
  }
}

TEST_CASE("entity_key: a wrong key is refused with the place") {
  arena memory;
  std::array types{string_type, integer_type};
  auto message = [&](std::string_view key) {
    auto parsed = parse_entity_key(key, types, memory);
    return parsed ? std::string{"parsed"} : parsed.error().message;
  };
  CHECK(message("a|1") == "parsed");
  CHECK(message("a").find("1 field(s) where the entity has 2") != std::string::npos);
  CHECK(message("a|1|2").find("3 field(s)") != std::string::npos);
  CHECK(message("a|x").find("field 2 of key `a|x` is no int64") != std::string::npos);
  CHECK(message("a|99999999999999999999").find("is no int64") != std::string::npos);
  CHECK(message("a\\|1|1\\").find("backslash") != std::string::npos);
  CHECK(message("\\x|1").find("backslash") != std::string::npos);
}
