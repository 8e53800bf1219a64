#include "features/pattern/automaton.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::patterns {

namespace {

using contiguity = pattern_element::contiguity;
using negation = pattern_element::negation;
using preference = pattern_element::preference;
using effect = guard::effect;

constexpr size_t most_steps = 1'000'000; // of all ways between positions

/// A node of the graph that the pattern is turned into first: Thompson's construction, with the
/// ways on in the order of preference.
struct node {
  enum class what : uint8_t { split, loop, enter, take, end };
  what kind;
  std::vector<uint32_t> next;          // of a split; one of an enter
  std::optional<contiguity> link = {}; // of an enter: overrides those on the way to it
  std::vector<guard> guards = {};      // of an enter
  uint32_t position = 0;               // of a take
};

class builder {
public:
  builder(const pattern_settings& settings, const std::vector<uint16_t>& until_numbers)
      : settings_(settings), until_numbers_(until_numbers) {
    collect_negated(settings.pattern);
  }

  tl::expected<automaton, pattern_error> make() {
    made_.positions.emplace_back();
    outs_.push_back(0);
    auto end = add({node::what::end, {}});
    auto first = element(settings_.pattern, end, {}, true);
    if (problem_.empty())
      outs_[0] = first;
    for (uint32_t i = 0; problem_.empty() && i < made_.positions.size(); ++i)
      connect(i);
    if (problem_.empty() && made_.positions.front().edges.empty())
      refuse("the pattern has no variable that takes a row");
    if (!problem_.empty())
      return tl::unexpected{pattern_error{pattern_error::place::pattern, 0, 0, problem_}};
    begin();
    return std::move(made_);
  }

private:
  /// Rows that must not come in a repetition because of a negation behind it.
  struct inner_negations {
    std::vector<guard> always;
    std::vector<guard> where_it_may_end;
  };

  void refuse(std::string message) {
    if (problem_.empty())
      problem_ = std::move(message);
  }
  uint32_t add(node x) {
    nodes_.push_back(std::move(x));
    return static_cast<uint32_t>(nodes_.size() - 1);
  }
  uint32_t enter(uint32_t next, std::optional<contiguity> link, std::vector<guard> guards) {
    if (!link && guards.empty())
      return next;
    return add({node::what::enter, {next}, link, std::move(guards)});
  }
  static uint16_t condition_of(const pattern_element& x) {
    return static_cast<uint16_t>(*x.variable);
  }
  std::optional<uint16_t> until_of(const pattern_element& x) const {
    if (!x.until)
      return std::nullopt;
    return until_numbers_[*x.until];
  }

  /// The element and what follows it, `next`. A group's first element has the link of the group.
  uint32_t element(const pattern_element& x, uint32_t next, const inner_negations& inner,
                   bool first) {
    if (made_.positions.size() > most_positions) {
      refuse(fmt::format("the pattern is too large: written out, its repetitions have more than {} "
                         "places; use smaller bounds",
                         most_positions));
      return next;
    }
    auto until = until_of(x);
    auto exit = enter(next, {}, greedy_guard(x));
    auto body = repetitions(x, exit, inner);
    std::vector<guard> blocked;
    if (until)
      blocked.push_back({effect::keeps_out, *until});
    auto begin = first ? enter(body, std::nullopt, std::move(blocked))
                       : enter(body, x.link, std::move(blocked));
    if (!x.optional)
      return begin;
    return split(x, begin, exit);
  }

  uint32_t split(const pattern_element& x, uint32_t into, uint32_t past) {
    auto shortest_first = x.prefer == preference::reluctant;
    return add({node::what::split, shortest_first ? std::vector<uint32_t>{past, into}
                                                  : std::vector<uint32_t>{into, past}});
  }

  /// A row that fits a possessive loop is never left to what follows it.
  std::vector<guard> greedy_guard(const pattern_element& x) const {
    auto loops = x.most != 1u && x.most != x.least;
    if (!settings_.possessive || x.prefer != preference::greedy || !loops || !x.variable)
      return {};
    return {{effect::ends, condition_of(x), until_of(x)}};
  }

