#include "connectors/formats/base64.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <utility>

using namespace keyfold;

namespace {

std::string encoded(std::string_view bytes) {
  std::string out = "before";
  append_base64(bytes, out);
  REQUIRE(out.starts_with("before"));
  return out.substr(6);
}

} // namespace

TEST_CASE("base64: the examples of RFC 4648") {
  for (auto [bytes, text] : {std::pair{"", ""},
                             {"f", "Zg=="},
                             {"fo", "Zm8="},
                             {"foo", "Zm9v"},
                             {"foob", "Zm9vYg=="},
                             {"fooba", "Zm9vYmE="},
                             {"foobar", "Zm9vYmFy"}})
    CHECK(encoded(bytes) == text);
  CHECK(encoded("\xff\xfe\xfd\xfc") == "//79/A==");
}

TEST_CASE("base64: any bytes come back") {
  constexpr uint32_t seed = 3;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (auto& x : bytes)
      x = static_cast<char>(random());
    auto text = encoded(bytes);
    REQUIRE(base64_size(text) == size);
    std::string back(size, '\0');
    REQUIRE(decode_base64(text, back.data()));
    CHECK(back == bytes);
  }
}
