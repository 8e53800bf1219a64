#include "pattern_oracles.hpp"

namespace keyfold::pattern_test {

namespace {

/// What the view emits of the rows, arriving in some order; nothing where it had to give up some.
std::optional<std::vector<std::string>>
matched(const known_pattern& of, const std::vector<row>& rows, std::mt19937& random) {
  auto x = key_of(of.settings);
  published out;
  x.emissions = &out;
  run(x, arrivals_of(rows), 1s * (random() % 10), random);
  if (x.counts.bound_reached != 0)
    return std::nullopt;
  return rows_of(out);
}

} // namespace

TEST_CASE("pattern differential: standard matching is what trying all possibilities finds") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  size_t given_up = 0;
  for (size_t i = 0; i < stream_count(400); ++i) {
    auto pattern = some_standard_pattern(random);
    auto rows = some_rows(random, random() % 18);
    INFO("stream " << i << ": " << pattern.text);
    if (auto got = matched(pattern, rows, random))
      REQUIRE(*got == backtracked(pattern, rows));
    else
      ++given_up;
  }
  CHECK(given_up <= stream_count(400) / 100);
}

TEST_CASE("pattern differential: links and negations admit what enumerating all choices finds") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(400); ++i) {
    auto pattern = some_linked_pattern(random);
    auto rows = some_rows(random, random() % 12);
    INFO("stream " << i << ": " << pattern.text);
    auto got = matched(pattern, rows, random);
    REQUIRE(got);
    std::sort(got->begin(), got->end());
    REQUIRE(*got == enumerated(pattern, rows));
  }
}

TEST_CASE("pattern property: the order of arrival changes nothing, times of emission included") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(100); ++i) {
    auto pattern = random() % 2 == 0 ? some_standard_pattern(random) : some_linked_pattern(random);
    INFO("stream " << i << ": " << pattern.text);
    auto rows = arrivals_of(some_rows(random, 15));
    auto x = key_of(pattern.settings);
    auto y = key_of(pattern.settings);
    published of_x;
    published of_y;
    x.emissions = &of_x;
    y.emissions = &of_y;
    run(x, rows, 10s, random);
    run(y, rows, 0s, random);
    REQUIRE(of_x.emitted == of_y.emitted);
  }
}

TEST_CASE("pattern codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto settings = pattern_of("A+ (B | C)* D",
                             {{"A", "price > 1"},
                              {"B", "price > A.price AND SUM(B.price) < 50"},
                              {"D", "action = 'never'"}},
                             contiguity::relaxed);
  settings.measures = {{"what", "FIRST(A.action)"}, {"most", "MAX(B.price)"}};
  settings.within = 1h;
  settings.time_to_live = 2h;
  auto x = key_of(settings);
  x.fold(arrivals_of(some_rows(random, 12)));
  x.advance(start + 12s);
  check_bytes(x, random, [&] {
    auto y = key_of(settings);
    anybody out;
    REQUIRE(y.decode(x.encode()));
    y.emissions = &out;
    y.changes = &out;
    y.fold(arrivals_of(some_rows(random, 5)));
    y.read_all(start);
    y.advance(start + 100s);
    y.collect(out);
    y.advance(end_of_time);
  });
}

} // namespace keyfold::pattern_test
