#include "features/top_k.hpp"
#include "view_harness.hpp"

#include <set>

using namespace keyfold;
using namespace keyfold::view_test;
using ranking::measure;

namespace {

const scope columns{{"query", type(type_kind::string)},
                    {"weight", type(type_kind::float64)},
                    {"who", type(type_kind::string)}};

const std::vector<std::string_view> words{
    "linen", "wool", "silk|raw", "a rather long query", "\\", "x", "y", "z", "cotton"};
const std::vector<std::string_view> people{"ann", "bob", "cay", "dan", "eve", "fay"};

top_k_settings settings_by(measure by, uint32_t k = 3) {
  top_k_settings out;
  out.name = "queries";
  out.stream = "events";
  out.feature = "top";
  out.candidate = {{"query", type(type_kind::string)}};
  out.candidate_columns = {0};
  out.rules.by = by;
  out.rules.k = k;
  out.rules.rate = {60s, false};
  if (by == measure::sum || by == measure::max)
    out.measured = compiled("weight", columns);
  if (by == measure::distinct)
    out.measured = compiled("who", columns);
  return out;
}

key key_of(const top_k_settings& settings) {
  return {made(settings, make_top_k), {columns}};
}

arrival row(duration after, std::string_view query, double weight = 1,
            std::string_view who = "ann") {
  return {0, start + after, {cell::string(query), cell::real(weight), cell::string(who)}};
}

std::vector<arrival> some_rows(std::mt19937& random, size_t count, int64_t seconds,
                               size_t candidates = words.size()) {
  std::vector<arrival> out;
  for (size_t i = 0; i < count; ++i) {
    auto word = std::min(random() % candidates, random() % candidates);
    out.push_back(row(1s * (static_cast<int64_t>(random()) % seconds), words[word],
                      static_cast<double>(random() % 7) - 1, people[random() % people.size()]));
  }
  return out;
}

/// A candidate recomputed from all of its rows.
struct recomputed {
  std::string_view text;
  double value = 0;
  event_time reached = beginning_of_time;
  event_time newest = beginning_of_time;
};

double decayed(const std::vector<const arrival*>& rows, event_time at) {
  double sum = 0;
  for (const auto* x : rows)
    sum += std::exp(-std::chrono::duration<double>(at - x->at).count() / 60);
  return sum;
}

recomputed recompute(const top_k_settings& by, std::vector<const arrival*> rows, event_time at) {
  recomputed out{rows[0]->cells[0].as_text(), 0, beginning_of_time, beginning_of_time};
  std::set<std::string_view> who;
  auto first = true;
  for (const auto* x : rows) {
    auto before = out.value;
    auto weight = x->cells[1].as_real();
    switch (by.rules.by) {
    case measure::count:
      out.value += 1;
      break;
    case measure::sum:
      out.value += weight;
      break;
    case measure::max:
      out.value = first ? weight : std::max(out.value, weight);
      break;
    case measure::distinct:
      who.insert(x->cells[2].as_text());
      out.value = static_cast<double>(who.size());
      break;
    case measure::decayed_count:
      out.reached = x->at;
      break;
    }
    if (first || out.value != before)
      out.reached = x->at;
    out.newest = x->at;
    first = false;
  }
  if (by.rules.by == measure::decayed_count)
    out.value = decayed(rows, at);
  return out;
}

/// The list at a moment, from the rows up to it alone.
std::string list_at(const top_k_settings& by, const std::vector<arrival>& rows, event_time at) {
  std::map<std::string_view, std::vector<const arrival*>> of;
  for (const auto& x : rows) {
    if (x.at > at)
      continue;
    auto& mine = of[x.cells[0].as_text()];
    if (!mine.empty() && by.rules.time_to_live && x.at - mine.back()->at >= *by.rules.time_to_live)
      mine.clear();
    mine.push_back(&x);
  }
  std::vector<recomputed> all;
  for (const auto& [text, mine] : of)
    if (!by.rules.time_to_live || mine.back()->at + *by.rules.time_to_live > at)
      all.push_back(recompute(by, mine, at));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    if (a.value != b.value)
      return a.value > b.value;
    return a.reached != b.reached ? a.reached < b.reached : a.text < b.text;
  });
  all.resize(std::min<size_t>(all.size(), by.rules.k));
  std::vector<cell> cells;
  for (const auto& x : all)
    cells.push_back(cell::string(x.text));
  return all.empty() ? "" : show(cell::list(cells));
}

