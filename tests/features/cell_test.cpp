#include "features/cell.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <limits>
#include <string>

using namespace keyfold;

TEST_CASE("cell: identical compares kind and value") {
  auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(identical(cell{}, cell{}));
  CHECK(identical(cell::real(nan), cell::real(nan)));
  CHECK(identical(cell::real(0.0), cell::real(-0.0)));
  CHECK(identical(cell::decimal(150, 2), cell::decimal(15, 1)));
  CHECK(identical(cell::string("a"), cell::string(std::string{"a"})));
  CHECK_FALSE(identical(cell{}, cell::integer(0)));
  CHECK_FALSE(identical(cell::integer(1), cell::real(1)));
  CHECK_FALSE(identical(cell::integer(1), cell::boolean(true)));
  CHECK_FALSE(identical(cell::string("a"), cell::bytes("a")));
  CHECK_FALSE(identical(cell::decimal(150, 2), cell::decimal(150, 1)));
}

TEST_CASE("cell: lists are identical item by item") {
  std::array<cell, 2> a{cell::integer(1), cell::string("x")};
  std::array<cell, 2> b{cell::integer(1), cell::string("x")};
  std::array<cell, 2> c{cell::integer(1), cell::string("y")};
  CHECK(identical(cell::list(a), cell::list(b)));
  CHECK_FALSE(identical(cell::list(a), cell::list(c)));
  CHECK_FALSE(identical(cell::list(a), cell::list(std::span{b}.first(1))));
  CHECK_FALSE(identical(cell::list(a), cell::map(b)));
}

TEST_CASE("arena: nothing is allocated until something is asked for") {
  arena memory{1 << 20};
  CHECK(memory.capacity() == 0);
  CHECK(memory.copy("").empty());
  CHECK(memory.allocate_cells(0).empty());
  memory.clear();
  CHECK(memory.capacity() == 0);
}

TEST_CASE("arena: what it handed out stays in place when it grows and is moved") {
  arena memory;
  std::vector<std::string_view> texts;
  for (auto i = 0; i < 10'000; ++i)
    texts.push_back(memory.copy(std::to_string(i)));
  auto elsewhere = std::move(memory);
  CHECK(memory.capacity() == 0);
  auto after = memory.copy("used again");
  for (auto i = 0; i < 10'000; ++i)
    REQUIRE(texts[static_cast<size_t>(i)] == std::to_string(i));
  CHECK(after == "used again");
  memory = std::move(elsewhere);
  CHECK(texts.back() == "9999");
}

TEST_CASE("arena: cells are aligned beside texts of any size") {
  arena memory;
  for (size_t size = 1; size < 300; ++size) {
    auto text = memory.copy(std::string(size, 'x'));
    auto cells = memory.allocate_cells(1);
    REQUIRE(reinterpret_cast<uintptr_t>(cells.data()) % alignof(cell) == 0);
    cells[0] = cell::integer(-1);
    REQUIRE(text == std::string(size, 'x'));
  }
}

TEST_CASE("arena: a copy shares nothing with its original") {
  std::string text = "something long enough to be on the heap";
  std::array<cell, 2> items{cell::string(text), cell::integer(2)};
  std::array<cell, 2> entries{cell::string("key"), cell::list(items)};
  arena memory;
  auto copy = memory.copy(cell::map(entries));
  text.assign(text.size(), '!');
  items[1] = cell{};
  auto list = copy.items()[1];
  CHECK(copy.kind() == cell_kind::map);
  CHECK(list.items()[0].as_text() == "something long enough to be on the heap");
  CHECK(list.items()[1].as_integer() == 2);
}

TEST_CASE("arena: clear keeps one block, rewind forgets what came after") {
  arena memory;
  for (auto i = 0; i < 1000; ++i)
    memory.copy(std::string(100, 'x'));
  memory.clear();
  auto kept = memory.capacity();
  CHECK(kept > 0);
  CHECK(kept < 100'000);
  auto first = memory.copy("first");
  auto then = memory.now();
  auto second = memory.copy("second");
  memory.rewind(then);
  CHECK(memory.copy("again!").data() == second.data());
  CHECK(first == "first");
  CHECK(memory.capacity() == kept);
}
