#include "pattern_support.hpp"

#include <functional>
#include <optional>

namespace keyfold::pattern_test {

namespace {

/// A row as the oracles see it.
struct row {
  event_time at;
  int64_t id;
  char action;
  int64_t price;
};

/// Rows of a match with the variable of each.
struct taken {
  size_t row;
  uint32_t variable;
};
using match = std::vector<taken>;

/// A condition as SQL, and as the oracles know it: whether `at` fits as `variable` after `before`.
struct known_condition {
  std::string text;
  std::function<bool(const std::vector<row>&, const match& before, uint32_t variable, size_t at)>
      holds;
};

std::vector<known_condition> some_conditions() {
  auto action_is = [](char action) {
    return known_condition{std::string("action = '") + action + "'",
                           [action](const auto& rows, const match&, uint32_t, size_t at) {
                             return rows[at].action == action;
                           }};
  };
  return {
      action_is('a'),
      action_is('b'),
      action_is('c'),
      {"action IN ('a', 'b')",
       [](const auto& rows, const match&, uint32_t, size_t at) { return rows[at].action < 'c'; }},
      {"price > 4",
       [](const auto& rows, const match&, uint32_t, size_t at) { return rows[at].price > 4; }},
      {"price > A.price", // A's own: its row, never; of others: the last A
       [](const auto& rows, const match& before, uint32_t variable, size_t at) {
         std::optional<int64_t> last;
         for (const auto& x : before)
           if (x.variable == 0)
             last = rows[x.row].price;
         return variable != 0 && last && rows[at].price > *last;
       }},
      {"SUM(price) < 15",
       [](const auto& rows, const match& before, uint32_t, size_t at) {
         auto sum = rows[at].price;
         for (const auto& x : before)
           sum += rows[x.row].price;
         return sum < 15;
       }},
      {"action <> 'c' AND COUNT(A.*) < 3",
       [](const auto& rows, const match& before, uint32_t variable, size_t at) {
         auto count = variable == 0 ? 1 : 0;
         for (const auto& x : before)
           count += x.variable == 0 ? 1 : 0;
         return rows[at].action != 'c' && count < 3;
       }},
      {"FIRST(price) <= price",
       [](const auto& rows, const match& before, uint32_t, size_t at) {
         return before.empty() || rows[before.front().row].price <= rows[at].price;
       }},
  };
}

/// A pattern with conditions that the oracles know.
struct known_pattern {
  std::string text;
  pattern_settings settings;
  std::vector<std::optional<known_condition>> conditions; // of the variables

  bool fits(const std::vector<row>& rows, const match& before, uint32_t variable, size_t at) const {
    return !conditions[variable] || conditions[variable]->holds(rows, before, variable, at);
  }
  bool in_time(const std::vector<row>& rows, const match& before, size_t at) const {
    return before.empty() || !settings.within
           || rows[at].at - rows[before.front().row].at < *settings.within;
  }
};

/// What the measures say of a match: per variable how many rows, and which.
std::string show_match(const std::vector<row>& rows, const match& x, size_t variables) {
  auto out = std::to_string(x.size()) + "," + std::to_string(rows[x.front().row].id);
  for (uint32_t variable = 0; variable < variables; ++variable) {
    int64_t count = 0;
    int64_t squares = 0;
    for (const auto& each : x)
      if (each.variable == variable) {
        ++count;
        squares += rows[each.row].id * rows[each.row].id;
      }
    out += "," + std::to_string(count) + "," + (count == 0 ? "-" : std::to_string(squares));
  }
  return out;
}

void add_measures(pattern_settings& to) {
  to.measures = {{"size", "COUNT(*)"}, {"first", "FIRST(id)"}};
  for (const auto& x : to.variables) {
    to.measures.push_back({x.name + "_rows", "COUNT(" + x.name + ".*)"});
    to.measures.push_back({x.name + "_ids", "SUM(" + x.name + ".id * " + x.name + ".id)"});
  }
}

/// Standard SQL: of the matches that begin with a row the first one in the order of preference,
/// found by trying all.
class backtracking {
public:
  backtracking(const known_pattern& of, const std::vector<row>& rows) : of_(of), rows_(rows) {}

  std::vector<std::string> all() {
    std::vector<std::string> out;
    for (size_t begin = 0; begin < rows_.size();) {
      match_.clear();
      if (!sequence(of_.settings.pattern, 0, begin, [this](size_t) { return !match_.empty(); })) {
        ++begin;
        continue;
      }
      out.push_back(show_match(rows_, match_, of_.settings.variables.size()));
      begin = next_after(begin);
    }
    return out;
  }

private:
  using then = std::function<bool(size_t)>;