/// Every change of the list, looked for at every moment at which something happens.
std::vector<std::string> expected_log(const top_k_settings& by, std::vector<arrival> rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  std::set<event_time> moments;
  for (const auto& x : rows) {
    moments.insert(x.at);
    if (by.rules.time_to_live && x.at + *by.rules.time_to_live <= rows.back().at)
      moments.insert(x.at + *by.rules.time_to_live);
  }
  std::vector<std::string> log;
  std::string before;
  for (auto at : moments) {
    auto list = list_at(by, rows, at);
    if (list != before)
      log.push_back(list.empty() ? "-@" + show(at) : "+|" + list + "@" + show(at));
    before = list;
  }
  return log;
}

} // namespace

TEST_CASE("top_k: the list is in the order of counts, with their scores") {
  auto x = key_of(settings_by(measure::count));
  x.fold({row(1s, "wool"), row(2s, "linen"), row(3s, "linen"), row(4s, "silk"), row(5s, "silk"),
          row(6s, "silk"), row(7s, "x")});
  CHECK(x.text("top") == "[silk linen wool]");
  CHECK(x.text("top_scores") == "[3 2 1]");
  CHECK(x.text("top_errors") == "[0 0 0]");
  CHECK(x.text("top_exact") == "true");
  arena memory;
  CHECK(x.read("top", start, memory).at == start + 7s);
  CHECK(x.read_all(start).size() == 4);
}

TEST_CASE("top_k: of equal values, the one that was reached first ranks higher") {
  auto x = key_of(settings_by(measure::count));
  x.fold({row(5s, "wool"), row(1s, "wool"), row(3s, "linen"), row(4s, "linen"), row(9s, "b"),
          row(9s, "a")});
  CHECK(x.text("top") == "[linen wool a]"); // b and a at the very same time: by their text
}

TEST_CASE("top_k: the list is published when the watermark has passed, only when it changes") {
  auto x = key_of(settings_by(measure::count, 2));
  published out;
  x.changes = &out;
  x.fold({row(3s, "wool"), row(1s, "linen")});
  CHECK(out.log.empty());
  CHECK(x.wake_at == start + 1s);
  x.advance(start + 1s);
  CHECK(out.log == std::vector<std::string>{"+|[linen]@1000000"});
  CHECK(x.text("top") == "[linen wool]"); // a reader sees all that has come
  x.fold({row(4s, "linen"), row(5s, "linen")});
  x.advance(start + 10s);
  CHECK(out.log.size() == 2);
  CHECK(out.table.at("") == "[linen wool]");
  CHECK(x.counts.rows == 4);
}

TEST_CASE("top_k: scores are published beside the list where they are asked for") {
  auto settings = settings_by(measure::sum);
  settings.with_scores = true;
  auto x = key_of(settings);
  published out;
  x.fold({row(1s, "a", 2.5), row(2s, "b", 3)});
  x.collect(out);
  CHECK(out.log.empty());
  x.advance(start + 2s);
  x.collect(out);
  CHECK(out.log == std::vector<std::string>{"+|[b a],[3 2.5]@2000000"});
  x.collect(out);
  CHECK(out.log.size() == 1);
}

TEST_CASE("top_k: rows without a candidate or a number are skipped, others filtered") {
  auto settings = settings_by(measure::sum);
  settings.where = compiled("who <> 'bob'", columns);
  auto x = key_of(settings);
  arrival nobody{0, start, {cell{}, cell::real(1), cell::string("ann")}};
  arrival nothing{0, start, {cell::string("a"), cell{}, cell::string("ann")}};
  arrival infinite{0, start, {cell::string("a"), cell::real(INFINITY), cell::string("ann")}};
  x.fold({nobody, nothing, infinite, row(1s, "a", 1, "bob")});
  CHECK(x.counts.skipped == 3);
  CHECK(x.counts.rows == 0);
  CHECK(x.empty());
  CHECK(x.status("top") == feature_status::not_found);
}

