#include "pattern_support.hpp"

namespace keyfold::pattern_test {

namespace {

using lines = std::vector<std::string>;

/// What the pattern emits of the rows, after the end of the stream.
lines emitted(const pattern_settings& settings, const std::vector<arrival>& rows) {
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  x.fold(rows);
  x.advance(end_of_time);
  return out.emitted;
}

std::string problem_of(const pattern_settings& settings) {
  auto made = make_pattern(settings);
  return made ? "" : made.error().message;
}

std::vector<arrival> journey(duration from, int64_t id, int64_t item) {
  return {event(from, id, "search"), event(from + 1s, id + 1, "view", item),
          event(from + 2s, id + 2, "cart", item), event(from + 3s, id + 3, "buy", item)};
}

} // namespace

TEST_CASE("pattern: rows in a row are a match, emitted at the time of the last one") {
  CHECK(emitted(conversions(), journey(0s, 1, 5)) == lines{"1,5@3000000"});
}

TEST_CASE("pattern: a row between, another item or too long a time is none") {
  auto between = journey(0s, 1, 5);
  between.push_back(event(1500ms, 9, "search"));
  CHECK(emitted(conversions(), between).empty());
  auto other = journey(0s, 1, 5);
  other[2] = event(2s, 3, "cart", 6);
  CHECK(emitted(conversions(), other).empty());
  auto slow = journey(0s, 1, 5);
  slow[3] = event(10min, 4, "buy", 5);
  CHECK(emitted(conversions(), slow).empty());
  slow[3] = event(10min - 1us, 4, "buy", 5);
  CHECK(emitted(conversions(), slow).size() == 1);
  slow[3] = event(10min, 4, "buy", 5);
  auto inclusive = conversions();
  inclusive.within_inclusive = true;
  CHECK(emitted(inclusive, slow).size() == 1);
}

TEST_CASE("pattern: rows wait for the watermark, and come in the order of their times") {
  auto x = key_of(conversions());
  published out;
  x.emissions = &out;
  auto rows = journey(0s, 1, 5);
  x.fold({rows[3], rows[1]});
  x.fold({rows[2], rows[0]});
  CHECK(x.wake_at == start);
  x.advance(start + 2s);
  CHECK(out.emitted.empty());
  CHECK(x.text("partial_matches_C", start + 2s) == "1");
  CHECK(x.text("match_count", start + 2s) == "0");
  x.advance(start + 3s);
  CHECK(out.emitted.size() == 1);
  CHECK(x.text("partial_matches_C", start + 3s) == "0");
}

TEST_CASE("pattern: how far each running pattern has come is a feature, until `within` is over") {
  auto x = key_of(conversions());
  x.fold({event(0s, 1, "search"), event(1s, 2, "view", 5), event(2s, 3, "cart", 5)});
  x.fold({event(3s, 4, "search")});
  x.advance(start + 2s);
  CHECK(x.text("partial_matches_C", start + 2s) == "1");
  x.advance(start + 3s);
  CHECK(x.text("partial_matches_A", start + 4s) == "1");
  CHECK(x.text("partial_matches_C", start + 4s) == "0");
  CHECK(x.text("partial_matches_A", start + 3s + 10min) == "0");
  CHECK(x.status("last_match_query", start + 4s) == feature_status::not_found);
}

TEST_CASE("pattern: an idle key's partial matches end when `within` is over") {
  auto x = key_of(conversions());
  x.fold({event(0s, 1, "search")});
  x.advance(start + 1s);
  CHECK_FALSE(x.empty());
  CHECK(x.wake_at == start + 10min);
  x.advance(start + 10min);
  CHECK(x.counts.expired == 1);
  CHECK(x.empty());
}

TEST_CASE("pattern: late rows are counted and left out, rows of others are not its matter") {
  auto settings = conversions();
  settings.where = compiled("price < 100", event_scope());
  settings.where_text = "price < 100";
  auto x = key_of(settings);
  x.advance(start + 5s);
  x.fold({event(5s, 1, "search"), event(6s, 2, "search"), event(1s, 3, "search", 0, 100)});
  CHECK(x.counts.late == 1);
  CHECK(x.counts.late_dropped == 1);
  CHECK(x.counts.rows == 1);
}

TEST_CASE("pattern: matches are counted, and the last one is kept, as features and as changes") {
  auto x = key_of(conversions());
  published out;
  x.changes = &out;
  x.fold(journey(0s, 1, 5));
  x.fold(journey(10s, 11, 6));
  x.advance(start + 20s);
  auto features = x.read_all(start + 20s);
  CHECK(features.at("match_count") == "2");
  CHECK(features.at("last_match_query") == "11");
  CHECK(features.at("last_match_item") == "6");
  REQUIRE(out.log.size() == 2);
  CHECK(out.table.at("").substr(0, 2) == "2,");
}

TEST_CASE("pattern: changes of an epoch are collected once") {
  auto x = key_of(conversions());
  published out;
  x.fold(journey(0s, 1, 5));
  x.fold(journey(10s, 11, 6));
  x.advance(start + 20s);
  x.collect(out);
  x.collect(out);
  CHECK(out.log.size() == 1);
}

TEST_CASE("pattern: a key is forgotten when nothing has come for the time to live") {
  auto settings = conversions();
  settings.time_to_live = 1h;
  auto x = key_of(settings);
  published out;
  x.fold(journey(0s, 1, 5));
  x.advance(start + 3s);
  x.collect(out);
  CHECK(x.wake_at == start + 3s + 1h);
  CHECK(x.text("match_count", start + 1h) == "1");
  CHECK(x.status("match_count", start + 3s + 1h) == feature_status::not_found);
  x.advance(start + 3s + 1h);
  x.collect(out);
  CHECK(out.table.empty());
  CHECK(x.empty());
}

TEST_CASE(
    "pattern: standard matching finds the preferred match, possessive loops keep their rows") {
  auto settings = pattern_of("A+ B", {{"A", "price > 0"}, {"B", "price > 5"}});
  settings.after = skip::past_last;
  std::vector<arrival> rows = {event(0s, 1, "", 0, 1), event(1s, 2, "", 0, 9),
                               event(2s, 3, "", 0, 8), event(3s, 4, "", 0, 0)};
  CHECK(emitted(settings, rows) == lines{"3,1,3@3000000"});
  settings.possessive = true;
  CHECK(emitted(settings, rows).empty());
}

TEST_CASE("pattern: a match that only the end of the stream decides is emitted at the end") {
  auto settings = pattern_of("A B+", {{"A", "action = 'a'"}, {"B", "action = 'b'"}});
  settings.after = skip::past_last;
  CHECK(emitted(settings, {event(0s, 1, "a"), event(1s, 2, "b"), event(2s, 3, "b")})
        == lines{"3,1,3@2000000"});
}

TEST_CASE("pattern: a reluctant loop takes as little as it can") {
  auto settings =
      pattern_of("A B*? C", {{"A", "price > 10"}, {"B", "price < 15"}, {"C", "price > 12"}});
  settings.after = skip::past_last;
  std::vector<arrival> rows;
  for (int64_t i = 0; i < 6; ++i)
    rows.push_back(event(i * 1s, i, "", 0,
                         std::vector<int64_t>{10, 11, 12, 13, 14, 16}[static_cast<size_t>(i)]));
  CHECK(emitted(settings, rows) == lines{"3,1,3@3000000", "2,4,5@5000000"});
}

TEST_CASE("pattern: alternatives, groups and permutations") {
  auto settings = pattern_of(
      "A (B | C){2} D",
      {{"A", "action = 'a'"}, {"B", "action = 'b'"}, {"C", "action = 'c'"}, {"D", "action = 'd'"}});
  auto of = [](std::string_view actions) {
    std::vector<arrival> out;
    for (size_t i = 0; i < actions.size(); ++i)
      out.push_back(event(1s * i, static_cast<int64_t>(i), actions.substr(i, 1)));
    return out;
  };
  CHECK(emitted(settings, of("acbd")).size() == 1);
  CHECK(emitted(settings, of("acd")).empty());
  auto permuted = pattern_of("PERMUTE(A, B, C)",
                             {{"A", "action = 'a'"}, {"B", "action = 'b'"}, {"C", "action = 'c'"}});
  for (const auto* actions : {"abc", "acb", "bac", "bca", "cab", "cba"})
    CHECK(emitted(permuted, of(actions)).size() == 1);
  CHECK(emitted(permuted, of("abb")).empty());
}

TEST_CASE("pattern: the partial matches of a key are bounded, the oldest give way") {
  auto settings =
      pattern_of("A B C", {{"B", "price > 0"}, {"C", "action = 'end'"}}, contiguity::relaxed);
  settings.max_partial_matches = 10;
  auto x = key_of(settings);
  published out;
  x.emissions = &out;
  for (int64_t i = 0; i < 1000; ++i)
    x.fold({event(i * 1s, i, "x")});
  x.fold({event(2000s, 1000, "x", 0, 1), event(2001s, 1001, "end")});
  x.advance(end_of_time);
  CHECK(x.counts.bound_reached >= 980);
  CHECK(out.emitted.size() <= 10);
  CHECK_FALSE(out.emitted.empty());
  CHECK(x.memory() < 20'000);
}

TEST_CASE("pattern: of a million rows that each begin a match a few stay, and are counted") {
  constexpr int64_t rows = 1'000'000;
  auto settings = pattern_of("A B", {{"B", "action = 'never'"}}, contiguity::relaxed);
  settings.max_partial_matches = 20;
  auto x = key_of(settings);
  std::vector<arrival> some;
  for (int64_t i = 0; i < rows; ++i) {
    some.push_back(event(i * 1ms, i, "x"));
    if (some.size() < settings.max_waiting_rows / 2 && i + 1 < rows)
      continue;
    x.fold(some);
    x.advance(some.back().at + 1ms);
    some.clear();
  }
  CHECK(x.counts.bound_reached >= uint64_t{rows} - 2 * settings.max_partial_matches);
  CHECK(x.memory() < size_t{1} << 20);
}

TEST_CASE("pattern: an exploding number of combinations stays within its bounds") {
  auto settings = pattern_of("A+ B", {{"B", "action = 'never'"}}, contiguity::any);
  settings.max_matched_rows = 500;
  auto x = key_of(settings);
  for (int64_t i = 0; i < 200; ++i)
    x.fold({event(i * 1s, i, "x")});
  x.advance(start + 1000s);
  CHECK(x.counts.bound_reached > 0);
  CHECK(x.memory() < 200'000);
}

TEST_CASE("pattern: rows that wait for the watermark are bounded") {
  auto settings = conversions();
  settings.max_waiting_rows = 3;
  auto x = key_of(settings);
  x.fold(journey(0s, 1, 5));
  CHECK(x.counts.bound_reached == 1);
}

TEST_CASE("pattern: a thousand partial matches do not copy their rows") {
  auto settings = pattern_of("A B", {{"B", "action = 'never'"}}, contiguity::any);
  auto x = key_of(settings);
  for (int64_t i = 0; i < 1000; ++i)
    x.fold({event(i * 1s, i, "x")});
  x.advance(start + 1000s);
  CHECK(x.memory() < size_t{1000} * 250);
  auto loops = pattern_of("A+ B", {{"B", "action = 'never'"}}, contiguity::relaxed);
  loops.max_partial_matches = 1000;
  auto y = key_of(loops);
  for (int64_t i = 0; i < 300; ++i)
    y.fold({event(i * 1s, i, "x", 0, 1)});
  y.advance(start + 1000s);
  CHECK(y.encode().size() < size_t{2} << 20);
}

TEST_CASE("pattern: malformed patterns are refused with the place and the remedy") {
  auto problem = [](std::string_view text) {
    auto parsed = parse_pattern(text, contiguity::strict);
    return parsed ? std::string{}
                  : std::to_string(parsed.error().offset) + ": " + parsed.error().message;
  };
  CHECK(problem("A B") == "");
  CHECK(problem("") == "0: a variable is missing at the end");
  CHECK(problem("A (B") == "4: `)` is missing at the end");
  CHECK(problem("A B)") == "3: `)` is not expected here: a variable, a quantifier or the end is");
  CHECK(problem("A{3,2}") == "2: the upper bound is below the lower one: swap them");
  CHECK(problem("A{0}") == "2: a part that is never there: leave it out");
  CHECK(problem("A{x}") == "2: a number from 0 to 1000 is expected instead of `x`");
  CHECK(problem("A+*")
        == "2: `*` follows another quantifier: put parentheses around what that is about");
  CHECK(problem("^A")
        == "0: a variable is expected instead of `^`: a stream has no first or last "
           "row to anchor to");
  CHECK(problem("PERMUTE(A,B,C,D,E,F)").find("too many orders") != std::string::npos);
  // Orders of orders grow beyond all memory.
  std::string nested = "A";
  for (int i = 0; i < 3; ++i)
    nested = "PERMUTE(" + nested + "," + nested + "," + nested + "," + nested + "," + nested + ")";
  CHECK(problem(nested).find("more than 2000 variables") != std::string::npos);
  CHECK(problem(std::string(200, '(')).find("nested more than 50 deep") != std::string::npos);
}

TEST_CASE("pattern: conditions and measures are refused with the place and the remedy") {
  auto with = [](std::string condition, std::string measure = "A.id") {
    auto settings = pattern_of("A B", {{"B", std::move(condition)}});
    settings.measures = {{"m", std::move(measure)}};
    auto made = make_pattern(settings);
    return made ? std::string{}
                : std::to_string(static_cast<int>(made.error().where)) + ":"
                      + std::to_string(made.error().offset) + ": " + made.error().message;
  };
  CHECK(with("A.price < price") == "");
  CHECK(with("A.prize < price") == "1:0: column `prize` is unknown: did you mean `price`");
  CHECK(with("C.price < price") == "1:0: `C` is no variable of the pattern");
  CHECK(with("SUM(A.action) > 1")
        == "1:0: a sum or an average needs numbers, and this is `string`");
  CHECK(with("price + 1") == "1:6: this is `int64`, and a condition must be `bool`");
  CHECK(with("SUM(A.price + B.price) > 1").find("of different variables") != std::string::npos);
  CHECK(with("SUM(MAX(A.price)) > 1").find("cannot stand inside") != std::string::npos);
  CHECK(with("LAST(A.price, 'x') > 1").find("a number from 0") != std::string::npos);
  CHECK(with("TRUE", "A.*").find("COUNT(A.*)") != std::string::npos);
  CHECK(with("TRUE", "NULL") == "2:0: this is always NULL: CAST it to a type");
}

TEST_CASE("pattern: a pattern that cannot be run is refused with the remedy") {
  auto settings = pattern_of("A B", {});
  settings.pattern.parts[1].negated = negation::followed_by;
  CHECK(problem_of(settings).find("only together with `within`") != std::string::npos);
  settings.within = 1s;
  CHECK(problem_of(settings).empty());
  std::swap(settings.pattern.parts[0], settings.pattern.parts[1]);
  CHECK(problem_of(settings).find("cannot begin with a negation") != std::string::npos);
  CHECK(problem_of(pattern_of("((A{1000}){1000})", {})).find("too large") != std::string::npos);
  auto target = pattern_of("A B?", {});
  target.after = skip::to_last;
  target.skip_to = 1;
  CHECK(problem_of(target).find("may have no row of `B`") != std::string::npos);
  target.skip_to = 0;
  CHECK(problem_of(target).find("may begin with `A`") != std::string::npos);
  target.lenient_skip = true;
  CHECK(problem_of(target).empty());
}

} // namespace keyfold::pattern_test
