#include "features/rows/buffered_row.hpp"
#include "features/rows/timed_rows.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include <random>
#include <string>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

data_type type(std::string_view text) {
  return *parse_data_type(text);
}

const std::vector<data_type> types = {type("string"), type("int64"), type("list<string>"),
                                      type("map<string,double>")};

/// Four cells of `types`; what they point to lives in `memory`.
std::vector<cell> cells_of(int64_t number, arena& memory) {
  auto items = memory.allocate_cells(2);
  items[0] = cell::string(memory.copy("item " + std::to_string(number)));
  auto entries = memory.allocate_cells(2);
  entries[0] = cell::string("weight");
  entries[1] = cell::real(static_cast<double>(number) / 2);
  return {cell::string(memory.copy("row " + std::to_string(number))), cell::integer(number),
          cell::list(items), cell::map(entries)};
}

event_time at(int64_t seconds) {
  return event_time{std::chrono::seconds{seconds}};
}

void add(timed_rows& to, int64_t seconds, int64_t number) {
  arena memory;
  auto cells = cells_of(number, memory);
  auto place = to.count_until(at(seconds));
  to.insert(place, at(seconds), static_cast<uint64_t>(number) << 40);
  for (size_t i = 0; i < cells.size(); ++i)
    to.value(place, i).keep(cells[i]);
}

/// The numbers of the first rows, which are forgotten.
std::vector<int64_t> taken(timed_rows& from, event_time until) {
  std::vector<int64_t> out;
  auto count = from.count_until(until);
  for (uint32_t i = 0; i < count; ++i)
    out.push_back(from.value(i, 1).get().as_integer());
  from.drop(count);
  return out;
}

std::string encoded(const timed_rows& x) {
  std::string out;
  byte_writer writer{out};
  x.encode(types, writer);
  return out;
}

} // namespace

TEST_CASE("buffered_row: the copy outlives what it was copied from") {
  row_ptr copy;
  {
    arena memory;
    copy = buffered_row::copy_of(at(5), cells_of(7, memory));
  }
  CHECK(copy->at() == at(5));
  CHECK(copy->mark == 0);
  REQUIRE(copy->cells().size() == 4);
  arena memory;
  auto expected = cells_of(7, memory);
  for (size_t i = 0; i < expected.size(); ++i)
    CHECK(identical(copy->cells()[i], expected[i]));
  CHECK(copy->memory() >= sizeof(buffered_row) + 4 * sizeof(cell));
  std::string bytes;
  byte_writer out{bytes};
  copy->mark = 9;
  copy->encode(out);
  byte_reader in{bytes};
  auto again = buffered_row::decode(in, types, memory);
  REQUIRE(again);
  CHECK(in.at_end());
  CHECK(again->mark == 9);
  CHECK(identical(again->cells()[3], expected[3]));
}

TEST_CASE("buffered_row: a row without columns is a time and a mark") {
  auto row = buffered_row::copy_of(at(1), {});
  row->mark = 3;
  auto shared = row;
  CHECK(shared == row);
  CHECK(shared->mark == 3);
  CHECK(row->cells().empty());
}

TEST_CASE("buffered_row: what lies in its room leaves the row alone") {
  arena memory;
  auto plain = buffered_row::copy_of(at(5), cells_of(7, memory));
  auto row = buffered_row::copy_of(at(5), cells_of(7, memory), 21);
  CHECK(plain->room().empty());
  auto room = row->room();
  REQUIRE(room.size() >= 21);
  CHECK(reinterpret_cast<uintptr_t>(room.data()) % alignof(cell) == 0);
  CHECK(row->memory() == plain->memory());
  std::fill(room.begin(), room.end(), 'x');
  CHECK(row->at() == at(5));
  CHECK(identical(row->cells()[3], plain->cells()[3]));
}

TEST_CASE("timed_rows: rows lie by time, then by arrival") {
  timed_rows rows{types.size()};
  CHECK(rows.empty());
  CHECK(rows.count_until(end_of_time) == 0);
  add(rows, 3, 30);
  add(rows, 1, 10);
  add(rows, 1, 11);
  add(rows, 2, 20);
  add(rows, 1, 12);
  add(rows, 4, 40);
  CHECK(rows.size() == 6);
  CHECK(rows.at(0) == at(1));
  CHECK(rows.place_of(at(2)) == 3);
  CHECK(taken(rows, at(0)).empty());
  CHECK(taken(rows, at(3)) == std::vector<int64_t>{10, 11, 12, 20, 30});
  CHECK(rows.at(0) == at(4));
  CHECK(taken(rows, end_of_time) == std::vector<int64_t>{40});
  CHECK(rows.empty());
}

