#include "features/aggregate/exact_sum.hpp"
#include "features/aggregate/function.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <vector>

using namespace keyfold;

namespace {

data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

aggregate_spec spec_of(aggregate_kind kind, type_kind argument = type_kind::float64) {
  aggregate_spec out;
  out.kind = kind;
  out.argument = type(argument);
  return out;
}

/// A function with one slot of its own.
class slot {
public:
  explicit slot(const aggregate_spec& spec) {
    auto made = make_aggregate(spec);
    INFO((made ? "" : made.error().message));
    REQUIRE(made);
    function = *made;
    words.resize(function->words());
  }
  slot(const slot&) = delete;
  slot(slot&&) = default;
  slot& operator=(const slot&) = delete;
  ~slot() {
    if (function)
      function->clear(words.data());
  }

  aggregate_outcome add(const cell& x, int64_t at = 0) {
    return function->add(words.data(), x, event_time{duration{at}});
  }
  cell value() { return function->value(words.data(), memory); }
  std::string encode() const {
    std::string out;
    byte_writer writer{out};
    function->encode(words.data(), writer);
    return out;
  }
  bool decode(std::string_view bytes) {
    function->clear(words.data());
    byte_reader in{bytes};
    auto good = function->decode(words.data(), in);
    if (!good)
      function->clear(words.data());
    return good;
  }

  std::shared_ptr<const aggregate_function> function;
  std::vector<uint64_t> words;
  arena memory;
};

std::vector<double> numbers_of(std::vector<double> x) {
  return x;
}

double real_of(slot& x) {
  auto value = x.value();
  REQUIRE(value.kind() == cell_kind::real);
  return value.as_real();
}

const std::vector<aggregate_kind> all_kinds = [] {
  std::vector<aggregate_kind> out;
  for (const auto& name : aggregate_names())
    out.push_back(*find_aggregate_kind(name));
  return out;
}();

aggregate_spec any_spec(aggregate_kind kind) {
  auto out = spec_of(kind);
  out.k = 3;
  out.bounds = {-1, 0, 10};
  return out;
}

std::string shown(const cell& x) {
  std::string out;
  byte_writer writer{out};
  writer.value(x);
  return out;
}

} // namespace

TEST_CASE("exact sum: what is added and taken back leaves no trace, whatever its size") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 200; ++round) {
    std::array<uint64_t, exact_sum::words> memory{};
    auto& sum = exact_sum::at(memory.data());
    std::vector<double> numbers;
    for (int i = 0; i < 20; ++i) {
      auto exponent = round % 2 == 0 ? static_cast<int>(random() % 40)
                                     : static_cast<int>(random() % 1900) - 1000;
      numbers.push_back(std::ldexp(static_cast<double>(random() % 1000) - 500, exponent));
    }
    sum.add(0.1);
    for (auto x : numbers)
      sum.add(x);
    std::shuffle(numbers.begin(), numbers.end(), random);
    for (auto x : numbers)
      sum.subtract(x);
    CHECK(sum.value() == 0.1);
    CHECK(sum.count() == 1);
    sum.clear();
  }
}

TEST_CASE("exact sum: rounds once, to the nearest double") {
  std::array<uint64_t, exact_sum::words> memory{};
  auto& sum = exact_sum::at(memory.data());
  for (auto x : {1e100, 1.0, -1e100, 1e-30})
    sum.add(x);
  CHECK(sum.value() == 1.0);
  CHECK(sum.memory() > 0); // beyond 128 bits
  sum.clear();
  for (int i = 0; i < 10; ++i)
    sum.add(0.1);
  CHECK(sum.value() == 1.0); // ten times the double nearest to 0.1 lies nearest to 1
  CHECK(sum.memory() == 0);
  sum.clear();
  sum.add(9007199254740992.0);
  sum.add(1.0);
  CHECK(sum.value() == 9007199254740992.0); // a tie: to even
  sum.add(std::ldexp(1.0, -60));
  CHECK(sum.value() == 9007199254740994.0);
  sum.clear();
  sum.add(1.7e308);
  sum.add(1.7e308);
  CHECK(std::isinf(sum.value()));
  sum.subtract(1.7e308);
  CHECK(sum.value() == 1.7e308);
  sum.clear();
}

