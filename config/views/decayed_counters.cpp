#include "config/views/decayed_counters.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"
#include "features/decayed_counters.hpp"
#include "features/entity_key.hpp"

#include <algorithm>
#include <set>

namespace keyfold::config {

namespace {

using settings = decayed_counters_settings;
using function = settings::function;

std::string escaped_key_field(std::string_view text) {
  std::string out;
  for (auto c : text) {
    if (c == '|' || c == '\\')
      out += '\\';
    out += c;
  }
  return out;
}

/// Turns a definition into settings.
class settings_reader {
public:
  explicit settings_reader(const view_request& from) : from_(from), at_(from.definition) {}

  std::shared_ptr<const view> make() {
    made_.name = from_.name;
    input_.stream = from_.columns.schema().name;
    group_columns();
    groups();
    decays("time_constants", false);
    decays("half_lives", true);
    measures();
    if (auto where = at_["where"]) {
      keep(input_.where = from_.columns.compile_condition(where));
      input_.where_text = where.text();
    }
    ratios();
    options();
    if (!sound_ || !fits())
      return nullptr;
    made_.inputs.push_back(std::move(input_));
    auto view = make_decayed_counters(std::move(made_));
    if (view)
      return *view;
    at_.complain(view.error().message);
    return nullptr;
  }

private:
  template <class T>
  void keep(const std::optional<T>& x) {
    sound_ = sound_ && x.has_value();
  }
  void refuse(const node& at, std::string sentence) {
    at.complain(std::move(sentence));
    sound_ = false;
  }

  void group_columns() {
    std::set<std::string> seen;
    for (const auto& name : at_["group_by"].items()) {
      if (!seen.insert(name.text()).second)
        refuse(name, "the column " + name.quoted() + " is listed twice");
      auto found = from_.columns.find_scalar(name);
      keep(found);
      if (!found)
        continue;
      input_.group_columns.push_back(*found);
      made_.group.push_back({name.text(), from_.columns.field(*found).type});
    }
  }

  void groups() {
    auto listed = at_["groups"];
    if (!listed || !sound_)
      return;
    if (made_.group.empty()) {
      refuse(listed, "`groups` needs `group_by`, the columns whose values these are");
      return;
    }
    std::vector<data_type> types;
    for (const auto& x : made_.group)
      types.push_back(x.type);
    std::set<std::string> seen;
    for (const auto& at : listed.items()) {
      auto text = group_text(at, types);
      if (!text)
        continue;
      if (!seen.insert(*text).second)
        refuse(at, "the group " + at.quoted() + " is listed twice");
      made_.groups.push_back(std::move(*text));
    }
  }

  /// The canonical text of a group.
  std::optional<std::string> group_text(const node& at, const std::vector<data_type>& types) {
    auto values = at.values();
    if (values.size() != types.size()) {
      refuse(at, "a group here has " + std::to_string(types.size())
                     + (types.size() == 1 ? " value" : " values, one for each column of `group_by`")
                     + ", not " + std::to_string(values.size()));
      return std::nullopt;
    }
    std::string joined;
    for (const auto& x : values)
      joined += (&x == &values.front() ? "" : "|") + escaped_key_field(x);
    arena memory;
    auto cells = parse_entity_key(joined, types, memory);
    std::string canonical;
    if (cells && append_entity_key(*cells, canonical))
      return canonical;
    std::string wanted;
    for (const auto& x : types)
      wanted += (wanted.empty() ? "" : ", ") + to_string(x);
    refuse(at, at.quoted() + " is no group: its columns are " + backquoted(wanted));
    return std::nullopt;
  }

  void decays(std::string_view key, bool half_life) {
    for (const auto& at : at_[key].items()) {
      auto length = at.as_duration();
      keep(length);
      if (!length)
        continue;
      if (length->count() == 0)
        refuse(at, "a decay must be longer than 0");
      auto name = (half_life ? "half_life_" : "") + at.text();
      auto same = [&](const auto& x) { return x.name == name; };
      if (std::any_of(made_.decays.begin(), made_.decays.end(), same))
        refuse(at, at.quoted() + " is listed twice");
      made_.decays.push_back({name, {*length, half_life}});
    }
  }

  void measures() {
    auto listed = at_["measures"];
    if (!listed)
      add_measure({"count", function::count, 256}, std::nullopt, "");
    std::set<std::string> seen;
    for (const auto& at : listed.items()) {
      if (!check_name(at["name"]))
        sound_ = false;
      if (!seen.insert(at.text_or("name", "")).second)
        refuse(at["name"], "there are two measures called " + at["name"].quoted() + "; rename one");
      measure(at);
    }
    auto decaying = std::any_of(made_.measures.begin(), made_.measures.end(),
                                [](const auto& x) { return x.function != function::distinct; });
    if (decaying && !at_["time_constants"] && !at_["half_lives"])
      refuse(at_, "counts and sums need `time_constants` or `half_lives` to decay by");
  }

