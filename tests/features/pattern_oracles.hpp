#pragma once

#include "pattern_support.hpp"

#include <functional>
#include <optional>
#include <random>

/// Patterns whose matches are known otherwise: by trying all possibilities.
namespace keyfold::pattern_test {

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

/// The matches of a pattern with skips, as standard SQL has them: what the measures say of each.
std::vector<std::string> backtracked(const known_pattern& of, const std::vector<row>& rows);
/// The matches of a pattern without skips: every way to take rows that the links admit; sorted.
std::vector<std::string> enumerated(const known_pattern& of, const std::vector<row>& rows);

/// Rows a few seconds apart.
std::vector<row> some_rows(std::mt19937& random, size_t count);
std::vector<arrival> arrivals_of(const std::vector<row>& rows);
/// With skips, quantifiers, groups and alternatives.
known_pattern some_standard_pattern(std::mt19937& random);
/// With links, negations and loops, and without skips.
known_pattern some_linked_pattern(std::mt19937& random);

} // namespace keyfold::pattern_test
