#include "features/attribution/touch_list.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace keyfold;
using namespace std::chrono_literals;
using attributing::touch_list;

namespace {

// Some tags have the lower half in common.
constexpr uint32_t tags[] = {7, 0x10007, 0x20007, 9, 0x10009, 0xffff'ffff, 0};

/// Looks for every tag between some places, as it is found and as a look at every row finds it.
void check_found(const touch_list& x, std::mt19937& random) {
  const auto& rows = x.rows();
  for (auto tag : tags) {
    auto first = random() % (rows.size() + 1);
    auto last = first + random() % (rows.size() - first + 1);
    auto expected = first;
    while (expected < last && rows.tag(expected) != tag)
      ++expected;
    REQUIRE(x.first_with(tag, first, last) == expected);
    expected = last;
    while (expected > first && rows.tag(expected - 1) != tag)
      --expected;
    REQUIRE(x.behind_last_with(tag, first, last) == expected);
  }
}

void insert_some(touch_list& x, std::mt19937& random, size_t count, size_t kinds) {
  for (size_t i = 0; i < count; ++i)
    REQUIRE(x.insert_written(event_time{1ms * static_cast<int64_t>(random() % 1000)},
                             tags[random() % kinds], [](byte_writer& out) { out.text("a row"); }));
}

} // namespace

TEST_CASE("touch_list: finds by tag what a look at every row finds", "[touch_list]") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  touch_list x;
  for (int step = 0; step < 3000; ++step) {
    auto size = x.rows().size();
    // Grows and shrinks over the number from which tags are kept side by side.
    auto what = random() % 8;
    if (what < 4)
      insert_some(x, random, random() % 8, 1 + random() % std::size(tags));
    else if (what < 7 && size > 0)
      x.erase(random() % size);
    else if (what == 7)
      x.erase_front(random() % (random() % 40 == 0 ? size + 1 : std::min<size_t>(size + 1, 16)));
    check_found(x, random);
  }
}

TEST_CASE("touch_list: one tag among a thousand is found from both ends", "[touch_list]") {
  for (size_t wanted : std::vector<size_t>{0, 1, 31, 32, 33, 500, 998, 999}) {
    touch_list x;
    for (size_t i = 0; i < 1000; ++i)
      x.insert_written(event_time{1s * static_cast<int64_t>(i)}, i == wanted ? 7 : 0x10007,
                       [](byte_writer&) {});
    CHECK(x.first_with(7, 0, 1000) == wanted);
    CHECK(x.behind_last_with(7, 0, 1000) == wanted + 1);
    CHECK(x.first_with(9, 0, 1000) == 1000);
    CHECK(x.behind_last_with(9, 0, 1000) == 0);
  }
}

TEST_CASE("touch_list: finds the same when decoded", "[touch_list]") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t count : std::vector<size_t>{0, 1, 63, 64, 65, 500}) {
    touch_list x;
    insert_some(x, random, count, std::size(tags));
    std::string bytes;
    byte_writer out{bytes};
    x.encode(out);
    byte_reader in{bytes};
    touch_list decoded;
    REQUIRE(decoded.decode(in, [](const auto&) { return true; }));
    CHECK(in.at_end());
    REQUIRE(decoded.rows().size() == count);
    check_found(decoded, random);
    insert_some(decoded, random, 50, std::size(tags));
    check_found(decoded, random);
  }
}

TEST_CASE("touch_list: memory goes back when rows go", "[touch_list]") {
  std::mt19937 random{1};
  touch_list x;
  insert_some(x, random, 10'000, 3);
  auto of_tags = [&] { return x.memory() - x.rows().memory(); };
  CHECK(of_tags() >= 20'000);
  CHECK(of_tags() <= 30'000);
  x.erase_front(9900);
  CHECK(of_tags() <= 800);
  check_found(x, random);
  x.erase_front(80);
  CHECK(of_tags() == 0);
  // As many come as go: the memory is that of those held.
  insert_some(x, random, 1000, 3);
  for (int i = 0; i < 10'000; ++i) {
    insert_some(x, random, 1, 3);
    x.erase_front();
  }
  CHECK(of_tags() <= 3000);
}
