#include "http/json_writer.hpp"
#include "http/value_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace keyfold;
using namespace keyfold::http;

namespace {

template <class F>
std::string written(F&& f) {
  json_writer out;
  f(out);
  return std::string{out.view()};
}

std::string real(double x) {
  return written([&](auto& out) { out.real(x); });
}

std::string text(std::string_view x) {
  return written([&](auto& out) { out.string(x); });
}

std::string decimal(int64_t unscaled, uint8_t scale) {
  return written([&](auto& out) { out.decimal(unscaled, scale); });
}

std::string time(event_time x) {
  return written([&](auto& out) { out.timestamp(x); });
}

} // namespace

TEST_CASE("json_writer: a real always has a point or an exponent") {
  CHECK(real(2) == "2.0");
  CHECK(real(0) == "0.0");
  CHECK(real(-0.0) == "-0.0");
  CHECK(real(-7) == "-7.0");
  CHECK(real(1.3678794411714423) == "1.3678794411714423");
  CHECK(real(0.1) == "0.1");
  CHECK(real(1e300) == "1e+300");
  CHECK(real(123456789012345678.0).find_first_of(".e") != std::string::npos);
  CHECK(real(static_cast<double>(0.1f)) == "0.10000000149011612");
}

TEST_CASE("json_writer: what JSON has no number for is null or a text") {
  CHECK(real(std::nan("")) == "null");
  CHECK(real(std::numeric_limits<double>::infinity()) == "\"Infinity\"");
  CHECK(real(-std::numeric_limits<double>::infinity()) == "\"-Infinity\"");
}

TEST_CASE("json_writer: reals of any bits read back the same") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 20'000; ++i) {
    auto x = std::bit_cast<double>(random());
    if (std::isfinite(x)) {
      INFO(x);
      REQUIRE(nlohmann::json::parse(real(x)).get<double>() == x);
    }
  }
}

TEST_CASE("json_writer: strings are escaped, and what is not UTF-8 is replaced") {
  CHECK(text("plain") == "\"plain\"");
  CHECK(text("") == "\"\"");
  CHECK(text("a\"b\\c\nd\x01") == "\"a\\\"b\\\\c\\nd\\u0001\"");
  CHECK(text("h\xC3\xA9") == "\"h\xC3\xA9\"");
  CHECK(text("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
  CHECK(text("\xC3") == "\"\xEF\xBF\xBD\"");
  CHECK(nlohmann::json::parse(text("\xF0\x9F\x98\x80\"\xE4\xB8")).get<std::string>()
        == "\xF0\x9F\x98\x80\"\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("json_writer: strings of any bytes are valid JSON") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 5'000; ++i) {
    std::string x(random() % 12, '\0');
    for (auto& c : x)
      c = static_cast<char>(random());
    REQUIRE_NOTHROW(nlohmann::json::parse(text(x)));
  }
}

TEST_CASE("json_writer: decimals are exact numbers") {
  CHECK(decimal(1234, 2) == "12.34");
  CHECK(decimal(-5, 3) == "-0.005");
  CHECK(decimal(7, 0) == "7");
  CHECK(decimal(100, 2) == "1.00");
  CHECK(decimal(std::numeric_limits<int64_t>::min(), 4) == "-922337203685477.5808");
}

TEST_CASE("json_writer: timestamps are RFC 3339 in UTC, the ends of time null") {
  using namespace std::chrono;
  CHECK(time(event_time{seconds{0}}) == "\"1970-01-01T00:00:00Z\"");
  CHECK(time(event_time{microseconds{1'700'000'000'250'000}}) == "\"2023-11-14T22:13:20.250000Z\"");
  CHECK(time(event_time{microseconds{-1}}) == "\"1969-12-31T23:59:59.999999Z\"");
  CHECK(time(sys_days{2024y / February / 29}) == "\"2024-02-29T00:00:00Z\"");
  CHECK(time(beginning_of_time) == "null");
  CHECK(time(end_of_time) == "null");
}

TEST_CASE("json_writer: bytes are base64") {
  auto base64 = [](std::string_view x) { return written([&](auto& out) { out.base64(x); }); };
  CHECK(base64("") == "\"\"");
  CHECK(base64("f") == "\"Zg==\"");
  CHECK(base64("fo") == "\"Zm8=\"");
  CHECK(base64("foo") == "\"Zm9v\"");
  CHECK(base64("\xFF\xFE\xFD\xFC") == "\"//79/A==\"");
}

TEST_CASE("value_json: lists and maps nest; Feast's dialect has no empty list and no null in one") {
  cell items[] = {cell::integer(1), cell{}, cell::integer(9007199254740993)};
  cell entries[] = {cell::string("k"), cell::list(items), cell::string("z"), cell::boolean(false)};
  auto plain = [](const cell& x) {
    return written([&](auto& out) { write_value(out, x, value_dialect::plain); });
  };
  auto feast = [](const cell& x) {
    return written([&](auto& out) { write_value(out, x, value_dialect::feast); });
  };
  CHECK(plain(cell::map(entries)) == R"({"k":[1,null,9007199254740993],"z":false})");
  CHECK(feast(cell::list(items)) == "[1,9007199254740993]");
  CHECK(plain(cell::list({})) == "[]");
  CHECK(feast(cell::list({})) == "null");
  CHECK(feast(cell::list(std::span{items}.subspan(1, 1))) == "null");
  CHECK(feast(cell::timestamp(event_time{std::chrono::microseconds{1'500'000}})) == "1");
}