  uint32_t repetitions(const pattern_element& x, uint32_t exit, const inner_negations& inner) {
    auto again = inner.always;
    if (x.until)
      again.push_back({effect::ends, *until_of(x)});
    auto again_or_end = again;
    again_or_end.insert(again_or_end.end(), inner.where_it_may_end.begin(),
                        inner.where_it_may_end.end());
    uint32_t body;
    auto left = x.least;
    if (!x.most) {
      auto loop = add({node::what::loop, {}});
      body = once(x, loop);
      auto back = enter(body, x.loop, again_or_end);
      nodes_[loop].next = x.prefer == preference::reluctant ? std::vector<uint32_t>{exit, back}
                                                            : std::vector<uint32_t>{back, exit};
    } else {
      body = once(x, exit);
      for (auto i = *x.most; i > x.least && problem_.empty(); --i)
        body = once(x, split(x, enter(body, x.loop, again_or_end), exit));
    }
    for (; left > 1 && problem_.empty(); --left)
      body = once(x, enter(body, x.loop, again));
    return body;
  }

  uint32_t once(const pattern_element& x, uint32_t next) {
    if (x.variable)
      return take(x, next);
    if (!x.alternatives)
      return sequence(x.parts, next);
    node choice{node::what::split, {}};
    for (const auto& part : x.parts)
      choice.next.push_back(element(part, next, {}, true));
    return add(std::move(choice));
  }

  uint32_t take(const pattern_element& x, uint32_t next) {
    node out{node::what::take, {}};
    out.position = static_cast<uint32_t>(made_.positions.size());
    auto& made = made_.positions.emplace_back();
    made.variable = static_cast<uint16_t>(*x.variable);
    outs_.push_back(next);
    return add(std::move(out));
  }

  uint32_t sequence(const std::vector<pattern_element>& parts, uint32_t next) {
    for (auto i = parts.size(); i-- > 0;) {
      const auto& x = parts[i];
      if (x.negated == negation::none) {
        next = element(x, next, negations_behind(parts, i), i == 0);
        continue;
      }
      if (i == 0) {
        refuse("a pattern or a group cannot begin with a negation: what would it come after?");
        return next;
      }
      auto what = x.negated == negation::next ? effect::ends_first : effect::ends;
      next = enter(next, {}, {{what, condition_of(x)}});
    }
    return next;
  }

  inner_negations negations_behind(const std::vector<pattern_element>& parts, size_t i) const {
    inner_negations out;
    if (!parts[i].variable)
      return out;
    while (++i < parts.size() && parts[i].negated != negation::none) {
      if (parts[i].negated == negation::followed_by)
        out.always.push_back({effect::ends, condition_of(parts[i])});
      else
        out.where_it_may_end.push_back({effect::ends_first, condition_of(parts[i])});
    }
    return out;
  }

  /// What was met on the way to a node.
  struct path {
    contiguity link = contiguity::strict;
    std::vector<guard> guards;
  };

  /// Finds the ways on from a position.
  void connect(uint32_t number) {
    std::vector<uint32_t> above;
    follow(number, outs_[number], {}, above);
    auto& x = made_.positions[number];
    if (x.edges.size() > most_edges)
      refuse(fmt::format("after one row the pattern can go on in more than {} ways: fewer optional "
                         "parts or alternatives in a row are needed",
                         most_edges));
    x.alive = x.edges.size() == 64 ? ~uint64_t{0} : (uint64_t{1} << x.edges.size()) - 1;
    for (size_t i = 0; i < x.edges.size() && i < most_edges; ++i)
      if (x.edges[i].target == end_of_pattern)
        (waits(x.edges[i]) ? x.silent_end : x.next_end) |= uint64_t{1} << i;
  }

  static bool waits(const edge& x) {
    return std::any_of(x.guards.begin(), x.guards.end(),
                       [](const auto& g) { return g.what == effect::ends; });
  }

  void follow(uint32_t from, uint32_t at, path so_far, std::vector<uint32_t>& above) {
    if (!problem_.empty())
      return;
    if (++steps_ > most_steps)
      refuse("the pattern can be read in too many ways: fewer alternatives that may be empty are "
             "needed");
    const auto& x = nodes_[at];
    // A repetition without a row is not repeated for ever.
    if (x.kind == node::what::loop && std::find(above.begin(), above.end(), at) != above.end())
      return;
    above.push_back(at);
    switch (x.kind) {
    case node::what::split:
    case node::what::loop:
      for (auto next : x.next)
        follow(from, next, so_far, above);
      break;
    case node::what::enter:
      so_far.link = x.link.value_or(so_far.link);
      so_far.guards.insert(so_far.guards.end(), x.guards.begin(), x.guards.end());
      follow(from, x.next.front(), std::move(so_far), above);
      break;
    case node::what::take:
      add_edge(from, {static_cast<uint16_t>(x.position), so_far.link, std::move(so_far.guards)});
      break;
    case node::what::end:
      reach_end(from, std::move(so_far));
      break;
    }
    above.pop_back();
  }