TEST_CASE("exact sum: agrees with 128-bit integers, in any order and however merged") {
  __extension__ using wide = __int128;
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 300; ++round) {
    std::array<uint64_t, exact_sum::words> first{};
    std::array<uint64_t, exact_sum::words> second{};
    wide expected = 0;
    auto& a = exact_sum::at(first.data());
    auto& b = exact_sum::at(second.data());
    for (int i = 0; i < 50; ++i) {
      auto digits = static_cast<int64_t>(random() % (1ull << 53)) - (1ll << 52);
      auto shift = static_cast<int>(random() % 60);
      expected += static_cast<wide>(digits) << shift;
      (random() % 2 == 0 ? a : b).add(std::ldexp(static_cast<double>(digits), shift - 30));
    }
    a.merge(b);
    CHECK(a.value() == std::ldexp(static_cast<double>(expected), -30));
    std::string bytes;
    byte_writer writer{bytes};
    a.encode(writer);
    std::array<uint64_t, exact_sum::words> third{};
    auto& c = exact_sum::at(third.data());
    byte_reader in{bytes};
    REQUIRE(c.decode(in));
    c.retract(b);
    a.retract(b);
    CHECK(c.value() == a.value());
    CHECK(c.count() + b.count() == 50);
    for (auto* x : {&a, &b, &c})
      x->clear();
  }
}

TEST_CASE("exact sum: a mean is the sum to 113 bits divided, rounded to the nearest double") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 2000; ++round) {
    std::array<uint64_t, exact_sum::words> memory{};
    auto& sum = exact_sum::at(memory.data());
    // Narrow and wide sums, very small and very large ones, whole numbers whose mean is a tie.
    auto spread = 1 + static_cast<int>(random() % 100);
    auto far = static_cast<int>(random() % 3) * 900 - 900;
    auto whole = random() % 4 == 0;
    for (auto left = 1 + random() % 40; left > 0; --left) {
      auto digits = static_cast<double>(static_cast<int64_t>(random() >> 11) - (1ll << 52));
      auto shift = static_cast<int>(random() % static_cast<unsigned>(spread));
      sum.add(whole ? static_cast<double>(random() % 16) : std::ldexp(digits, shift - 60 + far));
    }
    auto expected = static_cast<double>(sum.wide_value() / static_cast<quad>(sum.count()));
    CHECK(sum.mean() == expected);
    sum.clear();
  }
}

TEST_CASE("aggregates: numbers of a small sample") {
  const auto sample = numbers_of({2, 4, 4, 4, 5, 5, 7, 9});
  auto of = [&](aggregate_kind kind) {
    slot x{any_spec(kind)};
    for (auto number : sample)
      x.add(cell::real(number));
    auto value = x.value();
    return value.kind() == cell_kind::integer ? static_cast<double>(value.as_integer())
                                              : value.as_real();
  };
  using enum aggregate_kind;
  CHECK(of(count) == 8);
  CHECK(of(sum) == 40);
  CHECK(of(avg) == 5);
  CHECK(of(min) == 2);
  CHECK(of(max) == 9);
  CHECK(of(count_distinct) == 5);
  CHECK(of(approx_count_distinct) == 5);
  CHECK(of(var_pop) == 4);
  CHECK(of(stddev_pop) == 2);
  CHECK(of(var_samp) == Approx(32.0 / 7).epsilon(1e-15));
  CHECK(of(stddev_samp) == Approx(std::sqrt(32.0 / 7)).epsilon(1e-15));
  CHECK(of(skewness) == Approx(0.65625).epsilon(1e-15));
  CHECK(of(kurtosis) == Approx(-0.21875).epsilon(1e-14));
  CHECK(of(percentile) == 4); // the fourth of eight: half of them are not larger
}

TEST_CASE("aggregates: of no rows all is null but what counts") {
  for (auto kind : all_kinds) {
    slot x{any_spec(kind)};
    auto counts = kind == aggregate_kind::count || kind == aggregate_kind::row_number
                  || kind == aggregate_kind::count_distinct
                  || kind == aggregate_kind::approx_count_distinct;
    CHECK(x.value().is_null() != counts);
  }
  auto zero = spec_of(aggregate_kind::sum);
  zero.zero_when_empty = true;
  CHECK(slot{zero}.value().as_real() == 0);
  slot one{spec_of(aggregate_kind::var_samp)};
  one.add(cell::real(1));
  CHECK(one.value().is_null());
}