  size_t next_after(size_t begin) const {
    auto is_target = [&](const auto& x) { return x.variable == of_.settings.skip_to; };
    switch (of_.settings.after) {
    case skip::past_last:
      return match_.back().row + 1;
    case skip::to_first:
      return std::find_if(match_.begin(), match_.end(), is_target)->row;
    case skip::to_last:
      return std::find_if(match_.rbegin(), match_.rend(), is_target)->row;
    default:
      return begin + 1;
    }
  }

  bool sequence(const pattern_element& x, size_t part, size_t at, const then& next) {
    if (part == x.parts.size())
      return next(at);
    return quantified(x.parts[part], at,
                      [&, part](size_t end) { return sequence(x, part + 1, end, next); });
  }

  bool quantified(const pattern_element& x, size_t at, const then& next) {
    auto some = [&] { return repeated(x, 0, at, next); };
    if (!x.optional)
      return some();
    if (x.prefer == preference::reluctant)
      return next(at) || some();
    return some() || next(at);
  }

  bool repeated(const pattern_element& x, uint32_t count, size_t at, const then& next) {
    auto again = [&] {
      return once(x, at, [&, count](size_t end) {
        return (end > at || count < x.least) && repeated(x, count + 1, end, next);
      });
    };
    if (count < x.least)
      return again();
    auto full = x.most && count == *x.most;
    if (x.prefer == preference::reluctant)
      return next(at) || (!full && again());
    return (!full && again()) || next(at);
  }

  bool once(const pattern_element& x, size_t at, const then& next) {
    if (!x.variable && x.alternatives)
      return std::any_of(x.parts.begin(), x.parts.end(),
                         [&](const auto& part) { return quantified(part, at, next); });
    if (!x.variable)
      return sequence(x, 0, at, next);
    if (at == rows_.size() || !of_.in_time(rows_, match_, at)
        || !of_.fits(rows_, match_, *x.variable, at))
      return false;
    match_.push_back({at, *x.variable});
    if (next(at + 1))
      return true;
    match_.pop_back();
    return false;
  }

  const known_pattern& of_;
  const std::vector<row>& rows_;
  match match_;
};

/// Complex event processing without skips: every way to take rows that the links admit.
class enumeration {
public:
  enumeration(const known_pattern& of, const std::vector<row>& rows)
      : of_(of), stages_(of.settings.pattern.parts), rows_(rows) {}

  std::vector<std::string> all() {
    go_on(0, 0, {}, {});
    std::sort(out_.begin(), out_.end());
    return out_;
  }

private:
  /// After `match_`, with `count` rows of the stage `stage` taken.
  void go_on(size_t stage, uint32_t count, std::vector<size_t> never,
             std::vector<size_t> not_next) {
    if (stage == stages_.size())
      return finish(never, not_next);
    const auto& x = stages_[stage];
    if (x.negated != negation::none) {
      (x.negated == negation::next ? not_next : never).push_back(stage);
      return go_on(stage + 1, 0, never, not_next);
    }
    auto full = x.most && count == *x.most;
    if (!full)
      take(stage, count, never, not_next);
    if (count >= x.least || (count == 0 && x.optional))
      go_on(stage + 1, 0, std::move(never), std::move(not_next));
  }

  void take(size_t stage, uint32_t count, std::vector<size_t> never, std::vector<size_t> not_next) {
    const auto& x = stages_[stage];
    auto link = count == 0 ? x.link : x.loop;
    if (count > 0)
      negations_behind(stage, count >= x.least, never, not_next);
    auto first = match_.empty() ? 0 : match_.back().row + 1;
    for (auto at = first; at < rows_.size(); ++at) {
      // What comes before the first row is not a matter of the match.
      if (match_.empty() && fits_any(never, at))
        continue;
      if (!of_.in_time(rows_, match_, at) || fits_any(never, at)
          || (at == first && !match_.empty() && fits_any(not_next, at)))
        return;
      if (match_.empty() && fits_any(not_next, at))
        continue;
      auto fits = of_.fits(rows_, match_, *x.variable, at);
      if (fits) {
        match_.push_back({at, *x.variable});
        go_on(stage, count + 1, {}, {});
        match_.pop_back();
      }
      if (!match_.empty() && (link == contiguity::strict || (link == contiguity::relaxed && fits)))
        return;
    }
  }

  /// What must not come behind a loop must not come inside it either.
  void negations_behind(size_t stage, bool may_end, std::vector<size_t>& never,
                        std::vector<size_t>& not_next) const {
    while (++stage < stages_.size() && stages_[stage].negated != negation::none) {
      if (stages_[stage].negated == negation::followed_by)
        never.push_back(stage);
      else if (may_end)
        not_next.push_back(stage);
    }
  }

  bool fits_any(const std::vector<size_t>& stages, size_t at) const {
    return std::any_of(stages.begin(), stages.end(), [&](auto stage) {
      return of_.fits(rows_, match_, *stages_[stage].variable, at);
    });
  }

