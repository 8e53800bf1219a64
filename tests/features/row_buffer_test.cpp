#include "features/rows/row_buffer.hpp"

#include <catch2/catch.hpp>

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

row_ptr row_at(int64_t seconds, int64_t number, uint16_t input = 0) {
  arena memory;
  return buffered_row::copy_of(at(seconds), input, cells_of(number, memory));
}

std::vector<int64_t> released(row_buffer& from, event_time watermark) {
  std::vector<int64_t> out;
  from.release(watermark, [&](row_ptr row) { out.push_back(row->cells()[1].as_integer()); });
  return out;
}

std::string encoded(const row_buffer& x) {
  std::string out;
  byte_writer writer{out};
  x.encode(writer);
  return out;
}

} // namespace

TEST_CASE("buffered_row: the copy outlives what it was copied from, and keeps the columns wanted") {
  row_ptr copy;
  {
    arena memory;
    auto cells = cells_of(7, memory);
    const uint32_t wanted[] = {2, 0, 3};
    copy = buffered_row::copy_of(at(5), 3, cells, wanted);
  }
  CHECK(copy->at() == at(5));
  CHECK(copy->input() == 3);
  CHECK(copy->mark == 0);
  REQUIRE(copy->cells().size() == 3);
  arena memory;
  auto expected = cells_of(7, memory);
  CHECK(identical(copy->cells()[0], expected[2]));
  CHECK(identical(copy->cells()[1], expected[0]));
  CHECK(identical(copy->cells()[2], expected[3]));
  CHECK(copy->memory() >= sizeof(buffered_row) + 3 * sizeof(cell));
}

TEST_CASE("buffered_row: a row without columns is a time and a mark") {
  auto row = buffered_row::copy_of(at(1), 0, {}, {});
  row->mark = 3;
  auto shared = row;
  CHECK(shared == row);
  CHECK(shared->mark == 3);
  CHECK(row->cells().empty());
}

TEST_CASE("row_buffer: rows come out by time, then input, then arrival") {
  row_buffer rows;
  CHECK(rows.earliest() == end_of_time);
  rows.add(row_at(3, 30));
  rows.add(row_at(1, 11, 1));
  rows.add(row_at(1, 12, 1));
  rows.add(row_at(2, 20));
  rows.add(row_at(1, 10, 0));
  rows.add(row_at(4, 40));
  CHECK(rows.size() == 6);
  CHECK(rows.earliest() == at(1));
  CHECK(released(rows, at(0)).empty());
  CHECK(released(rows, at(3)) == std::vector<int64_t>{10, 11, 12, 20, 30});
  CHECK(rows.earliest() == at(4));
  CHECK(released(rows, end_of_time) == std::vector<int64_t>{40});
  CHECK(rows.empty());
}

TEST_CASE("row_buffer: the owner may drop from either end") {
  row_buffer rows;
  for (int64_t i = 0; i < 4; ++i)
    rows.add(row_at(i, i));
  CHECK(rows.drop_oldest()->at() == at(0));
  CHECK(rows.drop_newest()->at() == at(3));
  CHECK(released(rows, end_of_time) == std::vector<int64_t>{1, 2});
}

TEST_CASE("row_buffer: a drained buffer keeps little room") {
  row_buffer rows;
  for (int64_t i = 0; i < 1000; ++i)
    rows.add(row_at(i, i));
  CHECK(rows.memory() > 1000 * sizeof(buffered_row));
  released(rows, end_of_time);
  CHECK(rows.memory() <= 8 * sizeof(row_ptr));
}

TEST_CASE("row_buffer: what was encoded comes back") {
  row_buffer rows;
  for (int64_t i = 0; i < 20; ++i) {
    auto row = row_at(i * 7 % 5, i, static_cast<uint16_t>(i % 3));
    row->mark = static_cast<uint64_t>(i) << 40;
    rows.add(std::move(row));
  }
  auto bytes = encoded(rows);
  byte_reader in{bytes};
  arena scratch;
  row_buffer again;
  REQUIRE(again.decode(in, types, 20, scratch));
  CHECK(in.at_end());
  CHECK(encoded(again) == bytes);
  for (size_t i = 0; i < 20; ++i) {
    CHECK(again.rows()[i]->mark == rows.rows()[i]->mark);
    CHECK(again.rows()[i]->input() == rows.rows()[i]->input());
    for (size_t column = 0; column < types.size(); ++column)
      CHECK(identical(again.rows()[i]->cells()[column], rows.rows()[i]->cells()[column]));
  }
}

TEST_CASE("row_buffer: malformed bytes are refused") {
  row_buffer rows;
  for (int64_t i = 0; i < 3; ++i)
    rows.add(row_at(i, i));
  auto bytes = encoded(rows);
  arena scratch;
  auto accepted = [&](std::string_view from, std::span<const data_type> as, size_t most) {
    byte_reader in{from};
    row_buffer out;
    auto sound = out.decode(in, as, most, scratch);
    CHECK((sound || out.empty()));
    return sound && in.at_end();
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
    std::string swapped;
    byte_writer out{swapped};
    out.varint(2);
    row_at(2, 2)->encode(out);
    row_at(1, 1)->encode(out);
    CHECK_FALSE(accepted(swapped, types, 3));
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
