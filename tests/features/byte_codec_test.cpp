#include "features/byte_codec.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <limits>
#include <random>

using namespace keyfold;

namespace {

cell random_cell(std::mt19937_64& random, arena& memory, int depth) {
  switch (random() % (depth < 4 ? 10 : 8)) {
  case 0:
    return {};
  case 1:
    return cell::boolean(random() % 2 == 0);
  case 2:
    return cell::integer(static_cast<int64_t>(random() >> (random() % 64)));
  case 3:
    return cell::real(std::bit_cast<double>(random()));
  case 4:
    return cell::decimal(static_cast<int64_t>(random() % 1'999'999'999'999'999'999)
                             - 999'999'999'999'999'999,
                         static_cast<uint8_t>(random() % 19));
  case 5:
    return cell::string(memory.copy(std::string(random() % 300, 's')));
  case 6:
    return cell::bytes(memory.copy(std::string(random() % 5, '\0')));
  case 7:
    return cell::timestamp(event_time{duration{static_cast<int64_t>(random())}});
  case 8: {
    auto items = memory.allocate_cells(random() % 4);
    for (auto& item : items)
      item = random_cell(random, memory, depth + 1);
    return cell::list(items);
  }
  default: {
    auto entries = memory.allocate_cells(random() % 3 * 2);
    for (size_t i = 0; i < entries.size(); ++i)
      entries[i] = i % 2 == 0 ? cell::string("key") : random_cell(random, memory, depth + 1);
    return cell::map(entries);
  }
  }
}

} // namespace

TEST_CASE("byte_codec: numbers and texts come back, and nothing is left over") {
  std::string bytes;
  byte_writer out{bytes};
  out.u8(200);
  for (auto x : {uint64_t{0}, uint64_t{127}, uint64_t{128}, std::numeric_limits<uint64_t>::max()})
    out.varint(x);
  out.signed_varint(std::numeric_limits<int64_t>::min());
  out.signed_varint(-1);
  out.u64(0x0102030405060708);
  out.f64(-0.0);
  out.time(end_of_time);
  out.text("text");
  byte_reader in{bytes};
  CHECK(in.u8() == 200);
  CHECK(in.varint() == 0);
  CHECK(in.varint() == 127);
  CHECK(in.varint() == 128);
  CHECK(in.varint() == std::numeric_limits<uint64_t>::max());
  CHECK(in.signed_varint() == std::numeric_limits<int64_t>::min());
  CHECK(in.signed_varint() == -1);
  CHECK(in.u64() == 0x0102030405060708);
  CHECK(std::signbit(in.f64()));
  CHECK(in.time() == end_of_time);
  CHECK(in.text() == "text");
  CHECK(in.at_end());
  CHECK(in.good());
}

TEST_CASE("byte_codec: numbers are little-endian") {
  std::string bytes;
  byte_writer{bytes}.u64(1);
  CHECK(bytes == std::string("\1\0\0\0\0\0\0\0", 8));
}

TEST_CASE("byte_codec: random values come back, and every shorter text is refused") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (auto round = 0; round < 300; ++round) {
    arena memory;
    auto value = random_cell(random, memory, 0);
    std::string bytes;
    byte_writer{bytes}.value(value);
    byte_reader in{bytes};
    REQUIRE(identical(in.value(memory), value));
    REQUIRE((in.good() && in.at_end()));
    byte_reader shorter{std::string_view{bytes}.substr(0, random() % bytes.size())};
    shorter.value(memory);
    REQUIRE_FALSE(shorter.good());
  }
}

TEST_CASE("byte_codec: malformed bytes turn the reader bad, and it stays bad") {
  arena memory;
  auto bad = [&memory](std::string_view bytes) {
    byte_reader in{bytes};
    auto x = in.value(memory);
    return !in.good() && in.at_end() && x.is_null() && in.u64() == 0 && in.text().empty();
  };
  CHECK(bad(""));
  CHECK(bad("\x0a"));                                         // no such kind
  CHECK(bad(std::string_view("\x04\x13\x00", 3)));            // scale 19
  CHECK(bad("\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));     // a list of 2^63 items
  CHECK(bad("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")); // more than 64 bits
  CHECK(bad("\x09\x01\x02\x02"));                             // half an entry
  CHECK(bad("\x09\x02\x02\x02\x02\x02"));                     // a key that is no string
  CHECK(bad(std::string(100, '\x08') + '\x00'));              // nested too deep
  CHECK(bad("\x05\x05"
            "abc"));
  for (auto beyond : {1'000'000'000'000'000'000, -1'000'000'000'000'000'000}) {
    std::string nineteen_digits;
    byte_writer{nineteen_digits}.value(cell::decimal(beyond, 2));
    CHECK(bad(nineteen_digits));
  }
}

TEST_CASE("byte_codec: a false count does not ask for memory") {
  arena memory;
  byte_reader in{"\x08\xff\xff\xff\xff\x0f"};
  in.value(memory);
  CHECK(memory.capacity() == 0);
}
