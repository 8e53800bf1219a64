#include "features/distinct_counter.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace keyfold;

namespace {

constexpr uint32_t bound = 256;

std::vector<uint64_t> hashes_of(int64_t from, int64_t to) {
  std::vector<uint64_t> out;
  for (auto i = from; i < to; ++i)
    out.push_back(distinct_hash(cell::integer(i)));
  return out;
}

distinct_counter counter_of(const std::vector<uint64_t>& hashes, uint32_t exact_bound = bound) {
  distinct_counter out;
  for (auto hash : hashes)
    out.add(hash, exact_bound);
  return out;
}

std::string bytes_of(const distinct_counter& x) {
  std::string out;
  byte_writer writer{out};
  x.encode(writer);
  return out;
}

std::optional<distinct_counter> decoded(std::string_view bytes) {
  byte_reader reader{bytes};
  return distinct_counter::decode(reader, bound);
}

} // namespace

TEST_CASE("distinct_counter: an empty one counts nothing and owns nothing") {
  distinct_counter x;
  CHECK(x.count() == 0);
  CHECK(x.memory() == 0);
  CHECK(x.exact());
}

TEST_CASE("distinct_counter: is exact up to the bound, repeated values counted once") {
  auto hashes = hashes_of(0, bound);
  auto x = counter_of(hashes);
  for (auto hash : hashes)
    x.add(hash, bound);
  CHECK(x.exact());
  CHECK(x.count() == bound);
}

TEST_CASE("distinct_counter: beyond the bound it estimates to a few times 1.6 %") {
  for (int64_t size : {257, 1000, 5000, 20'000, 100'000, 1'000'000}) {
    auto x = counter_of(hashes_of(0, size));
    CHECK_FALSE(x.exact());
    CHECK(static_cast<double>(x.count()) == Approx(static_cast<double>(size)).epsilon(0.05));
    CHECK(x.memory() <= 4096 + 128);
  }
}

TEST_CASE("distinct_counter: the error over many sets is the one stated") {
  auto square_sum = 0.0;
  constexpr int sets = 200;
  constexpr int64_t size = 10'000;
  for (int64_t i = 0; i < sets; ++i) {
    auto x = counter_of(hashes_of(i * size, (i + 1) * size));
    square_sum += std::pow(static_cast<double>(x.count()) / size - 1, 2);
  }
  CHECK(std::sqrt(square_sum / sets) < 0.02);
}

TEST_CASE("distinct_counter: order, repetition and merging make no difference") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int64_t size : {10, 256, 257, 3000}) {
    auto hashes = hashes_of(0, size);
    auto whole = bytes_of(counter_of(hashes));
    std::shuffle(hashes.begin(), hashes.end(), random);
    CHECK(bytes_of(counter_of(hashes)) == whole);
    distinct_counter parts[3];
    for (auto hash : hashes) {
      parts[random() % 3].add(hash, bound);
      parts[random() % 3].add(hash, bound);
    }
    distinct_counter merged;
    for (const auto& part : parts)
      merged.merge(part, bound);
    CHECK(bytes_of(merged) == whole);
    CHECK(merged.count() == counter_of(hashes).count());
  }
}

TEST_CASE("distinct_counter: survives its bytes, exact, sparse and dense") {
  for (int64_t size : {0, 1, 256, 257, 5000, 50'000}) {
    auto x = counter_of(hashes_of(0, size));
    auto back = decoded(bytes_of(x));
    REQUIRE(back);
    CHECK(back->count() == x.count());
    CHECK(bytes_of(*back) == bytes_of(x));
  }
}

TEST_CASE("distinct_counter: refuses damaged bytes or reads them as some counter") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int64_t size : {5, 300, 50'000}) {
    auto bytes = bytes_of(counter_of(hashes_of(0, size)));
    for (size_t cut = 0; cut < std::min<size_t>(bytes.size(), 600); ++cut)
      CHECK_FALSE(decoded(std::string_view{bytes}.substr(0, cut)));
    for (int i = 0; i < 500; ++i) {
      auto garbled = bytes;
      for (int j = 0; j < 3; ++j)
        garbled[random() % garbled.size()] = static_cast<char>(random());
      if (auto x = decoded(garbled))
        CHECK(x->count() <= uint64_t{1} << 62);
    }
  }
  CHECK_FALSE(decoded(std::string(1, '\x07')));
}

TEST_CASE("distinct_counter: registers at their maximum still give a number") {
  std::string bytes;
  byte_writer out{bytes};
  out.u8(2);
  out.text(std::string(4096, '\x35'));
  auto x = decoded(bytes);
  REQUIRE(x);
  CHECK(x->count() > 0);
}

TEST_CASE("distinct_counter: refuses more exact values than the bound") {
  CHECK_FALSE(decoded(bytes_of(counter_of(hashes_of(0, 300), 1000))));
}

TEST_CASE("distinct_hash: equal values have equal hashes, others do not") {
  CHECK(distinct_hash(cell::real(0.0)) == distinct_hash(cell::real(-0.0)));
  CHECK(distinct_hash(cell::real(std::nan("1"))) == distinct_hash(cell::real(std::nan("2"))));
  CHECK(distinct_hash(cell::decimal(150, 2)) == distinct_hash(cell::decimal(15, 1)));
  CHECK(distinct_hash(cell::decimal(15, 2)) != distinct_hash(cell::decimal(15, 1)));
  CHECK(distinct_hash(cell::string("1")) != distinct_hash(cell::integer(1)));
  CHECK(distinct_hash(cell::string("a")) == distinct_hash(cell::string(std::string{"a"})));
  CHECK(distinct_hash(cell::integer(1)) != distinct_hash(cell::real(1)));
}