TEST_CASE("top_k: late rows are folded or dropped, and counted") {
  auto settings = settings_by(measure::count);
  for (auto policy : {top_k_settings::late_rows::fold, top_k_settings::late_rows::drop}) {
    settings.late = policy;
    auto x = key_of(settings);
    x.fold({row(5s, "a")});
    x.advance(start + 5s);
    x.fold({row(4s, "b"), row(4s, "b")});
    auto folded = policy == top_k_settings::late_rows::fold;
    CHECK(x.text("top") == (folded ? "[b a]" : "[a]"));
    CHECK(x.counts.late == 2);
    CHECK(x.counts.late_dropped == (folded ? 0 : 2));
  }
}

TEST_CASE("top_k: a candidate ends when nothing follows for the time to live") {
  auto settings = settings_by(measure::count);
  settings.rules.time_to_live = 10s;
  auto x = key_of(settings);
  published every;
  published last;
  x.changes = &every;
  x.fold({row(0s, "a"), row(1s, "a"), row(5s, "b")});
  x.advance(start + 6s);
  x.collect(last);
  CHECK(x.wake_at <= start + 11s);
  CHECK(x.text("top", start + 11s) == "[b]");
  CHECK(x.status("top", start + 15s) == feature_status::outside_max_age);
  x.advance(start + 20s);
  CHECK(every.log.back() == "-@15000000");
  CHECK(x.counts.expired == 2);
  CHECK_FALSE(x.empty()); // the end has still to be told
  x.collect(last);
  CHECK(last.table.empty());
  CHECK(x.empty());
}

TEST_CASE("top_k: the end of a bounded stream ends no candidate") {
  auto settings = settings_by(measure::count);
  settings.rules.time_to_live = 10s;
  auto x = key_of(settings);
  x.fold({row(0s, "a"), row(15s, "b")});
  x.advance(end_of_time);
  CHECK(x.text("top", end_of_time) == "[b]");
}

TEST_CASE("top_k: candidates of several columns, and of other types than text") {
  auto settings = settings_by(measure::count);
  settings.candidate = {{"query", type(type_kind::string)}, {"who", type(type_kind::string)}};
  settings.candidate_columns = {0, 2};
  auto x = key_of(settings);
  x.fold({row(1s, "a|b", 1, "ann"), row(2s, "a", 1, "ann"), row(3s, "a", 1, "ann")});
  arena memory;
  auto list = x.read("top", start, memory).value;
  REQUIRE(list.items().size() == 2);
  CHECK(list.items()[0].as_text() == "a|ann");
  CHECK(list.items()[1].as_text() == "a\\|b|ann");

  settings = settings_by(measure::count);
  settings.candidate = {{"weight", type(type_kind::float64)}};
  settings.candidate_columns = {1};
  auto view = made(settings, make_top_k);
  CHECK(to_string(view->features()[0].type) == "list<double>");
  key y{view, {columns}};
  y.fold({row(1s, "a", 2.5), row(2s, "a", 2.5), row(3s, "a", -1)});
  list = y.read("top", start, memory).value;
  REQUIRE(list.items().size() == 2);
  CHECK(list.items()[0].as_real() == 2.5);
}

TEST_CASE("top_k: bounds on waiting rows, texts and candidates are kept, and counted") {
  auto settings = settings_by(measure::count, 1);
  settings.max_pending_rows = 2;
  settings.max_candidate_bytes = 5;
  settings.rules.max_candidates = 2;
  auto x = key_of(settings);
  x.fold({row(1s, "too long"), row(2s, "a"), row(3s, "a")});
  CHECK(x.counts.bound_reached == 1);
  x.fold({row(4s, "b")});
  CHECK(x.counts.bound_reached == 2); // the oldest waits no longer
  CHECK(x.text("top_exact") == "true");
  x.fold({row(5s, "c")});
  x.advance(start + 5s);
  CHECK(x.text("top_exact") == "false");
  x.fold({row(6s, "c"), row(7s, "c")});
  x.advance(start + 7s);
  CHECK(x.text("top") == "[c]");
  CHECK(x.text("top_scores") == "[4]"); // c was counted 3 times, and took the place of b
  CHECK(x.text("top_errors") == "[1]");
}

