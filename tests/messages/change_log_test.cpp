#include "messages/change_log.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

std::string two_changes() {
  const cell key[] = {cell::string("alice"), cell::integer(7)};
  const cell values[] = {cell::real(1.5), cell(), cell::timestamp(event_time{3s})};
  std::string log;
  change_log_writer writer{log};
  writer.append({2, false, event_time{5s}, key, values});
  writer.append({0, true, event_time{6s}, std::span{key}.first(1), {}});
  return log;
}

} // namespace

TEST_CASE("change_log: gives back what was appended, in order", "[messages]") {
  auto log = two_changes();
  change_log_reader reader{log};
  change x;
  REQUIRE(reader.next(x));
  CHECK(x.source == 2);
  CHECK_FALSE(x.erased);
  CHECK(x.at == event_time{5s});
  REQUIRE(x.key.size() == 2);
  CHECK(x.key[0].as_text() == "alice");
  CHECK(x.key[1].as_integer() == 7);
  REQUIRE(x.values.size() == 3);
  CHECK(x.values[0].as_real() == 1.5);
  CHECK(x.values[1].is_null());
  CHECK(x.values[2].as_timestamp() == event_time{3s});
  REQUIRE(reader.next(x));
  CHECK(x.erased);
  CHECK(x.key.size() == 1);
  CHECK(x.values.empty());
  CHECK_FALSE(reader.next(x));
  CHECK(reader.good());
}

TEST_CASE("change_log: an empty log has no changes and is good", "[messages]") {
  change_log_reader reader{{}};
  change x;
  CHECK_FALSE(reader.next(x));
  CHECK(reader.good());
}

TEST_CASE("change_log: a log that was cut inside a change is bad", "[messages]") {
  auto log = two_changes();
  auto whole = log.size();
  change first;
  change_log_reader measure{log};
  REQUIRE(measure.next(first));
  log.resize(whole - 1);
  change_log_reader reader{log};
  change x;
  REQUIRE(reader.next(x));
  CHECK_FALSE(reader.next(x));
  CHECK_FALSE(reader.good());
}

TEST_CASE("change_log: garbled bytes never crash the reader", "[messages]") {
  const auto seed = GENERATE(range(1u, 200u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto log = two_changes();
  log[random() % log.size()] = static_cast<char>(random());
  change_log_reader reader{log};
  change x;
  size_t changes = 0;
  while (reader.next(x))
    ++changes;
  CHECK(changes <= log.size());
}
