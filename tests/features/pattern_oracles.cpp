#include "pattern_oracles.hpp"

namespace keyfold::pattern_test {

namespace {

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

} // namespace

std::vector<std::string> backtracked(const known_pattern& of, const std::vector<row>& rows) {
  return backtracking(of, rows).all();
}

std::vector<std::string> enumerated(const known_pattern& of, const std::vector<row>& rows) {
  return enumeration(of, rows).all();
}

} // namespace keyfold::pattern_test
