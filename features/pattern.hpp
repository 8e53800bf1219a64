#pragma once

#include "features/expression.hpp"
#include "features/view.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The view kind `pattern`: per key, rows in the order of their times are matched against a pattern
/// of variables, as by SQL's MATCH_RECOGNIZE and by complex event processing.
/// docs/views/pattern.md says what users see.
namespace keyfold {

/// A part of a pattern: a variable, which takes one row, or a group of parts; with what may stand
/// between it and the part before, and how often it is repeated.
struct pattern_element {
  /// Which rows may lie between two that follow one another in a match.
  enum class contiguity : uint8_t {
    strict,  ///< none
    relaxed, ///< those that do not fit
    any,     ///< whatever: a later row that fits too makes another match
  };
  enum class negation : uint8_t {
    none,
    next,        ///< the very next row must not fit
    followed_by, ///< no row up to the next one of the match may fit
  };
  /// Which of several possible lengths of a repetition comes first.
  enum class preference : uint8_t {
    longest,   ///< the longest, without keeping a row from what follows
    greedy,    ///< the longest; see `pattern_settings::possessive`
    reluctant, ///< the shortest
  };

  std::optional<uint32_t> variable;   ///< of `pattern_settings::variables`; without: a group
  std::vector<pattern_element> parts; ///< of a group
  bool alternatives = false; ///< the parts of the group are tried side by side, not in turn
  contiguity link = contiguity::strict; ///< to the part before; means nothing for the first
  negation negated = negation::none;    ///< of a variable
  uint32_t least = 1;                   ///< repetitions
  std::optional<uint32_t> most = 1;     ///< without: no end
  bool optional = false;                ///< may also be left out
  contiguity loop = contiguity::strict; ///< between the repetitions
  preference prefer = preference::longest;
  std::optional<uint32_t> until; ///< of `pattern_settings::conditions`: a row that ends the loop
};

/// The definition of a `pattern` view; plain data.
struct pattern_settings {
  /// What rows are matched with; where it has no condition, every row fits.
  struct variable {
    std::string name;
    std::optional<uint32_t> condition; ///< of `conditions`
  };
  struct measure {
    std::string name;
    std::string text; ///< over the rows of a match, e.g. `LAST(A.price)`
  };
  /// Where to look on after a match.
  enum class skip : uint8_t {
    none,      ///< every match there is
    to_next,   ///< no other match begins with the same row
    past_last, ///< the next match begins behind the last row of this one
    to_first,  ///< … or not before the first row of a variable
    to_last,   ///< … or its last one
  };

  std::string name;
  std::string stream;
  scope columns; ///< of the stream's rows
  std::vector<variable> variables;
  std::vector<std::string> conditions; ///< expressions over the row and those matched before
  pattern_element pattern;
  std::vector<measure> measures;
  std::optional<expression> where; ///< rows for which it does not hold are not for this view
  std::string where_text;
  std::optional<duration> within;
  bool within_inclusive = false; ///< a match may last just as long as `within`
  skip after = skip::none;
  uint32_t skip_to = 0; ///< the variable of `to_first` and `to_last`
  /// A skip to a variable without a row, or to the row that the match began with, skips nothing;
  /// else such a pattern is refused.
  bool lenient_skip = false;
  /// As in Flink: a row that fits a greedy loop is never left to what follows the loop, and matches
  /// are decided as soon as they are complete. Else as in standard SQL: of the matches that begin
  /// with a row, the preferred one is found, however late that is known.
  bool possessive = false;
  std::optional<duration> time_to_live; ///< of a key, from its newest row
  uint32_t max_partial_matches = 1000;  ///< per key
  uint32_t max_waiting_rows = 100'000;  ///< per key, for the watermark
  uint32_t max_matched_rows = 100'000;  ///< per key, in partial matches; shared ones count once
};

/// What is wrong with a pattern, and where.
struct pattern_error {
  enum class place : uint8_t { pattern, condition, measure };
  place where = place::pattern;
  uint32_t number = 0; ///< of the condition or measure
  size_t offset = 0;   ///< in its text
  std::string message; ///< with the remedy
};

/// A view, and the columns of the stream that it reads: ascending, each once.
struct made_pattern {
  std::shared_ptr<const keyfold::view> view;
  std::vector<uint32_t> columns;
};

/// Compiles a pattern.
tl::expected<made_pattern, pattern_error> make_pattern(pattern_settings settings);

/// A pattern as MATCH_RECOGNIZE writes it, e.g. `A B+? (C | D){2,3}`, with the variables in the
/// order of their first appearance; all contiguity is `between`. An error's offset is in `text`.
struct pattern_text {
  pattern_element pattern;
  std::vector<std::string> variables;
};
tl::expected<pattern_text, expression_error> parse_pattern(std::string_view text,
                                                           pattern_element::contiguity between);

} // namespace keyfold
