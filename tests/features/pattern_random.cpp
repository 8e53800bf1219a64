#include "pattern_oracles.hpp"

namespace keyfold::pattern_test {

namespace {

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

void add_measures(pattern_settings& to) {
  to.measures = {{"size", "COUNT(*)"}, {"first", "FIRST(id)"}};
  for (const auto& x : to.variables) {
    to.measures.push_back({x.name + "_rows", "COUNT(" + x.name + ".*)"});
    to.measures.push_back({x.name + "_ids", "SUM(" + x.name + ".id * " + x.name + ".id)"});
  }
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

} // namespace

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

} // namespace keyfold::pattern_test