  void finish(const std::vector<size_t>& never, const std::vector<size_t>& not_next) {
    if (match_.empty())
      return;
    auto first = match_.back().row + 1;
    auto over = first < rows_.size() && !of_.in_time(rows_, match_, first);
    // Whether the next row comes, or `within` is over first.
    if (!not_next.empty()
        && (first == rows_.size() ? !of_.settings.within : !over && fits_any(not_next, first)))
      return;
    for (auto at = first; at < rows_.size() && of_.in_time(rows_, match_, at); ++at)
      if (fits_any(never, at))
        return;
    out_.push_back(show_match(rows_, match_, of_.settings.variables.size()));
  }

  const known_pattern& of_;
  const std::vector<pattern_element>& stages_;
  const std::vector<row>& rows_;
  match match_;
  std::vector<std::string> out_;
};

std::vector<row> some_rows(std::mt19937& random, size_t count) {
  std::vector<row> out;
  event_time at = start;
  for (size_t i = 0; i < count; ++i) {
    at += 1s * (1 + random() % 3);
    out.push_back({at, static_cast<int64_t>(i + 1), static_cast<char>('a' + random() % 4),
                   static_cast<int64_t>(random() % 9)});
  }
  return out;
}

std::vector<arrival> arrivals_of(const std::vector<row>& rows) {
  static const std::string actions = "abcd";
  std::vector<arrival> out;
  for (const auto& x : rows)
    out.push_back(event(x.at - start, x.id,
                        std::string_view{actions}.substr(static_cast<size_t>(x.action - 'a'), 1), 0,
                        x.price));
  return out;
}

std::string some_quantifier(std::mt19937& random) {
  static const std::vector<std::string> all = {"", "", "", "+", "*", "?", "{2}", "{1,3}", "{2,}"};
  auto out = all[random() % all.size()];
  if (!out.empty() && random() % 3 == 0)
    out += "?";
  return out;
}

/// Repetitions of what may be without a row are left out: how often nothing comes is a matter of
/// taste.
std::string some_text(std::mt19937& random, int depth, bool begins_with_a_row) {
  std::string out;
  if (begins_with_a_row)
    out += std::string(1, static_cast<char>('A' + random() % 4)) + " ";
  auto parts = 1 + random() % 3;
  for (size_t i = 0; i < parts; ++i) {
    if (depth > 0 && random() % 4 == 0)
      out += "(" + some_text(random, depth - 1, true)
             + (random() % 2 == 0 ? " | " + some_text(random, depth - 1, true) : "") + ")";
    else
      out += static_cast<char>('A' + random() % 4);
    out += some_quantifier(random) + " ";
  }
  return out;
}

void give_conditions(known_pattern& to, std::mt19937& random) {
  auto all = some_conditions();
  auto has_a = to.settings.variables.front().name == "A";
  for (auto& x : to.settings.variables) {
    auto known = all[random() % all.size()];
    if (random() % 6 == 0 || (!has_a && known.text.find("A.") != std::string::npos)) {
      to.conditions.emplace_back();
      continue;
    }
    x.condition = static_cast<uint32_t>(to.settings.conditions.size());
    to.settings.conditions.push_back(known.text);
    to.conditions.emplace_back(std::move(known));
    to.text += " " + x.name + ": " + to.settings.conditions.back();
  }
  if (random() % 2 == 0)
    to.settings.within = 1s * (1 + random() % 20);
  to.settings.max_partial_matches = 100'000;
  to.settings.max_matched_rows = 1'000'000;
  add_measures(to.settings);
}

known_pattern some_standard_pattern(std::mt19937& random) {
  known_pattern out;
  // A is the first variable: conditions look for it by its number.
  auto begin = random() % 2 == 0 ? std::string{"A "} : std::string{"A? "};
  auto pattern = begin + some_text(random, 2, false);
  out.text = pattern;
  out.settings = pattern_of(pattern, {});
  give_conditions(out, random);
  out.settings.after = random() % 2 == 0 ? skip::past_last : skip::to_next;
  if (begin == "A " && random() % 3 == 0) {
    auto parsed = pattern_of(pattern + "Z", {});
    parsed.conditions = out.settings.conditions;
    parsed.variables = out.settings.variables;
    parsed.variables.push_back({"Z", std::nullopt});
    parsed.within = out.settings.within;
    parsed.after = random() % 2 == 0 ? skip::to_first : skip::to_last;
    parsed.skip_to = static_cast<uint32_t>(parsed.variables.size() - 1);
    add_measures(parsed);
    out.settings = std::move(parsed);
    out.conditions.emplace_back();
    out.text += " Z";
  }
  return out;
}

known_pattern some_linked_pattern(std::mt19937& random) {
  known_pattern out;
  out.settings = pattern_of("A", {});
  out.settings.variables.clear();
  auto& stages = out.settings.pattern.parts;
  stages.clear();
  auto count = 2 + random() % 3;
  for (uint32_t i = 0; i < count; ++i) {
    auto& x = stages.emplace_back();
    x.variable = i;
    x.link = static_cast<contiguity>(random() % 3);
    x.loop = static_cast<contiguity>(random() % 3);
    if (i > 0 && random() % 4 == 0) {
      x.negated = random() % 2 == 0 ? negation::next : negation::followed_by;
    } else if (random() % 3 == 0) {
      x.least = static_cast<uint32_t>(1 + random() % 2);
      x.most = random() % 2 == 0 ? std::nullopt
                                 : std::optional{static_cast<uint32_t>(x.least + random() % 2)};
      x.optional = random() % 3 == 0;
    }
    out.settings.variables.push_back({std::string(1, static_cast<char>('A' + i)), std::nullopt});
    out.text += " " + std::to_string(static_cast<int>(x.link)) + "/"
                + std::to_string(static_cast<int>(x.negated)) + "{" + std::to_string(x.least) + ","
                + (x.most ? std::to_string(*x.most) : "") + "}" + (x.optional ? "?" : "")
                + std::to_string(static_cast<int>(x.loop));
  }
  give_conditions(out, random);
  if (!out.settings.within)
    out.settings.within = 1s * (1 + random() % 12);
  out.settings.possessive = true;
  return out;
}

/// What the view emits of the rows, arriving in some order; nothing where it had to give up some.
std::optional<std::vector<std::string>>
matched(const known_pattern& of, const std::vector<row>& rows, std::mt19937& random) {
  auto x = key_of(of.settings);
  published out;
  x.emissions = &out;
  run(x, arrivals_of(rows), 1s * (random() % 10), random);
  if (x.counts.bound_reached != 0)
    return std::nullopt;
  return rows_of(out);
}

} // namespace

TEST_CASE("pattern differential: standard matching is what trying all possibilities finds") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  size_t given_up = 0;
  for (size_t i = 0; i < stream_count(400); ++i) {
    auto pattern = some_standard_pattern(random);
    auto rows = some_rows(random, random() % 18);
    INFO("stream " << i << ": " << pattern.text);
    if (auto got = matched(pattern, rows, random))
      REQUIRE(*got == backtracking(pattern, rows).all());
    else
      ++given_up;
  }
  CHECK(given_up <= stream_count(400) / 100);
}

