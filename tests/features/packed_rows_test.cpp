#include "features/rows/packed_rows.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace keyfold;
using namespace std::chrono_literals;

namespace {

using plain_row = std::tuple<event_time, uint32_t, std::string>;

std::vector<plain_row> rows_in(const packed_rows& x) {
  std::vector<plain_row> out;
  for (size_t i = 0; i < x.size(); ++i) {
    CHECK(x.at(i) == x[i].at);
    CHECK(x.tag(i) == x[i].tag);
    out.emplace_back(x[i].at, x[i].tag, x[i].bytes);
  }
  return out;
}

/// What it must be when it holds `expected`, which is in order.
void check_holds(const packed_rows& x, const std::vector<plain_row>& expected) {
  REQUIRE(rows_in(x) == expected);
  CHECK(x.earliest() == (expected.empty() ? end_of_time : std::get<0>(expected.front())));
  for (auto probe = 0s; probe < 21s; probe += 4s) {
    auto until = event_time{probe};
    auto is_until = [&](const plain_row& y) { return std::get<0>(y) <= until; };
    CHECK(x.count_until(until)
          == static_cast<size_t>(std::count_if(expected.begin(), expected.end(), is_until)));
  }
}

plain_row some_row(std::mt19937& random) {
  auto size = random() % 10 == 0 ? random() % 400 : random() % 20;
  return {event_time{std::chrono::seconds{random() % 20}}, random() % 3,
          std::string(size, static_cast<char>('a' + random() % 3))};
}

} // namespace

TEST_CASE("packed_rows: without rows there is nothing to prefetch", "[packed_rows]") {
  packed_rows rows;
  rows.prefetch();
  REQUIRE(rows.insert(event_time{duration{1}}, 0, "row"));
  rows.prefetch();
  rows.clear();
  rows.prefetch();
  CHECK(rows.empty());
}

TEST_CASE("packed_rows: holds what a sorted list of rows would", "[packed_rows]") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  packed_rows x;
  std::vector<plain_row> expected;
  for (int step = 0; step < 3000; ++step) {
    auto what = random() % 16;
    if (what < 10 || expected.empty()) {
      auto row = some_row(random);
      CHECK(x.insert(std::get<0>(row), std::get<1>(row), std::get<2>(row)));
      expected.insert(std::upper_bound(expected.begin(), expected.end(), row), row);
    } else if (what < 13) {
      auto i = random() % expected.size();
      x.erase(i);
      expected.erase(expected.begin() + static_cast<ptrdiff_t>(i));
    } else if (what < 15 || step % 500 != 0) {
      auto count = random() % std::min<size_t>(expected.size() + 1, 5);
      x.erase_front(count);
      expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(count));
    } else {
      x.clear();
      expected.clear();
    }
    if (step % 10 == 0)
      check_holds(x, expected);
  }
  check_holds(x, expected);
  std::string bytes;
  byte_writer out{bytes};
  x.encode(out);
  packed_rows read;
  byte_reader in{bytes};
  CHECK(read.decode(in, [](const auto&) { return true; }));
  CHECK(in.at_end());
  check_holds(read, expected);
}

TEST_CASE("packed_rows: memory goes back when rows go", "[packed_rows]") {
  packed_rows x;
  CHECK(x.memory() == 0);
  for (int i = 0; i < 1000; ++i)
    x.insert(event_time{std::chrono::seconds{i}}, 0, std::string(50, 'x'));
  auto full = x.memory();
  CHECK(full < 1000 * (50 + 17) * 2);
  x.erase_front(900);
  CHECK(x.memory() < full / 4);
  x.erase_front(100);
  CHECK(x.empty());
  CHECK(x.memory() == 0);
  x.insert(event_time{1s}, 0, "short");
  x.erase(0);
  CHECK(x.memory() <= 256); // for the next one
}

TEST_CASE("packed_rows: rows for which there is no room are refused", "[packed_rows]") {
  packed_rows x;
  std::string large(packed_rows::max_bytes / 8, 'x');
  size_t kept = 0;
  while (kept < 20 && x.insert(event_time{std::chrono::seconds{kept}}, 0, large))
    ++kept;
  CHECK(kept == 7);
  CHECK(x.size() == 7);
  CHECK(x.back().bytes == large);
  x.erase_front(2);
  CHECK(x.insert(event_time{30s}, 0, large));
  CHECK(x.size() == 6);
  CHECK(x.insert(event_time{1s}, 0, "small"));
  CHECK(x.front().bytes == "small");
}

TEST_CASE("packed_rows: bytes that were not encoded are refused", "[packed_rows]") {
  packed_rows x;
  x.insert(event_time{2s}, 7, "later");
  x.insert(event_time{1s}, 7, "earlier");
  std::string bytes;
  byte_writer out{bytes};
  x.encode(out);
  auto decodes = [](std::string_view from) {
    packed_rows read;
    byte_reader in{from};
    return read.decode(in, [](const auto& row) { return row.tag == 7; });
  };
  CHECK(decodes(bytes));
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decodes(std::string_view{bytes}.substr(0, size)));
  std::string other;
  byte_writer unordered{other};
  unordered.varint(2);
  for (auto at : {2s, 1s}) {
    unordered.time(event_time{at});
    unordered.varint(7);
    unordered.text("row");
  }
  CHECK_FALSE(decodes(other));
}
