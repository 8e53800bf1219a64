#include "http/target.hpp"

#include <catch2/catch.hpp>

#include <string>

using keyfold::http::target;

TEST_CASE("target: segments and parameters are decoded, slashes in a segment survive") {
  target x;
  REQUIRE(x.parse("/v1/entities/user/a%2Fb%7Cc?features=f0,f1&as_of=2026-01-01T00:00:00+02:00&x"));
  REQUIRE(x.segments().size() == 4);
  CHECK(x.segments()[0] == "v1");
  CHECK(x.segments()[3] == "a/b|c");
  CHECK(x.find("features") == std::string_view{"f0,f1"});
  CHECK(x.find("as_of") == std::string_view{"2026-01-01T00:00:00+02:00"});
  CHECK(x.find("x") == std::string_view{""});
  CHECK_FALSE(x.find("y"));
}

TEST_CASE("target: a reused one forgets what it was before") {
  target x;
  REQUIRE(x.parse("/a%20b?c=%41"));
  REQUIRE(x.parse("/"));
  REQUIRE(x.segments().size() == 1);
  CHECK(x.segments()[0].empty());
  CHECK(x.parameters().empty());
}

TEST_CASE("target: what is no path in valid encoding is refused") {
  target x;
  for (auto raw : {"", "*", "http://x/", "a", "/%", "/%4", "/%zz", "/%00", "/a%0Ab", "/%ff", "/%C3",
                   "/a#b", "/?x=%", "/a\tb"}) {
    INFO(raw);
    CHECK_FALSE(x.parse(raw));
    CHECK(x.segments().empty());
  }
}

TEST_CASE("target: parts are bounded") {
  target x;
  CHECK(x.parse("/1/2/3/4/5/6/7/8"));
  CHECK_FALSE(x.parse("/1/2/3/4/5/6/7/8/9"));
  std::string many = "/?";
  for (int i = 0; i < 16; ++i)
    many += "a=b&";
  CHECK(x.parse(many));
  CHECK_FALSE(x.parse(many + "a=b"));
}
