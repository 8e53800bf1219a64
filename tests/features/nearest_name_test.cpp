#include "features/nearest_name.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace keyfold;

TEST_CASE("nearest_name: finds the name with a slip in it") {
  constexpr std::array<std::string_view, 4> names{"event", "user_id", "timestamp", "Amount"};
  CHECK(nearest_name("evnt", names) == "event");
  CHECK(nearest_name("user_di", names) == "user_id");
  CHECK(nearest_name("timestamps", names) == "timestamp");
  CHECK(nearest_name("amount", names) == "Amount");
  CHECK(did_you_mean("userid", names) == ": did you mean `user_id`");
}

TEST_CASE("nearest_name: suggests nothing for what resembles nothing") {
  constexpr std::array<std::string_view, 3> names{"event", "user_id", "n"};
  CHECK_FALSE(nearest_name("colour", names));
  CHECK_FALSE(nearest_name("x", names));
  CHECK_FALSE(nearest_name("", names));
  CHECK_FALSE(nearest_name(std::string(100'000, 'e'), names));
  CHECK(did_you_mean("colour", names).empty());
}