  void measure(const node& at) {
    auto name = at.text_or("function", "");
    auto made = name == "sum"        ? function::sum
                : name == "distinct" ? function::distinct
                                     : function::count;
    auto text = at["expression"];
    if (made == function::count && text)
      refuse(text, "a count has no expression; count some rows only with `where`, or sum a CASE");
    if (made != function::count && !text)
      refuse(at, "a " + name + " needs an `expression`");
    if (made != function::distinct && at["exact_bound"])
      refuse(at["exact_bound"], "`exact_bound` is for the function `distinct`");
    std::optional<expression> measured;
    if (made != function::count && text) {
      keep(measured = from_.columns.compile(text));
      if (measured)
        check_measured(text, made, measured->type());
    }
    add_measure({at.text_or("name", ""), made, at.whole_or<uint32_t>("exact_bound", 256)},
                std::move(measured), text.text());
  }

  void check_measured(const node& at, function made, const data_type& type) {
    if (made == function::sum && !is_numeric(type.kind))
      refuse(at, "a sum needs a number, and this is " + backquoted(to_string(type)));
    if (made == function::distinct && (type.kind == type_kind::list || type.kind == type_kind::map))
      refuse(at, "distinct values need a single value, and this is " + backquoted(to_string(type)));
  }

  void add_measure(settings::measure made, std::optional<expression> measured, std::string text) {
    made_.measures.push_back(std::move(made));
    input_.measures.push_back(std::move(measured));
    input_.measure_texts.push_back(std::move(text));
  }

  void ratios() {
    std::set<std::string> seen;
    for (const auto& at : at_["ratios"].items()) {
      if (!check_name(at["name"]))
        sound_ = false;
      if (!seen.insert(at.text_or("name", "")).second)
        refuse(at["name"], "there are two ratios called " + at["name"].quoted() + "; rename one");
      made_.ratios.push_back(
          {at.text_or("name", ""), operand(at["numerator"]), operand(at["denominator"])});
    }
  }

  settings::operand operand(const node& at) {
    auto text = at.text();
    auto dot = text.rfind('.');
    settings::operand out{dot == std::string::npos ? "" : text.substr(0, dot),
                          dot == std::string::npos ? text : text.substr(dot + 1)};
    if (!sound_)
      return out;
    if (made_.group.empty() != (dot == std::string::npos)) {
      refuse(at, made_.group.empty() ? "this view has no groups: name a measure alone, e.g. `count`"
                                     : "name a group and a measure, e.g. `like.count`");
      return out;
    }
    const auto& groups = made_.groups;
    if (!groups.empty() && std::find(groups.begin(), groups.end(), out.group) == groups.end())
      refuse(at, "the view has no group " + backquoted(out.group)
                     + suggestion(out.group, groups, "groups"));
    std::vector<std::string> names;
    for (const auto& x : made_.measures)
      names.push_back(x.name);
    if (std::find(names.begin(), names.end(), out.measure) == names.end())
      refuse(at, "the view has no measure " + backquoted(out.measure)
                     + suggestion(out.measure, names, "measures"));
    return out;
  }

  void options() {
    made_.pre_aggregate = length_of("pre_aggregate");
    made_.time_to_live = length_of("ttl");
    made_.late = at_.text_or("late", "fold") == "drop" ? settings::late_rows::drop
                                                       : settings::late_rows::fold;
    made_.max_groups_per_key = at_.whole_or("max_groups_per_key", made_.max_groups_per_key);
    made_.max_group_bytes = at_.whole_or("max_group_bytes", made_.max_group_bytes);
    made_.max_open_windows = at_.whole_or("max_open_windows", made_.max_open_windows);
    if (at_["max_open_windows"] && !made_.pre_aggregate)
      refuse(at_["max_open_windows"], "`max_open_windows` needs `pre_aggregate`, the windows' "
                                      "length");
  }

  std::optional<duration> length_of(std::string_view key) {
    auto at = at_[key];
    if (!at)
      return std::nullopt;
    auto length = at.as_duration();
    keep(length);
    if (length && length->count() == 0)
      refuse(at, backquoted(key) + " must be longer than 0");
    return length;
  }

  /// Whether there are names left for the features; asked before any is made.
  bool fits() {
    auto groups = made_.group.empty() ? 1 : made_.groups.size();
    auto decays = std::max<size_t>(1, made_.decays.size());
    auto features = (groups * made_.measures.size() + made_.ratios.size()) * decays;
    if (features > from_.features_left) {
      at_.complain("with these " + std::to_string(features) + " features the definition has more "
                   + "than " + std::to_string(max_features) + "; list fewer groups or decays");
      return false;
    }
    from_.features_left -= features;
    return true;
  }

  const view_request& from_;
  const node& at_;
  settings made_;
  settings::input input_;
  bool sound_ = true;
};

} // namespace

std::shared_ptr<const view> read_decayed_counters(const view_request& x) {
  return settings_reader{x}.make();
}

} // namespace keyfold::config