  void add_edge(uint32_t from, edge x) {
    auto& edges = made_.positions[from].edges;
    if (std::find(edges.begin(), edges.end(), x) == edges.end())
      edges.push_back(std::move(x));
    if (edges.size() > most_edges)
      refuse("after one row the pattern can go on in more than 64 ways: fewer optional parts or "
             "alternatives in a row are needed");
  }

  void reach_end(uint32_t from, path so_far) {
    if (from == 0)
      return; // a match has a row
    auto& x = made_.positions[from];
    if (has_negation(so_far)) {
      if (waits({0, {}, so_far.guards}) && !settings_.within)
        refuse("a pattern can end with `not_followed_by` only together with `within`, which says "
               "when it has not come");
      add_edge(from, {end_of_pattern, contiguity::any, std::move(so_far.guards)});
    } else if (!x.accepts) {
      x.accepts = true;
      x.preferred = (uint64_t{1} << x.edges.size()) - 1;
      if (x.edges.size() >= 64)
        x.preferred = ~uint64_t{0};
    }
  }

  /// A possessive loop at the very end keeps its rows from nobody.
  bool has_negation(const path& x) const {
    return std::any_of(x.guards.begin(), x.guards.end(), [&](const guard& g) {
      return std::find(negated_.begin(), negated_.end(), g.condition) != negated_.end();
    });
  }

  void begin() {
    for (const auto& x : made_.positions.front().edges)
      made_.start |= uint64_t{1} << made_.positions[x.target].variable;
    for (const auto& x : made_.positions)
      for (const auto& way : x.edges) {
        auto first = [](const guard& g) { return g.what == effect::ends_first; };
        made_.has_gaps = made_.has_gaps
                         || (&x != &made_.positions.front() && way.contiguity == contiguity::strict)
                         || std::any_of(way.guards.begin(), way.guards.end(), first);
      }
  }

  void collect_negated(const pattern_element& x) {
    if (x.negated != negation::none)
      negated_.push_back(condition_of(x));
    for (const auto& part : x.parts)
      collect_negated(part);
  }

  const pattern_settings& settings_;
  const std::vector<uint16_t>& until_numbers_;
  std::vector<uint16_t> negated_; // conditions
  size_t steps_ = 0;
  std::vector<node> nodes_;
  std::vector<uint32_t> outs_; // per position, the node behind it
  automaton made_;
  std::string problem_;
};

/// Whether the end can be reached from the beginning without a row of `variable`.
bool avoidable(const automaton& x, uint32_t variable) {
  std::vector<bool> seen(x.positions.size());
  std::vector<uint16_t> left = {0};
  while (!left.empty()) {
    const auto& at = x.positions[left.back()];
    left.pop_back();
    if (at.accepts || (at.silent_end | at.next_end) != 0)
      return true;
    for (const auto& way : at.edges)
      if (!seen[way.target] && x.positions[way.target].variable != variable) {
        seen[way.target] = true;
        left.push_back(way.target);
      }
  }
  return false;
}

} // namespace

tl::expected<automaton, pattern_error> make_automaton(const pattern_settings& settings,
                                                      const std::vector<uint16_t>& until_numbers) {
  return builder{settings, until_numbers}.make();
}

void note_heeded(automaton& x) noexcept {
  auto bit = [](size_t condition) { return uint64_t{1} << condition; };
  for (auto& at : x.positions) {
    at.restless = at.next_end != 0;
    for (const auto& way : at.edges) {
      at.restless |= way.contiguity == pattern_element::contiguity::strict;
      if (way.target != end_of_pattern)
        at.heeded |= bit(x.positions[way.target].variable);
      for (const auto& guard : way.guards)
        at.heeded |= bit(guard.condition);
    }
  }
}

skip_target skip_target_of(const automaton& x, uint32_t variable) {
  const auto& first = x.positions.front().edges;
  auto begins = std::any_of(first.begin(), first.end(), [&](const auto& way) {
    return x.positions[way.target].variable == variable;
  });
  return {!avoidable(x, variable), !begins};
}

} // namespace keyfold::patterns
