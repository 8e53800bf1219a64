#include "config/position_index.hpp"
#include "config/quantities.hpp"
#include "config/spelling.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

namespace keyfold::config {

TEST_CASE("durations: a whole number and a unit are read, all else is refused") {
  CHECK(parse_duration("250us").value() == std::chrono::microseconds{250});
  CHECK(parse_duration("500ms").value() == std::chrono::milliseconds{500});
  CHECK(parse_duration("10m").value() == std::chrono::minutes{10});
  CHECK(parse_duration("2h").value() == std::chrono::hours{2});
  CHECK(parse_duration("36525d").value() == std::chrono::hours{24} * 36525);
  for (const auto* text : {"", "5", "s", "-5s", "+5s", " 5s", "5s ", "5 s", "1.5s", "5S", "36526d",
                           "99999999999999999999s"})
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("sizes: bytes and their multiples are read, all else is refused") {
  CHECK(parse_size("0").value() == 0);
  CHECK(parse_size("1000B").value() == 1000);
  CHECK(parse_size("64KiB").value() == 65536);
  CHECK(parse_size("1GiB").value() == 1u << 30);
  CHECK(parse_size("3GB").value() == 3'000'000'000);
  CHECK(parse_size("1024TiB").value() == 1ull << 50);
  for (const auto* text : {"", "MiB", "-1", "1 MiB", "1.5GiB", "1mib", "1025TiB", "0x10"})
    CHECK_FALSE(parse_size(text));
}

TEST_CASE("positions: keys and values are found behind comments, escapes and tabs") {
  std::string text = "// first\n{ /* } */ \"a\": [1,\n\t\"x\\\"]\", {\"b~/\" : null}] }";
  position_index index{text};
  auto place = [&](size_t byte) { return index.at(byte); };
  CHECK(place(index.value("")) == position{2, 1});
  CHECK(place(index.key("/a")) == position{2, 11});
  CHECK(place(index.value("/a")) == position{2, 16});
  CHECK(place(index.value("/a/0")) == position{2, 17});
  CHECK(place(index.value("/a/1")) == position{3, 2});
  CHECK(place(index.key("/a/2/b~0~1")) == position{3, 11});
  CHECK(place(index.value("/a/2/b~0~1")) == position{3, 19});
  CHECK(place(index.value("/a/7/x")) == position{2, 16}); // the nearest that there is
  CHECK(index.duplicates().empty());
  CHECK_FALSE(index.too_deep());
}

TEST_CASE("position index: a bracket that a brace closes ends, and what follows has its place") {
  for (std::string_view text :
       {"[}", "[1, }", "[[}]", "{\"a\": [}, \"b\": 1}", "[}}}}", "{\"a\": [1 }"})
    CHECK(position_index{text}.at(0).line == 1);
}

TEST_CASE("positions: depth beyond the bound is noticed, not followed") {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK_FALSE(position_index{nested(position_index::max_depth + 1)}.too_deep());
  CHECK(position_index{nested(position_index::max_depth + 2)}.too_deep()
        == static_cast<size_t>(position_index::max_depth + 1));
  CHECK(position_index{nested(1'000'000)}.too_deep());
}

TEST_CASE("positions: every value of a random document is where the index says") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::function<nlohmann::json(int)> make = [&](int depth) -> nlohmann::json {
    auto kind = random() % (depth > 4 ? 3 : 5);
    nlohmann::json out;
    if (kind == 0)
      return static_cast<int>(random() % 1000) - 500;
    if (kind == 1)
      return std::string(random() % 4, '"') + "é/~\\" + std::to_string(random() % 10);
    if (kind == 2)
      return random() % 2 == 0;
    for (unsigned i = 0; i < random() % 4; ++i) {
      if (kind == 3)
        out["k/~" + std::to_string(i)] = make(depth + 1);
      else
        out.push_back(make(depth + 1));
    }
    return out;
  };
  for (int round = 0; round < 200; ++round) {
    auto document = make(0);
    auto text = document.dump(static_cast<int>(random() % 3) - 1);
    position_index index{text};
    auto flat = document.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      auto begin = index.value(pointer);
      auto written = value.dump();
      INFO(text << " at " << pointer);
      CHECK(text.substr(begin, written.size()) == written);
    }
  }
}

TEST_CASE("suggestions: a near name is offered, otherwise those there are") {
  CHECK(suggestion("usr", {"user", "post"}, "entities") == ": did you mean `user`?");
  CHECK(suggestion("zzzzzz", {"user", "post"}, "entities")
        == "; the entities here are `user` and `post`");
  CHECK(suggestion("user", {}, "entities") == "; there are no entities");
  CHECK(backquoted(std::string(200, 'a')).size() < 110);
  CHECK(backquoted("a\nb") == "`a?b`");
}

} // namespace keyfold::config
