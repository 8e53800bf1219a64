#include "features/timestamp_format.hpp"
#include "features/timestamp_writer.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace keyfold;

namespace {

std::string written(std::string_view pattern, std::string_view rfc3339) {
  auto writer = timestamp_writer::make(pattern);
  if (!writer)
    return writer.error().message;
  std::string out;
  writer->append(*parse_timestamp(rfc3339, timestamp_unit::rfc3339), out);
  return out;
}

} // namespace

TEST_CASE("timestamp_writer: patterns of both dialects are written in UTC") {
  constexpr auto at = "2024-06-08T13:01:05.25Z";
  CHECK(written("%Y-%m-%d %H:%M:%S", at) == "2024-06-08 13:01:05");
  CHECK(written("yyyy-MM-dd HH:mm:ss.SSS", at) == "2024-06-08 13:01:05.250");
  CHECK(written("%F %T.%f", at) == "2024-06-08 13:01:05.250000");
  CHECK(written("%a %d %b %y, %I:%M %p", at) == "Sat 08 Jun 24, 01:01 PM");
  CHECK(written("EEEE d MMMM yyyy h a", at) == "Saturday 8 June 2024 1 PM");
  CHECK(written("%j %s%z %Z%%", at) == "160 1717851665Z UTC%");
  CHECK(written("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSX", at) == "2024-06-08T13:01:05.250000000Z");
  CHECK(written("%I", "2024-06-08T00:00:00Z") == "12");
  CHECK(written("%s", "1969-12-31T23:59:59.5Z") == "-1");
}

TEST_CASE("timestamp_writer: a wrong pattern is refused with its place") {
  CHECK(written("%Y-%Q", "2024-06-08T00:00:00Z").find("wrong at `%Q`") != std::string::npos);
  CHECK(written("yyyy-bb", "2024-06-08T00:00:00Z").find("wrong at `bb`") != std::string::npos);
}

TEST_CASE("timestamp_writer property: what is written reads back as the same moment") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  auto span = static_cast<uint64_t>((latest_timestamp - earliest_timestamp).count());
  for (const auto* pattern : {"%Y-%m-%d %H:%M:%S.%f", "yyyy-MM-dd HH:mm:ss.SSSSSS", "%Y %j %T.%f",
                              "%A, %d %B %Y %I:%M:%S.%f %p %z", "d MMM yyyy H:m:s.SSSSSS"}) {
    INFO(pattern);
    auto writer = timestamp_writer::make(pattern);
    REQUIRE(writer);
    for (int i = 0; i < 1000; ++i) {
      auto at = earliest_timestamp + duration{static_cast<int64_t>(random() % span)};
      std::string text;
      writer->append(at, text);
      INFO(text);
      auto read = read_timestamp(text, timestamp_unit::pattern, pattern);
      REQUIRE(read);
      CHECK(*read == at);
    }
  }
}