TEST_CASE("top_k: settings that make no sense are refused with the remedy") {
  auto refused = [](auto change) {
    auto settings = settings_by(measure::sum);
    change(settings);
    auto out = make_top_k(settings);
    REQUIRE_FALSE(out);
    return out.error().message;
  };
  CHECK(refused([](auto& x) { x.rules.max_candidates = 3; })
        == "view `queries`: max_candidates (3) must be more than k (3): raise it");
  CHECK(refused([](auto& x) { x.measured = compiled("who", columns); })
        == "view `queries`: its expression is a string, and a number is needed");
  CHECK(refused([](auto& x) { x.measured.reset(); }).find("add `expression`") != std::string::npos);
  CHECK(refused([](auto& x) { x.rules.k = 0; }).find("k is 0") != std::string::npos);
  CHECK(refused([](auto& x) { x.candidate.clear(); }).find("no candidates") != std::string::npos);
  CHECK(refused([](auto& x) { x.where = compiled("who", columns); }).find("no condition")
        != std::string::npos);
  CHECK(refused([](auto& x) { x.rules.time_to_live = 0s; }).find("ttl") != std::string::npos);
}

TEST_CASE("top_k differential: every change is the one that a recomputation gives") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(1500); ++i) {
    auto by = static_cast<measure>(random() % 5);
    auto settings = settings_by(by, 1 + static_cast<uint32_t>(random() % 4));
    if (random() % 2 == 0)
      settings.rules.time_to_live = 1s * (1 + random() % 12);
    auto rows = some_rows(random, random() % 60, 60);
    INFO("stream " << i << " by " << static_cast<int>(by));
    auto x = key_of(settings);
    published every;
    x.changes = &every;
    run(x, rows, 1s * (random() % 10), random);
    REQUIRE(every.log == expected_log(settings, rows));
    if (!rows.empty())
      CHECK(x.text("top_exact") == "true");
  }
}

TEST_CASE("top_k differential: beyond the bound, too, the order of arrival does not matter") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(1500); ++i) {
    auto by = static_cast<measure>(random() % 5);
    auto settings = settings_by(by, 1 + static_cast<uint32_t>(random() % 2));
    settings.rules.max_candidates = settings.rules.k + 1 + static_cast<uint32_t>(random() % 3);
    if (random() % 3 == 0)
      settings.rules.time_to_live = 1s * (5 + random() % 12);
    auto rows = some_rows(random, 20 + random() % 60, 60);
    INFO("stream " << i << " by " << static_cast<int>(by));
    auto x = key_of(settings);
    published of_x;
    x.changes = &of_x;
    run(x, rows, 8s, random);
    auto y = key_of(settings);
    published of_y;
    y.changes = &of_y;
    run(y, rows, 0s, random);
    REQUIRE(of_x.log == of_y.log);
    REQUIRE(x.read_all(start) == y.read_all(start));
    // The best by maximum are the best whatever was left out.
    if (by == measure::max && !settings.rules.time_to_live)
      REQUIRE(of_x.log == expected_log(settings, rows));
  }
}

TEST_CASE("top_k property: a score is too high by at most its error, and never too low") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  ranking::table_rules rules;
  rules.k = 10;
  rules.max_candidates = 20;
  ranking::candidate_table table;
  fold_counts counts;
  std::map<std::string, double> truth;
  for (int i = 0; i < 20'000; ++i) {
    auto word =
        std::to_string(static_cast<int>(std::exp(static_cast<double>(random() % 700) / 100)));
    truth[word] += 1;
    table.add(rules, {word, start + 1s * i}, counts);
  }
  CHECK(table.size() == 20);
  CHECK_FALSE(table.exact());
  auto before = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < table.list_size(); ++i) {
    const auto& x = table.listed(i);
    CHECK(x.value <= before);
    before = x.value;
    auto counted = truth[std::string{x.text}];
    CHECK(x.value >= counted);
    CHECK(x.value - table.error(i) <= counted);
  }
}

TEST_CASE("top_k codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (auto by : {measure::count, measure::sum, measure::decayed_count, measure::distinct}) {
    auto settings = settings_by(by);
    settings.rules.time_to_live = 30s;
    auto x = key_of(settings);
    x.fold(some_rows(random, 25, 40));
    x.advance(start + 20s);
    check_bytes(x, random, [&] {
      auto y = key_of(settings);
      anybody out;
      REQUIRE(y.decode(x.encode()));
      y.changes = &out;
      y.fold(some_rows(random, 5, 40));
      y.read_all(start + 20s);
      y.advance(start + 60s);
      y.advance(end_of_time);
    });
  }
}
