#include "config/views/pattern.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"
#include "config/views/pattern_stages.hpp"
#include "config/views/view_parts.hpp"
#include "features/pattern.hpp"

#include <algorithm>
#include <array>

namespace keyfold::config {

namespace {

using skip = pattern_settings::skip;

/// Words in upper case with one blank between, `_` counting as a blank: `skip_to_first A` is
/// `SKIP TO FIRST A`. The last word, where it is a variable, as written.
struct skip_words {
  std::string strategy;
  std::string variable;
};

skip_words words_of(std::string_view text) {
  std::string upper;
  for (auto c : text)
    upper += c == '_' || c == '\t' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  constexpr std::string_view introduction = "AFTER MATCH ";
  if (upper.starts_with(introduction)) {
    upper.erase(0, introduction.size());
    text.remove_prefix(introduction.size());
  }
  for (const std::string known : {"SKIP TO FIRST", "SKIP TO LAST"})
    if (upper.starts_with(known + " "))
      return {known, std::string{text.substr(known.size() + 1)}};
  return {upper, ""};
}

/// Turns a definition into settings.
class pattern_reader {
public:
  explicit pattern_reader(const view_request& from)
      : from_(from), at_(from.definition), parts_{from} {}

  std::shared_ptr<const view> make() {
    made_.name = from_.name;
    made_.stream = from_.columns.schema().name;
    made_.columns = scope_of(from_.columns.schema());
    pattern();
    measures();
    made_.where = parts_.condition(from_.columns, "where", made_.where_text);
    after_match();
    options();
    return parts_.sound() ? compiled() : nullptr;
  }

private:
  void pattern() {
    auto between = contiguity_named(at_.text_or("contiguity", "strict"));
    auto text = at_["pattern"];
    auto stages = at_["stages"];
    if (text && stages)
      parts_.refuse(stages,
                    "a pattern is written as a text, `pattern`, or as `stages`, not as both");
    else if (!text && !stages)
      parts_.refuse(at_,
                    "a pattern is missing: write it as a text, `\"pattern\": \"A B+ C\"`, or as "
                    "`stages`");
    else if (!(text ? read_pattern_text(at_, between, written_)
                    : read_stages(stages, between, written_)))
      parts_.refuse_silently();
    if (stages && at_["define"])
      parts_.refuse(at_["define"],
                    "`define` belongs to a `pattern` written as a text; here the conditions "
                    "are the stages' `where`");
    auto matching = at_.text_or("matching", stages ? "possessive" : "standard");
    made_.possessive = matching == "possessive";
    made_.pattern = written_.pattern;
    made_.variables = written_.variables;
    for (const auto& x : written_.conditions)
      made_.conditions.push_back(x.text());
  }

  void measures() {
    for (const auto& [name, text] : at_["measures"].members()) {
      if (!check_column_name(name, text))
        parts_.refuse_silently();
      made_.measures.push_back({name, text.text()});
      measures_.push_back(text);
    }
  }

  void after_match() {
    struct strategy {
      std::string_view name;
      skip what;
    };
    constexpr std::array strategies{
        strategy{"NO SKIP", skip::none},
        strategy{"SKIP TO NEXT ROW", skip::to_next},
        strategy{"SKIP PAST LAST ROW", skip::past_last},
        strategy{"SKIP TO FIRST", skip::to_first},
        strategy{"SKIP TO LAST", skip::to_last},
    };
    auto at = at_["after_match"];
    auto words = words_of(at.text());
    auto found = std::find_if(strategies.begin(), strategies.end(),
                              [&](const auto& x) { return x.name == words.strategy; });
    if (found == strategies.end()) {
      parts_.refuse(
          at, at.quoted()
                  + " is none of `no skip`, `skip to next row`, `skip past last row`, `skip to "
                    "first VARIABLE` and `skip to last VARIABLE`");
      return;
    }
    made_.after = found->what;
    made_.lenient_skip = at_.text_or("skip_without_target", "refuse") == "ignore";
    if (found->what == skip::to_first || found->what == skip::to_last)
      skip_target(at, words.variable);
  }

  void skip_target(const node& at, const std::string& variable) {
    std::vector<std::string> names;
    for (const auto& x : made_.variables)
      names.push_back(x.name);
    auto target = std::find(names.begin(), names.end(), variable);
    if (target == names.end() && parts_.sound())
      parts_.refuse(at, "the pattern has no variable " + backquoted(variable)
                            + suggestion(variable, names, "variables"));
    made_.skip_to = static_cast<uint32_t>(target - names.begin());
  }

  void options() {
    made_.within = parts_.length_of("within");
    made_.within_inclusive = at_.flag_or("within_inclusive", false);
    if (at_["within_inclusive"] && !made_.within)
      parts_.refuse(at_["within_inclusive"],
                    "`within_inclusive` says how `within` is meant, and that is "
                    "missing");
    made_.time_to_live = parts_.length_of("ttl");
    made_.max_partial_matches = at_.whole_or("max_partial_matches", made_.max_partial_matches);
    made_.max_waiting_rows = at_.whole_or("max_waiting_rows", made_.max_waiting_rows);
    made_.max_matched_rows = at_.whole_or("max_matched_rows", made_.max_matched_rows);
  }

  std::shared_ptr<const view> compiled() {
    auto made = make_pattern(std::move(made_));
    if (made) {
      for (auto column : made->columns)
        from_.columns.use(column);
      return parts_.finish(made->view);
    }
    using place = pattern_error::place;
    const auto& problem = made.error();
    if (problem.where == place::condition)
      written_.conditions[problem.number].complain_inside(problem.offset, problem.message);
    else if (problem.where == place::measure)
      measures_[problem.number].complain_inside(problem.offset, problem.message);
    else
      (at_["pattern"] ? at_["pattern"] : at_["stages"]).complain(problem.message);
    return nullptr;
  }

  const view_request& from_;
  const node& at_;
  view_parts parts_;
  pattern_settings made_;
  pattern_parts written_;
  std::vector<node> measures_;
};

} // namespace

std::shared_ptr<const view> read_pattern(const view_request& x) {
  return pattern_reader{x}.make();
}

} // namespace keyfold::config
