#include "decayed_counters_support.hpp"

using namespace keyfold;
using namespace keyfold::counters_test;

namespace {

/// Views whose states differ in their parts.
std::vector<settings> all_sorts() {
  std::vector<settings> out;
  out.push_back(counts_by_name());
  out.push_back(counts_by_name({}));
  out.back().time_to_live = 1h;
  add_measure(out.back(), "people", function::distinct, "who");
  out.back().measures.back().exact_bound = 4;
  out.push_back(out.back());
  out.back().pre_aggregate = 60s;
  out.push_back(counts_by_name());
  out.back().pre_aggregate = 60s;
  out.push_back(counts_by_name({}));
  out.back().group.clear();
  out.back().inputs[0].group_columns.clear();
  out.back().pre_aggregate = 60s;
  out.back().time_to_live = 1h;
  return out;
}

std::vector<event> some_events(std::mt19937& random, int count) {
  std::vector<event> out;
  const std::vector<std::string> names{"like", "view", "share with a rather long name"};
  for (int i = 0; i < count; ++i)
    out.push_back({start + duration{static_cast<int64_t>(random() % 10'000'000'000u)},
                   names[random() % 3], 1.0, std::to_string(random() % 50)});
  return out;
}

bool same(const features_read& a, const features_read& b) {
  return std::equal(a.all.begin(), a.all.end(), b.all.begin(), b.all.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && identical(x.second.value, y.second.value)
                             && x.second.status == y.second.status && x.second.at == y.second.at;
                    });
}

} // namespace

TEST_CASE("decayed_counters codec: a state survives its bytes, open windows included") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (const auto& from : all_sorts()) {
    auto made = make(from);
    for (int count : {0, 1, 2, 30}) {
      key x{made};
      x.fold(some_events(random, count));
      x.advance(start + 30min);
      key y{made};
      REQUIRE(y.decode(x.encode()));
      CHECK(y.encode() == x.encode());
      CHECK(y.wake_at >= x.wake_at); // x may still ask for what an event has since prolonged
      CHECK(same(x.read_all(start + 2h), y.read_all(start + 2h)));
      y.watermark = x.watermark;
      auto more = some_events(random, 10);
      recorder of_x;
      recorder of_y;
      for (auto* one : {&x, &y}) {
        one->changes = one == &x ? &of_x : &of_y;
        one->fold(more);
        one->advance(start + 4h);
      }
      CHECK(same(x.read_all(start + 2h), y.read_all(start + 2h)));
      CHECK(of_x.upserts.size() == of_y.upserts.size());
      CHECK(y.encode() == x.encode());
    }
  }
}

TEST_CASE("decayed_counters codec: several views' states follow one another") {
  auto made = make(counts_by_name());
  key x{made};
  x.fold({{start}});
  auto bytes = x.encode() + "the next view's";
  byte_reader in{bytes};
  fold_counts counts;
  arena scratch;
  fold_context context;
  context.counts = &counts;
  context.scratch = &scratch;
  CHECK(made->decode(in, context));
  CHECK(in.remaining() == 15);
}

TEST_CASE("decayed_counters codec: cut bytes are refused") {
  std::mt19937 random{1};
  for (const auto& from : all_sorts()) {
    auto made = make(from);
    key x{made};
    x.fold(some_events(random, 30));
    auto bytes = x.encode();
    for (size_t size = 0; size < bytes.size(); ++size) {
      INFO("size " << size);
      CHECK_FALSE(key{made}.decode(std::string_view{bytes}.substr(0, size)));
    }
  }
}

TEST_CASE("decayed_counters codec: garbled bytes are refused, or make a state that works") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (const auto& from : all_sorts()) {
    auto made = make(from);
    key x{made};
    x.fold(some_events(random, 10));
    x.advance(start + 30min);
    auto bytes = x.encode();
    for (int i = 0; i < 2000; ++i) {
      auto garbled = bytes;
      for (int j = 0; j < 1 + i % 4; ++j)
        garbled[random() % garbled.size()] = static_cast<char>(random());
      key y{made};
      if (!y.decode(garbled))
        continue;
      recorder published;
      y.fold(some_events(random, 3));
      y.collect(published);
      for (const auto& [name, feature] : y.read_all(start).all)
        CHECK((feature.value.kind() != cell_kind::real
               || feature.value.as_real() == feature.value.as_real()));
      y.advance(start + 30min);
      y.advance(end_of_time);
      CHECK_FALSE(y.encode().empty());
    }
  }
}

TEST_CASE("decayed_counters codec: a group twice, out of range or beyond numbers is refused") {
  auto made = make(counts_by_name());
  auto bytes_of = [](std::initializer_list<std::pair<uint64_t, double>> groups) {
    std::string out;
    byte_writer writer{out};
    writer.varint(groups.size());
    for (auto [id, sum] : groups) {
      writer.varint(id);
      writer.u8(0);
      writer.time(start);
      for (int i = 0; i < 3; ++i)
        writer.f64(sum);
    }
    return out;
  };
  CHECK(key{made}.decode(bytes_of({{0, 1.0}, {1, 1.0}})));
  CHECK_FALSE(key{made}.decode(bytes_of({{0, 1.0}, {0, 1.0}})));
  CHECK_FALSE(key{made}.decode(bytes_of({{2, 1.0}})));
  CHECK_FALSE(key{made}.decode(bytes_of({{0, std::numeric_limits<double>::infinity()}})));
  CHECK_FALSE(key{made}.decode(bytes_of({{0, std::numeric_limits<double>::quiet_NaN()}})));
  CHECK_FALSE(key{made}.decode(std::string(9, '\xff')));
}