TEST_CASE("pattern differential: links and negations admit what enumerating all choices finds") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(400); ++i) {
    auto pattern = some_linked_pattern(random);
    auto rows = some_rows(random, random() % 12);
    INFO("stream " << i << ": " << pattern.text);
    auto got = matched(pattern, rows, random);
    REQUIRE(got);
    std::sort(got->begin(), got->end());
    REQUIRE(*got == enumeration(pattern, rows).all());
  }
}

TEST_CASE("pattern property: the order of arrival changes nothing, times of emission included") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (size_t i = 0; i < stream_count(100); ++i) {
    auto pattern = random() % 2 == 0 ? some_standard_pattern(random) : some_linked_pattern(random);
    INFO("stream " << i << ": " << pattern.text);
    auto rows = arrivals_of(some_rows(random, 15));
    auto x = key_of(pattern.settings);
    auto y = key_of(pattern.settings);
    published of_x;
    published of_y;
    x.emissions = &of_x;
    y.emissions = &of_y;
    run(x, rows, 10s, random);
    run(y, rows, 0s, random);
    REQUIRE(of_x.emitted == of_y.emitted);
  }
}

TEST_CASE("pattern codec: cut bytes are refused, garbled ones refused or harmless") {
  auto seed = seed_of_run();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto settings = pattern_of("A+ (B | C)* D",
                             {{"A", "price > 1"},
                              {"B", "price > A.price AND SUM(B.price) < 50"},
                              {"D", "action = 'never'"}},
                             contiguity::relaxed);
  settings.measures = {{"what", "FIRST(A.action)"}, {"most", "MAX(B.price)"}};
  settings.within = 1h;
  settings.time_to_live = 2h;
  auto x = key_of(settings);
  x.fold(arrivals_of(some_rows(random, 12)));
  x.advance(start + 12s);
  check_bytes(x, random, [&] {
    auto y = key_of(settings);
    anybody out;
    REQUIRE(y.decode(x.encode()));
    y.emissions = &out;
    y.changes = &out;
    y.fold(arrivals_of(some_rows(random, 5)));
    y.read_all(start);
    y.advance(start + 100s);
    y.collect(out);
    y.advance(end_of_time);
  });
}

} // namespace keyfold::pattern_test
