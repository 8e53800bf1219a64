#include "config/views/pattern_stages.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <charconv>

namespace keyfold::config {

namespace {

using contiguity = pattern_element::contiguity;
using negation = pattern_element::negation;
using preference = pattern_element::preference;

constexpr size_t most_variables = 64;

/// Reads the stages of a pattern.
class stage_reader {
public:
  stage_reader(contiguity between, pattern_parts& out) : between_(between), out_(out) {}

  bool read(const node& stages) {
    out_.pattern = sequence(stages.items());
    return sound_;
  }

private:
  void refuse(const node& at, std::string sentence) {
    at.complain(std::move(sentence));
    sound_ = false;
  }

  pattern_element sequence(const std::vector<node>& stages) {
    pattern_element out;
    for (const auto& at : stages)
      out.parts.push_back(stage(at));
    return out;
  }

  pattern_element stage(const node& at) {
    auto kinds = (at["variable"] ? 1 : 0) + (at["stages"] ? 1 : 0) + (at["any_of"] ? 1 : 0);
    if (kinds != 1)
      refuse(at, "a stage has one of `variable`, `stages` (a group) and `any_of` (alternatives)");
    auto out = at["stages"] ? sequence(at["stages"].items()) : pattern_element{};
    for (const auto& alternative : at["any_of"].items()) {
      out.alternatives = true;
      out.parts.push_back(sequence(alternative.items()));
    }
    if (at["variable"])
      variable(at, out);
    else if (at["where"])
      refuse(at["where"], "a condition belongs to a variable: put it into the stages of the group");
    link(at, out);
    times(at, out);
    loop(at, out);
    return out;
  }

  void variable(const node& at, pattern_element& out) {
    auto name = at["variable"];
    if (!check_column_name_of(name))
      sound_ = false;
    auto same = [&](const auto& x) { return x.name == name.text(); };
    if (std::any_of(out_.variables.begin(), out_.variables.end(), same))
      refuse(name, "there are two variables called " + name.quoted() + "; rename one");
    if (out_.variables.size() == most_variables)
      refuse(name, "a pattern has at most 64 variables");
    out.variable = static_cast<uint32_t>(out_.variables.size());
    out_.variables.push_back({name.text(), condition(at["where"])});
  }

  static bool check_column_name_of(const node& name) {
    if (name.text().find('-') == std::string::npos)
      return check_name(name);
    name.complain(name.quoted() + " cannot be a variable: `-` would be a minus in expressions");
    return false;
  }

  std::optional<uint32_t> condition(const node& text) {
    if (!text)
      return std::nullopt;
    out_.conditions.push_back(text);
    return static_cast<uint32_t>(out_.conditions.size() - 1);
  }

  void link(const node& at, pattern_element& out) {
    auto name = at.text_or("link", "");
    out.link = name == "next"              ? contiguity::strict
               : name == "followed_by"     ? contiguity::relaxed
               : name == "followed_by_any" ? contiguity::any
                                           : between_;
    out.negated = name == "not_next"          ? negation::next
                  : name == "not_followed_by" ? negation::followed_by
                                              : negation::none;
    if (out.negated != negation::none && !out.variable)
      refuse(at["link"], "only a single variable can be negated");
  }

  void times(const node& at, pattern_element& out) {
    auto text = at.text_or("times", "{1}");
    out.optional = at.flag_or("optional", false);
    if (text == "*" || text == "+")
      out.most.reset();
    else if (text != "?" && !bounds(text, out))
      refuse(at["times"],
             at["times"].quoted()
                 + " is no quantifier: `*`, `+`, `?`, `{2}`, `{2,}`, `{,3}` or `{2,3}`, "
                   "with numbers up to 1000");
    if (text == "*" || text == "?" || out.least == 0)
      out.optional = true;
    out.least = std::max(out.least, 1u);
    auto repeated = out.most != 1u || out.optional;
    if (repeated && out.negated != negation::none)
      refuse(at["times"] ? at["times"] : at["optional"],
             "what must not come cannot be repeated or optional");
  }

  static bool bounds(std::string_view text, pattern_element& out) {
    if (text.size() < 3 || text.front() != '{' || text.back() != '}')
      return false;
    text = text.substr(1, text.size() - 2);
    auto comma = text.find(',');
    auto least = text.substr(0, comma);
    auto most = comma == std::string_view::npos ? least : text.substr(comma + 1);
    auto number = [](std::string_view from, uint32_t& to) {
      auto [end, problem] = std::from_chars(from.data(), from.data() + from.size(), to);
      return problem == std::errc{} && end == from.data() + from.size() && to <= 1000;
    };
    uint32_t low = 0;
    uint32_t high = 0;
    if ((!least.empty() && !number(least, low)) || (!most.empty() && !number(most, high)))
      return false;
    if (least.empty() && most.empty())
      return false;
    out.least = low;
    out.most = most.empty() ? std::nullopt : std::optional{high};
    return !out.most || (high >= low && high > 0);
  }

  void loop(const node& at, pattern_element& out) {
    out.loop = at["loop"] ? contiguity_named(at["loop"].text()) : between_;
    auto greedy = at.flag_or("greedy", false);
    auto reluctant = at.flag_or("reluctant", false);
    if (greedy && reluctant)
      refuse(at["reluctant"], "a loop is greedy or reluctant, not both");
    out.prefer = greedy      ? preference::greedy
                 : reluctant ? preference::reluctant
                             : preference::longest;
    for (const auto* key : {"loop", "until"})
      if (at[key] && out.most == 1u)
        refuse(at[key], backquoted(key)
                            + " is about repetitions, and this is not repeated: give it "
                              "`times`");
    if (at["until"] && !out.variable)
      refuse(at["until"], "`until` is for the loop of a single variable");
    out.until = condition(at["until"]);
  }

  contiguity between_;
  pattern_parts& out_;
  bool sound_ = true;
};

} // namespace

contiguity contiguity_named(std::string_view name) {
  return name == "relaxed" ? contiguity::relaxed
         : name == "any"   ? contiguity::any
                           : contiguity::strict;
}

bool read_stages(const node& stages, contiguity between, pattern_parts& out) {
  return stage_reader{between, out}.read(stages);
}

bool read_pattern_text(const node& definition, contiguity between, pattern_parts& out) {
  auto text = definition["pattern"];
  auto parsed = parse_pattern(text.text(), between);
  if (!parsed) {
    text.complain_inside(parsed.error().offset, parsed.error().message);
    return false;
  }
  if (parsed->variables.size() > most_variables) {
    text.complain("a pattern has at most 64 variables");
    return false;
  }
  out.pattern = std::move(parsed->pattern);
  for (const auto& name : parsed->variables)
    out.variables.push_back({name, std::nullopt});
  auto sound = true;
  for (const auto& [name, condition] : definition["define"].members()) {
    auto found = std::find(parsed->variables.begin(), parsed->variables.end(), name);
    if (found == parsed->variables.end()) {
      condition.complain_of_key("the pattern has no variable " + backquoted(name)
                                + suggestion(name, parsed->variables, "variables"));
      sound = false;
      continue;
    }
    out.variables[static_cast<size_t>(found - parsed->variables.begin())].condition =
        static_cast<uint32_t>(out.conditions.size());
    out.conditions.push_back(condition);
  }
  return sound;
}

} // namespace keyfold::config
