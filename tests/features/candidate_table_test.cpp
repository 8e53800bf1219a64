#include "features/top_k/candidate_table.hpp"
#include "view_harness.hpp"

using namespace keyfold;
using namespace keyfold::view_test;
using namespace keyfold::ranking;

namespace {

/// Candidates counted and thrown out as candidate_table.hpp says, with nothing kept ready.
class naive_table {
public:
  struct entry {
    std::string text;
    double value;
    double error;
    event_time reached;
    event_time newest;
  };

  explicit naive_table(const table_rules& rules) : rules_(rules) {}

  void add(const std::string& text, event_time at) {
    auto found = std::find_if(all_.begin(), all_.end(), [&](auto& x) { return x.text == text; });
    if (found != all_.end()) {
      *found = {text, found->value + 1, found->error, at, at};
      return;
    }
    auto error = 0.0;
    if (all_.size() >= rules_.max_candidates) {
      error = ranked().back().value;
      all_ = ranked();
      all_.pop_back();
    }
    all_.push_back({text, error + 1, error, at, at});
  }
  void expire(event_time now) {
    std::erase_if(all_, [&](const auto& x) { return x.newest + *rules_.time_to_live <= now; });
  }
  std::vector<entry> ranked() const {
    auto out = all_;
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      if (a.value != b.value)
        return a.value > b.value;
      return a.reached != b.reached ? a.reached < b.reached : a.text < b.text;
    });
    return out;
  }

private:
  table_rules rules_;
  std::vector<entry> all_;
};

void expire(const table_rules& rules, candidate_table& table, event_time now) {
  fold_counts counts;
  while (table.next_end(rules) <= now)
    table.expire(rules, now, counts);
}

void check_equal(const table_rules& rules, const candidate_table& table, const naive_table& naive) {
  auto expected = naive.ranked();
  REQUIRE(table.size() == expected.size());
  REQUIRE(table.list_size() == std::min<size_t>(rules.k, expected.size()));
  for (size_t i = 0; i < table.list_size(); ++i) {
    REQUIRE(std::string_view{table.listed(i).text} == expected[i].text);
    REQUIRE(table.listed(i).value == expected[i].value);
    REQUIRE(table.listed(i).reached == expected[i].reached);
    REQUIRE(table.error(i) == expected[i].error);
  }
}

std::string some_text(std::mt19937& random, size_t among) {
  auto number = std::min(random() % among, random() % among);
  return (number % 3 == 0 ? "a text that is kept outside " : "") + std::to_string(number);
}

} // namespace

TEST_CASE("candidate_table differential: as many candidates as a list of all says") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(60); ++i) {
    table_rules rules;
    rules.k = 1 + static_cast<uint32_t>(random() % 30);
    rules.max_candidates = rules.k + 1 + static_cast<uint32_t>(random() % 200);
    rules.time_to_live = 1s * (50 + random() % 500);
    auto among = 1 + random() % 400;
    INFO("stream " << i);
    candidate_table table;
    naive_table naive{rules};
    fold_counts counts;
    auto at = start;
    for (int row = 0; row < 600; ++row) {
      at += 1s * static_cast<int64_t>(random() % 4);
      expire(rules, table, at);
      naive.expire(at);
      auto text = some_text(random, among);
      table.add(rules, {text, at}, counts);
      naive.add(text, at);
      if (row % 20 == 0)
        check_equal(rules, table, naive);
      if (random() % 100 == 0) {
        std::string bytes;
        byte_writer out{bytes};
        table.encode(rules, out);
        byte_reader in{bytes};
        auto read = candidate_table::decode(rules, in);
        REQUIRE(read);
        table = random() % 2 == 0 ? table.copy(rules) : std::move(*read);
      }
    }
    check_equal(rules, table, naive);
    expire(rules, table, at + 1000s);
    CHECK(table.size() == 0);
    CHECK(table.exact());
  }
}

TEST_CASE("candidate_table: a candidate found beside others takes 40 bytes and a tag") {
  table_rules rules;
  rules.k = 5;
  candidate_table table;
  fold_counts counts;
  for (int i = 0; i < 16; ++i)
    table.add(rules, {std::to_string(i), start + 1s * i}, counts);
  CHECK(table.memory() == 16 * (40 + 2) + 6 * 4);
}

TEST_CASE("short_text: texts of any length survive copies and moves") {
  for (size_t size : {0u, 1u, 15u, 16u, 255u, 300u}) {
    std::string text(size, 'x');
    short_text a{text};
    short_text b{a};
    CHECK(std::string_view{a} == text);
    CHECK(std::string_view{b} == text);
    CHECK(a.memory() == (size > 15 ? size : 0));
    short_text c{std::move(b)};
    short_text d{"another text, which is a long one"};
    d = std::move(c);
    CHECK(std::string_view{d} == text);
    d = short_text{"y"};
    CHECK(std::string_view{d} == "y");
    a = *&a;
    CHECK(std::string_view{a} == text);
  }
}
