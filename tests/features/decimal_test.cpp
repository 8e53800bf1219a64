#include "features/decimal.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace keyfold;

TEST_CASE("decimal: texts are read exactly, or not at all") {
  CHECK(parse_decimal("12.5", 5, 2) == 1250);
  CHECK(parse_decimal("-0.01", 5, 2) == -1);
  CHECK(parse_decimal("+7", 5, 2) == 700);
  CHECK(parse_decimal(".5", 5, 2) == 50);
  CHECK(parse_decimal("1.", 5, 2) == 100);
  CHECK(parse_decimal("1.2300", 5, 2) == 123);
  CHECK(parse_decimal("1.25e2", 5, 2) == 12500);
  CHECK(parse_decimal("125E-2", 5, 2) == 125);
  CHECK(parse_decimal("999999999999999999", 18, 0) == 999'999'999'999'999'999);
  CHECK(parse_decimal("0e999", 5, 2) == 0);
  for (const auto* text : {"", "-", ".", "1.234", "1000", "1e9", "1e", "1e+-2", "0x1", "1 ", " 1",
                           "1,5", "nan", "1e99999999999", "--1"}) {
    INFO(text);
    CHECK_FALSE(parse_decimal(text, 5, 2));
  }
}

TEST_CASE("decimal: rescaling rounds half away from zero and refuses what does not fit") {
  CHECK(rescale_decimal(125, 2, 1) == 13);
  CHECK(rescale_decimal(-125, 2, 1) == -13);
  CHECK(rescale_decimal(124, 2, 1) == 12);
  CHECK(rescale_decimal(5, 0, 17) == 500'000'000'000'000'000);
  CHECK_FALSE(rescale_decimal(5, 0, 18).has_value());
  CHECK_FALSE(rescale_decimal(std::numeric_limits<int64_t>::max(), 0, 0).has_value());
  CHECK(rescale_decimal(std::numeric_limits<int64_t>::min(), 18, 0) == -9);
}

TEST_CASE("decimal: numbers of different scales are ordered by value") {
  CHECK((compare_decimals(cell::decimal(15, 1), cell::decimal(150, 2)) == 0));
  CHECK((compare_decimals(cell::decimal(1, 18), cell::decimal(1, 0)) < 0));
  CHECK((compare_decimals(cell::decimal(std::numeric_limits<int64_t>::max(), 0),
                          cell::decimal(std::numeric_limits<int64_t>::max(), 18))
         > 0));
}

TEST_CASE("decimal: text has as many digits as the scale") {
  auto text = [](int64_t unscaled, uint8_t scale) {
    std::string out;
    append_decimal(cell::decimal(unscaled, scale), out);
    return out;
  };
  CHECK(text(1250, 2) == "12.50");
  CHECK(text(-5, 3) == "-0.005");
  CHECK(text(7, 0) == "7");
  CHECK(text(std::numeric_limits<int64_t>::min(), 0) == "-9223372036854775808");
  CHECK(decimal_to_double(1, 1) == 0.1);
  CHECK(decimal_to_double(123'456'789'012'345'678, 18) == 0.123456789012345678);
}
