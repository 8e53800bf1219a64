#include "features/timestamp_format.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <random>

using namespace keyfold;

namespace {

/// The text as RFC 3339, or "refused".
std::string read(std::string_view text, timestamp_unit unit, std::string_view pattern = {}) {
  auto at = parse_timestamp(text, unit, pattern);
  return at ? format_rfc3339(*at) : "refused";
}

std::string read(std::string_view text) {
  return read(text, timestamp_unit::rfc3339);
}

std::string read_with(std::string_view pattern, std::string_view text) {
  return read(text, timestamp_unit::pattern, pattern);
}

} // namespace

TEST_CASE("timestamp_format: RFC 3339 is read with its zone and fraction") {
  CHECK(read("2024-02-29T23:59:59Z") == "2024-02-29T23:59:59Z");
  CHECK(read("2024-02-29t23:59:59.5z") == "2024-02-29T23:59:59.500Z");
  CHECK(read("2024-02-29 23:59:59.123456789Z") == "2024-02-29T23:59:59.123456Z");
  CHECK(read("2024-03-01T00:30:00+01:00") == "2024-02-29T23:30:00Z");
  CHECK(read("1969-12-31T23:59:59.999999-00:30") == "1970-01-01T00:29:59.999999Z");
  CHECK(read("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00Z");
  CHECK(read("0001-01-01T00:00:00Z") == "0001-01-01T00:00:00Z");
  CHECK(read("9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("timestamp_format: what is not RFC 3339 is refused") {
  for (const auto* text : {"",
                           "2024",
                           "2024-02-29",
                           "2024-02-29T23:59:59",
                           "2023-02-29T00:00:00Z",
                           "2024-13-01T00:00:00Z",
                           "2024-00-10T00:00:00Z",
                           "2024-01-32T00:00:00Z",
                           "2024-01-01T24:00:00Z",
                           "2024-01-01T00:60:00Z",
                           "2024-01-01T00:00:61Z",
                           "2024-01-01T00:00:00.Z",
                           "2024-01-01T00:00:00Zx",
                           " 2024-01-01T00:00:00Z",
                           "2024-1-1T00:00:00Z",
                           "2024-01-01T00:00:00+25:00",
                           "2024-01-01T00:00:00+01:60",
                           "0000-01-01T00:00:00Z",
                           "0001-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "-024-01-01T00:00:00Z",
                           "1700000000"}) {
    INFO(text);
    CHECK(read(text) == "refused");
  }
  auto error = parse_timestamp("soon", timestamp_unit::rfc3339).error().message;
  CHECK(error.find("`soon` is not an RFC 3339 time with a zone") != std::string::npos);
}

TEST_CASE("timestamp_format: numbers count from 1970 in their unit") {
  CHECK(read("1709212455", timestamp_unit::seconds) == "2024-02-29T13:14:15Z");
  CHECK(read("1709212455.25", timestamp_unit::seconds) == "2024-02-29T13:14:15.250Z");
  CHECK(read("1709212455250", timestamp_unit::milliseconds) == "2024-02-29T13:14:15.250Z");
  CHECK(read("1709212455250.5", timestamp_unit::milliseconds) == "2024-02-29T13:14:15.250500Z");
  CHECK(read("1709212455250001", timestamp_unit::microseconds) == "2024-02-29T13:14:15.250001Z");
  CHECK(read("-0.5", timestamp_unit::seconds) == "1969-12-31T23:59:59.500Z");
  CHECK(*timestamp_from_number(int64_t{1500}, timestamp_unit::milliseconds)
        == event_time{duration{1'500'000}});
  CHECK(*timestamp_from_number(1.5, timestamp_unit::seconds) == event_time{duration{1'500'000}});
  CHECK(*timestamp_from_number(-0.0000016, timestamp_unit::seconds) == event_time{duration{-2}});
}

TEST_CASE("timestamp_format: numbers that are no time are refused, without overflow") {
  for (const auto* text :
       {"", "-", "1e9", "+1", "0x10", "1.", ".5", "253402300800", "-62135596801",
        "9223372036854775807", "999999999999999999", "99999999999999999999999", "1 "}) {
    INFO(text);
    CHECK(read(text, timestamp_unit::seconds) == "refused");
  }
  for (auto unit :
       {timestamp_unit::seconds, timestamp_unit::milliseconds, timestamp_unit::microseconds}) {
    CHECK_FALSE(timestamp_from_number(std::numeric_limits<int64_t>::max(), unit));
    CHECK_FALSE(timestamp_from_number(std::numeric_limits<int64_t>::min(), unit));
    CHECK_FALSE(timestamp_from_number(std::numeric_limits<double>::infinity(), unit));
    CHECK_FALSE(timestamp_from_number(std::numeric_limits<double>::quiet_NaN(), unit));
    CHECK_FALSE(timestamp_from_number(1e300, unit));
    CHECK(timestamp_from_number(int64_t{0}, unit));
  }
}

TEST_CASE("timestamp_format: patterns of strptime") {
  CHECK(read_with("%Y-%m-%d %H:%M:%S", "2024-02-29 13:14:15") == "2024-02-29T13:14:15Z");
  CHECK(read_with("%Y-%m-%d %H:%M:%S.%f", "2024-02-29 13:14:15.25") == "2024-02-29T13:14:15.250Z");
  CHECK(read_with("%F %T.%f", "2024-02-29 13:14:15.123456789") == "2024-02-29T13:14:15.123456Z");
  CHECK(read_with("%Y%m%d%H%M%S", "20240229131415") == "2024-02-29T13:14:15Z");
  CHECK(read_with("%d/%b/%Y:%T %z", "29/Feb/2024:13:14:15 -0230") == "2024-02-29T15:44:15Z");
  CHECK(read_with("%a, %d %B %Y %I:%M %p %Z", "Thu, 29 february 2024 1:14 PM GMT")
        == "2024-02-29T13:14:00Z");
  CHECK(read_with("%y-%j", "24-060") == "2024-02-29T00:00:00Z");
  CHECK(read_with("%s", "1709212455") == "2024-02-29T13:14:15Z");
  CHECK(read_with("%Y-%m-%d 100%%", "2024-02-29 100%") == "2024-02-29T00:00:00Z");
  CHECK(read_with("%d.%m.%Y %I %p", "1.3.2024 12 AM") == "2024-03-01T00:00:00Z");
}

TEST_CASE("timestamp_format: patterns of Java") {
  CHECK(read_with("yyyy-MM-dd HH:mm:ss.SSS", "2024-02-29 13:14:15.250")
        == "2024-02-29T13:14:15.250Z");
  CHECK(read_with("yyyy-MM-dd'T'HH:mm:ssXXX", "2024-02-29T13:14:15+02:00")
        == "2024-02-29T11:14:15Z");
  CHECK(read_with("uuuuMMdd", "20240229") == "2024-02-29T00:00:00Z");
  CHECK(read_with("EEE MMM d HH:mm:ss z yyyy", "Thu Feb 29 13:14:15 UTC 2024")
        == "2024-02-29T13:14:15Z");
  CHECK(read_with("d.M.yy h:mm a", "1.3.24 1:05 pm") == "2024-03-01T13:05:00Z");
  CHECK(read_with("yyyy'o''clock'DDD", "2024o'clock060") == "2024-02-29T00:00:00Z");
}

TEST_CASE("timestamp_format: a text that does not match its pattern is refused") {
  CHECK(read_with("%Y-%m-%d", "2024-02-30") == "refused");
  CHECK(read_with("%Y-%m-%d", "2024-02-28 ") == "refused");
  CHECK(read_with("%Y-%m-%d", "24-02-28") == "refused");
  CHECK(read_with("%y-%j", "23-366") == "refused");
  CHECK(read_with("%F %I %p", "2024-02-28 13 PM") == "refused");
  CHECK(read_with("%F %b", "2024-02-28 Foo") == "refused");
  CHECK(read_with("%s", "999999999999") == "refused");
  CHECK(read_with("yyyy-MM-dd", "2024-2-28") == "refused");
  CHECK(read_with("yyyy-MM-dd HH:mm:ss.SSS", "2024-02-28 00:00:00.25") == "refused");
  CHECK(parse_timestamp("x", timestamp_unit::pattern, "%F").error().message
        == "timestamp `x` does not match the pattern `%F`");
}

TEST_CASE("timestamp_format: a pattern is checked before it is used") {
  for (const auto* good :
       {"%Y-%m-%d", "%s", "%y%j", "yyyy-MM-dd HH:mm:ss", "%F %I %p", "yyyy 'at' M d"}) {
    INFO(good);
    CHECK(check_timestamp_pattern(good));
  }
  for (const auto* bad : {"", "%", "%Y-%m", "%H:%M", "%Q", "%Y-%m-%d %", "yyyy-MM", "yyyyy-MM-dd",
                          "yyyy-MM-dd 'open", "yyyy-MM-dd QQ", "%F %I", "%F %p"}) {
    INFO(bad);
    CHECK_FALSE(check_timestamp_pattern(bad));
  }
  CHECK(check_timestamp_pattern("%Y-%m-%d %Q").error().message.find("is wrong at `%Q`")
        != std::string::npos);
}

TEST_CASE("timestamp_format: what is written is read back") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  std::uniform_int_distribution<int64_t> moments{earliest_timestamp.time_since_epoch().count(),
                                                 latest_timestamp.time_since_epoch().count()};
  for (auto round = 0; round < 2000; ++round) {
    auto at = event_time{duration{moments(random)}};
    if (round % 3 == 0)
      at = event_time{std::chrono::floor<std::chrono::seconds>(at)};
    auto text = format_rfc3339(at);
    INFO(text);
    REQUIRE(*parse_timestamp(text, timestamp_unit::rfc3339) == at);
    REQUIRE(*timestamp_from_number(at.time_since_epoch().count(), timestamp_unit::microseconds)
            == at);
  }
  CHECK(format_rfc3339(end_of_time) == "9999-12-31T23:59:59.999999Z");
  CHECK(format_rfc3339(beginning_of_time) == "0001-01-01T00:00:00Z");
}
