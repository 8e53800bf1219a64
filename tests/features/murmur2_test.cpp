#include "features/murmur2.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;

TEST_CASE("murmur2: hashes as Kafka's Java producers do") {
  CHECK(murmur2("kafka") == 0xd067cf64u);
  CHECK(murmur2("giberish123456789") == 0x8f552b0cu);
  CHECK(murmur2("") == 0x106e08d9u);
}

TEST_CASE("murmur2: texts of every length modulo four hash as in Kafka's own tests") {
  CHECK(murmur2("21") == static_cast<uint32_t>(-973932308));
  CHECK(murmur2("foobar") == static_cast<uint32_t>(-790332482));
  CHECK(murmur2("a-little-bit-long-string") == static_cast<uint32_t>(-985981536));
  CHECK(murmur2("a-little-bit-longer-string") == static_cast<uint32_t>(-1486304829));
  CHECK(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")
        == static_cast<uint32_t>(-58897971));
  CHECK(murmur2("abc") == 479470107u);
}

TEST_CASE("murmur2: partitions leave the sign bit out") {
  CHECK(partition_of("kafka", 6) == (0xd067cf64u & 0x7fffffffu) % 6);
  CHECK(partition_of("anything", 1) == 0);
}