TEST_CASE("timed_rows: values of every kind outlive what they were copied from") {
  timed_rows rows{types.size()};
  add(rows, 1, 7);
  for (int64_t i = 0; i < 50; ++i)
    add(rows, i, i);                        // and are moved about
  auto place = rows.count_until(at(1)) - 2; // of the rows at 1 the first
  arena memory;
  auto expected = cells_of(7, memory);
  auto found = memory.allocate_cells(types.size());
  rows.cells(place, types, found, memory);
  for (size_t i = 0; i < types.size(); ++i)
    CHECK(identical(found[i], expected[i]));
  CHECK(rows.mark(place) == uint64_t{7} << 40);
  rows.value(place, 0).keep({});
  rows.value(place, 2).keep({});
  rows.cells(place, types, found, memory);
  CHECK(found[0].is_null());
  CHECK(found[2].is_null());
}

TEST_CASE("single_timed_rows: one row is in the object itself, several are elsewhere") {
  constexpr size_t words_of_row = 10;
  timed_rows plain{types.size()};
  single_timed_rows<words_of_row> rows{types.size()};
  single_timed_rows<words_of_row - 1> too_small{types.size()};
  for (int64_t round = 0; round < 3; ++round) {
    plain.drop(plain.size());
    for (auto* x : {&plain, static_cast<timed_rows*>(&rows), static_cast<timed_rows*>(&too_small)})
      add(*x, 1, 10 + round);
    CHECK(rows.memory() + words_of_row * sizeof(uint64_t) <= plain.memory());
    CHECK(too_small.memory() >= plain.memory());
    CHECK(rows.mark(0) == too_small.mark(0));
    for (int64_t i = 0; i < 20; ++i)
      add(rows, 2, i);
    CHECK(rows.memory() > 20 * words_of_row * sizeof(uint64_t));
    CHECK(taken(rows, at(1)) == std::vector<int64_t>{10 + round});
    CHECK(taken(rows, at(2)).size() == 20);
    CHECK(rows.memory() == 0);
    taken(too_small, at(1));
  }
}

TEST_CASE("timed_rows: drained ones keep little room") {
  timed_rows rows{types.size()};
  for (int64_t i = 0; i < 1000; ++i)
    add(rows, i, i);
  CHECK(rows.memory() > 1000 * 10 * sizeof(uint64_t));
  taken(rows, end_of_time);
  CHECK(rows.memory() <= 1024);
}

TEST_CASE("timed_rows: room at the front is used again") {
  timed_rows rows{types.size()};
  for (int64_t i = 0; i < 10'000; ++i) {
    add(rows, i, i);
    if (i >= 10) {
      rows.drop(1);
      CHECK(rows.at(0) == at(i - 9));
      CHECK(rows.value(0, 1).get().as_integer() == i - 9);
    }
  }
  CHECK(rows.size() == 10);
  CHECK(rows.memory() < 8192);
}

TEST_CASE("timed_rows: what was encoded comes back") {
  timed_rows rows{types.size()};
  for (int64_t i = 0; i < 20; ++i)
    add(rows, i * 7 % 5, i);
  auto bytes = encoded(rows);
  byte_reader in{bytes};
  arena scratch;
  timed_rows again{types.size()};
  REQUIRE(again.decode(types, 20, in, scratch));
  CHECK(in.at_end());
  CHECK(encoded(again) == bytes);
  for (uint32_t i = 0; i < 20; ++i)
    CHECK(again.mark(i) == rows.mark(i));
}

TEST_CASE("timed_rows: malformed bytes are refused") {
  timed_rows rows{types.size()};
  for (int64_t i = 0; i < 3; ++i)
    add(rows, i, i);
  auto bytes = encoded(rows);
  auto accepted = [&](std::string_view from, std::span<const data_type> as, size_t most) {
    byte_reader in{from};
    arena scratch;
    timed_rows out{as.size()};
    return out.decode(as, most, in, scratch) && in.at_end();
  };
  CHECK(accepted(bytes, types, 3));
  SECTION("cut short") {
    for (size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(accepted(std::string_view{bytes}.substr(0, size), types, 3));
  }
  SECTION("more rows than there may be") {
    CHECK_FALSE(accepted(bytes, types, 2));
  }
  SECTION("cells of other types, nested ones too") {
    auto other = types;
    other[1] = type("string");
    CHECK_FALSE(accepted(bytes, other, 3));
    other = types;
    other[2] = type("list<list<string>>");
    CHECK_FALSE(accepted(bytes, other, 3));
    other = types;
    other[3] = type("map<string,list<string>>");
    CHECK_FALSE(accepted(bytes, other, 3));
  }
  SECTION("out of order") {
    auto one = [](int64_t seconds) {
      timed_rows row{types.size()};
      add(row, seconds, 1);
      return encoded(row).substr(1);
    };
    CHECK(accepted('\2' + one(1) + one(2), types, 3));
    CHECK_FALSE(accepted('\2' + one(2) + one(1), types, 3));
  }
  SECTION("garbled") {
    auto seed = 4711u;
    CAPTURE(seed);
    std::mt19937 random{seed};
    for (int i = 0; i < 20'000; ++i) {
      auto garbled = bytes;
      for (auto n = 1 + random() % 4; n > 0; --n)
        garbled[random() % garbled.size()] = static_cast<char>(random());
      accepted(garbled, types, 3);
    }
  }
}