TEST_CASE("aggregates: sums of integers and decimals are exact, or null beyond their type") {
  slot integers{spec_of(aggregate_kind::sum, type_kind::int64)};
  integers.add(cell::integer(INT64_MAX));
  integers.add(cell::integer(1));
  CHECK(integers.value().is_null());
  integers.add(cell::integer(-1));
  CHECK(integers.value().as_integer() == INT64_MAX);
  auto money = spec_of(aggregate_kind::sum, type_kind::decimal);
  money.argument->precision = 5;
  money.argument->scale = 2;
  slot decimals{money};
  CHECK(to_string(decimals.function->type()) == "decimal(18,2)");
  for (int i = 0; i < 1000; ++i)
    decimals.add(cell::decimal(10, 2));
  CHECK(decimals.value().unscaled() == 10'000);
  money.kind = aggregate_kind::avg;
  slot average{money};
  average.add(cell::decimal(10, 2));
  average.add(cell::decimal(25, 2));
  CHECK(average.value().as_real() == 0.175);
}

TEST_CASE("aggregates: what is infinite or no number is skipped and said so") {
  using enum aggregate_kind;
  for (auto kind : {sum, avg, var_pop, kurtosis, percentile}) {
    slot x{any_spec(kind)};
    CHECK(x.add(cell::real(INFINITY)) == aggregate_outcome::skipped);
    CHECK(x.add(cell::real(NAN)) == aggregate_outcome::skipped);
    CHECK(x.value().is_null());
  }
  slot largest{any_spec(max)};
  CHECK(largest.add(cell::real(NAN)) == aggregate_outcome::skipped);
  largest.add(cell::real(-1));
  CHECK(real_of(largest) == -1);
}

TEST_CASE("aggregates: lists and ends go by event time, then by arrival") {
  using enum aggregate_kind;
  auto items = [](aggregate_kind kind) {
    slot x{any_spec(kind)};
    int number = 0;
    for (auto at : {5, 1, 9, 9, 1, 4})
      x.add(cell::real(++number), at);
    auto value = x.value();
    std::vector<double> out;
    if (value.kind() != cell_kind::list)
      return std::vector{value.as_real()};
    for (const auto& item : value.items())
      out.push_back(item.as_real());
    return out;
  };
  CHECK(items(first_value) == numbers_of({2}));
  CHECK(items(last_value) == numbers_of({4}));
  CHECK(items(first_k) == numbers_of({2, 5, 6}));
  CHECK(items(last_k) == numbers_of({1, 3, 4}));
  CHECK(items(collect_list) == numbers_of({2, 5, 6, 1, 3, 4}));
}

TEST_CASE("aggregates: tables count values; the most frequent come first, the smaller of equals") {
  auto spec = spec_of(aggregate_kind::value_counts, type_kind::string);
  slot counts{spec};
  spec.kind = aggregate_kind::top_k;
  spec.k = 2;
  slot top{spec};
  for (const auto* x : {"pear", "fig", "a fruit with a long name", "fig", "pear", "apple"}) {
    counts.add(cell::string(x));
    top.add(cell::string(x));
  }
  auto map = counts.value().items();
  REQUIRE(map.size() == 8);
  CHECK(map[0].as_text() == "a fruit with a long name");
  CHECK(map[4].as_text() == "fig");
  CHECK(map[5].as_integer() == 2);
  auto list = top.value().items();
  REQUIRE(list.size() == 2);
  CHECK(list[0].as_text() == "fig");
  CHECK(list[1].as_text() == "pear");
}

TEST_CASE("aggregates: a histogram counts from each bound up to the next") {
  slot x{any_spec(aggregate_kind::histogram)};
  for (auto number : {-5.0, -1.0, -0.5, 0.0, 9.99, 10.0, 1e9})
    x.add(cell::real(number));
  std::vector<int64_t> counts;
  for (const auto& item : x.value().items())
    counts.push_back(item.as_integer());
  CHECK(counts == std::vector<int64_t>{1, 2, 2, 2});
}

TEST_CASE("aggregates: percentiles are near in rank whatever the number of values") {
  std::mt19937 random{7};
  std::vector<double> numbers(50'000);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  std::shuffle(numbers.begin(), numbers.end(), random);
  for (auto share : {0.01, 0.5, 0.95, 0.99}) {
    auto spec = any_spec(aggregate_kind::percentile);
    spec.percentile = share;
    slot all{spec};
    for (size_t part = 0; part < 10; ++part) {
      slot one{spec};
      for (size_t i = part; i < numbers.size(); i += 10)
        one.add(cell::real(numbers[i]));
      all.function->merge(all.words.data(), one.words.data());
    }
    CHECK(real_of(all) / 50'000 == Approx(share).margin(0.02));
    CHECK(all.function->memory(all.words.data()) < 20'000);
  }
}

TEST_CASE("aggregates: a limit looks at the most recent rows, those without a value included") {
  auto spec = spec_of(aggregate_kind::sum);
  spec.limit = 2;
  slot x{spec};
  CHECK(x.function->takes_null());
  x.add(cell::real(1), 1);
  x.add(cell::real(4), 4);
  x.add(cell::real(2), 2);
  CHECK(real_of(x) == 6);
  x.add(cell{}, 5);
  CHECK(real_of(x) == 4);
}

TEST_CASE("aggregates: bounds are kept, and reached ones said") {
  using enum aggregate_kind;
  for (auto kind : {collect_list, value_counts, top_k, count_distinct}) {
    auto spec = any_spec(kind);
    spec.max_values = 3;
    slot x{spec};
    for (int i = 0; i < 3; ++i)
      CHECK(x.add(cell::real(i), i) == aggregate_outcome::taken);
    CHECK(x.add(cell::real(7), 7) == aggregate_outcome::bounded);
    CHECK(x.function->memory(x.words.data()) < 300);
  }
}

TEST_CASE(
    "aggregates: order and merging make no difference, and what is retracted was never there") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (auto kind : all_kinds)
    for (int round = 0; round < 20; ++round) {
      INFO("function " << static_cast<int>(kind));
      std::vector<std::pair<int64_t, double>> rows;
      for (int i = 0; i < 40; ++i)
        rows.emplace_back(i, std::ldexp(static_cast<double>(random() % 100) - 50,
                                        static_cast<int>(random() % 20)));
      slot whole{any_spec(kind)};
      for (auto [at, x] : rows)
        whole.add(cell::real(x), at);
      std::shuffle(rows.begin(), rows.end(), random);
      slot a{any_spec(kind)};
      slot b{any_spec(kind)};
      for (size_t i = 0; i < rows.size(); ++i)
        (i < 15 ? a : b).add(cell::real(rows[i].second), rows[i].first);
      slot merged{any_spec(kind)};
      merged.function->merge(merged.words.data(), a.words.data());
      merged.function->merge(merged.words.data(), b.words.data());
      CHECK(shown(merged.value()) == shown(whole.value()));
      if (!merged.function->retractable())
        continue;
      merged.function->retract(merged.words.data(), a.words.data());
      CHECK(shown(merged.value()) == shown(b.value()));
      merged.function->remove(merged.words.data(), cell::real(rows.back().second));
      slot less{any_spec(kind)};
      for (size_t i = 15; i + 1 < rows.size(); ++i)
        less.add(cell::real(rows[i].second), rows[i].first);
      CHECK(shown(merged.value()) == shown(less.value()));
    }
}

TEST_CASE("aggregates: a slot survives its bytes; cut and garbled ones do no harm") {
  std::mt19937 random{3};
  for (auto kind : all_kinds)
    for (auto limited : {false, true}) {
      INFO("function " << static_cast<int>(kind));
      auto spec = any_spec(kind);
      if (limited)
        spec.limit = 5;
      slot x{spec};
      CHECK(slot{spec}.decode(x.encode()));
      for (int i = 0; i < 300; ++i)
        x.add(cell::real(i % 2 == 0 ? 1e200 * i : i * 0.1), i);
      auto bytes = x.encode();
      slot y{spec};
      REQUIRE(y.decode(bytes));
      CHECK(y.encode() == bytes);
      CHECK(shown(y.value()) == shown(x.value()));
      for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 100)
        CHECK_FALSE(y.decode(bytes.substr(0, size)));
      for (int i = 0; i < 300; ++i) {
        auto garbled = bytes;
        garbled[random() % garbled.size()] = static_cast<char>(random());
        if (y.decode(garbled)) {
          y.add(cell::real(1), 1'000);
          y.value();
        }
      }
    }
}

TEST_CASE("aggregates: decimals are read back with the scale that they were written with") {
  using enum aggregate_kind;
  for (auto kind : {min, last_value, last_k, collect_list, value_counts}) {
    INFO("function " << static_cast<int>(kind));
    auto spec = spec_of(kind);
    spec.argument = *parse_data_type("decimal(9,2)");
    slot x{spec};
    x.add(cell::decimal(125, 2));
    slot same{spec};
    CHECK(same.decode(x.encode()));
    spec.argument = *parse_data_type("decimal(9,3)");
    slot other{spec};
    CHECK_FALSE(other.decode(x.encode()));
  }
}

TEST_CASE("aggregates: what a function is not for is refused with the reason") {
  auto refusal = [](const aggregate_spec& spec) {
    auto made = make_aggregate(spec);
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  using enum aggregate_kind;
  CHECK(refusal(spec_of(sum, type_kind::string)) == "`sum` needs a number, and this is `string`");
  CHECK(refusal(spec_of(max, type_kind::null)).find("CAST") != std::string::npos);
  aggregate_spec none;
  none.kind = avg;
  CHECK(refusal(none) == "`avg` needs an `expression`");
  auto list = spec_of(first_value);
  list.argument = *parse_data_type("list<string>");
  CHECK(refusal(list) == "`first_value` needs a single value, and this is `list<string>`");
  auto share = spec_of(percentile);
  share.percentile = 95;
  CHECK(refusal(share).find("between 0 and 1") != std::string::npos);
  auto bars = spec_of(histogram);
  CHECK(refusal(bars).find("`bounds`") != std::string::npos);
  bars.bounds = {2, 1};
  CHECK(refusal(bars).find("ascend") != std::string::npos);
  auto many = spec_of(first_k);
  many.k = 1'000'000;
  CHECK(refusal(many).find("100000") != std::string::npos);
}
