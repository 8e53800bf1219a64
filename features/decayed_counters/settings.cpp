#include "features/decayed_counters/view.hpp"
#include "features/entity_key.hpp"

#include <fmt/format.h>

#include <set>

namespace keyfold::counters {

namespace {

using function = decayed_counters_settings::function;

constexpr size_t max_features = 100'000;

/// Checks settings part by part; the first problem found stays.
class settings_check {
public:
  explicit settings_check(const decayed_counters_settings& settings) : settings_(settings) {}

  std::optional<error> problem() {
    check_sizes();
    check_decays();
    check_measures();
    check_groups();
    for (const auto& x : settings_.inputs)
      check_input(x);
    check_ratios();
    if (!problem_)
      check_names();
    return std::move(problem_);
  }

private:
  template <class... Args>
  void require(bool holds, fmt::format_string<Args...> text, Args&&... args) {
    if (!holds && !problem_)
      problem_ = error{fmt::format("view `{}`: {}", settings_.name,
                                   fmt::format(text, std::forward<Args>(args)...))};
  }

  void check_sizes() {
    require(!settings_.name.empty(), "it has no name: give it one");
    require(!settings_.inputs.empty(), "it has no input: name a stream to fold");
    require(!settings_.measures.empty(), "it has no measures: add one, e.g. a count");
    require(settings_.measures.size() <= max_measures,
            "{} measures are more than {}: split it into several views", settings_.measures.size(),
            max_measures);
    require(settings_.decays.size() <= max_decays,
            "{} time constants and half-lives are more than {}: split it into several views",
            settings_.decays.size(), max_decays);
    require(settings_.group.size() <= group_directory::max_columns,
            "{} columns to group by are more than {}: group by fewer", settings_.group.size(),
            group_directory::max_columns);
    require(settings_.max_groups_per_key > 0, "max_groups_per_key is 0: set it to 1 or more");
    require(settings_.max_open_windows > 0, "max_open_windows is 0: set it to 1 or more");
    require(settings_.max_group_bytes > 0, "max_group_bytes is 0: set it to 1 or more");
    require(!settings_.pre_aggregate || settings_.pre_aggregate->count() > 0,
            "pre_aggregate is not longer than 0: give the windows a length, e.g. \"5s\"");
    require(!settings_.time_to_live || settings_.time_to_live->count() > 0,
            "ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it out");
  }

  void check_decays() {
    auto decaying = false;
    for (const auto& x : settings_.measures)
      decaying |= x.function != function::distinct;
    require(!decaying || !settings_.decays.empty(),
            "its counts and sums have nothing to decay by: add a time constant or a half-life");
    for (const auto& x : settings_.decays)
      require(x.rate.length.count() > 0,
              "the decay `{}` is not longer than 0: give it a length, e.g. \"5s\"", x.name);
  }

  void check_measures() {
    for (const auto& x : settings_.measures) {
      require(!x.name.empty(), "a measure has no name: give it one");
      require(x.function != function::distinct
                  || x.exact_bound <= distinct_counter::max_exact_bound,
              "the exact bound {} of the measure `{}` is more than {}: lower it", x.exact_bound,
              x.name, distinct_counter::max_exact_bound);
    }
  }

  void check_groups() {
    require(settings_.groups.empty() || !settings_.group.empty(),
            "it names groups but no column to group by: name the column");
    std::vector<data_type> types;
    for (const auto& x : settings_.group) {
      require(x.type.kind != type_kind::list && x.type.kind != type_kind::map,
              "the column `{}` is a {}, which cannot be grouped by: choose another", x.name,
              to_string(x.type));
      types.push_back(x.type);
    }
    std::set<std::string_view> seen;
    arena memory;
    for (const auto& x : settings_.groups) {
      require(seen.insert(x).second, "the group `{}` is named twice: remove one", x);
      auto cells = parse_entity_key(x, types, memory);
      std::string canonical;
      auto fits = cells && append_entity_key(*cells, canonical) && canonical == x;
      require(fits, "the group `{}` cannot be a value of the columns grouped by: correct it", x);
    }
    require(std::max<size_t>(settings_.groups.size(), 1) * settings_.measures.size()
                    * std::max<size_t>(settings_.decays.size(), 1)
                <= max_features,
            "its groups, measures and decays make more than {} features: split it", max_features);
  }

  void check_input(const decayed_counters_settings::input& x) {
    require(x.group_columns.size() == settings_.group.size(),
            "the input `{}` has {} group column(s) where the view has {}: name all of them",
            x.stream, x.group_columns.size(), settings_.group.size());
    require(!x.where || x.where->type().kind == type_kind::boolean,
            "the `where` of the input `{}` is no condition: compare something", x.stream);
    for (size_t i = 0; i < settings_.measures.size(); ++i) {
      const auto& measure = settings_.measures[i];
      if (measure.function == function::count)
        continue;
      auto given = i < x.measures.size() && x.measures[i].has_value();
      require(given, "the measure `{}` has no expression for the input `{}`: add it", measure.name,
              x.stream);
      if (given)
        check_measured(measure, x.measures[i]->type());
    }
  }

  void check_measured(const decayed_counters_settings::measure& x, const data_type& type) {
    if (x.function == function::sum)
      require(is_numeric(type.kind), "the measure `{}` sums a {}: sum a number", x.name,
              to_string(type));
    else
      require(type.kind != type_kind::list && type.kind != type_kind::map,
              "the measure `{}` counts distinct values of type {}: choose one that is neither a "
              "list nor a map",
              x.name, to_string(type));
  }

  void check_operand(const decayed_counters_settings::ratio& ratio,
                     const decayed_counters_settings::operand& x) {
    auto known = settings_.groups.empty()
                 || std::count(settings_.groups.begin(), settings_.groups.end(), x.group) > 0;
    require(known, "the ratio `{}` names the group `{}`, which is none of the view's: correct it",
            ratio.name, x.group);
    require(!settings_.group.empty() || x.group.empty(),
            "the ratio `{}` names the group `{}` of a view without groups: leave it out",
            ratio.name, x.group);
    auto same = [&](const auto& measure) { return measure.name == x.measure; };
    require(std::any_of(settings_.measures.begin(), settings_.measures.end(), same),
            "the ratio `{}` names the measure `{}`, which the view has not: correct it", ratio.name,
            x.measure);
  }

  void check_ratios() {
    for (const auto& x : settings_.ratios) {
      check_operand(x, x.numerator);
      check_operand(x, x.denominator);
    }
  }

  void check_names() {
    group_directory groups{settings_.group, settings_.groups, settings_.max_group_bytes};
    counter_names names{settings_, groups};
    std::set<std::string_view> seen;
    for (const auto& x : names.features)
      require(seen.insert(x.name).second, "two features are called `{}`: rename what makes them",
              x.name);
    seen = {"last_update"};
    for (const auto& x : settings_.group)
      require(seen.insert(x.name).second, "two published columns are called `{}`: rename one",
              x.name);
    for (const auto& x : names.values)
      require(seen.insert(x.name).second,
              "two published columns are called `{}`: rename the measure or the decay", x.name);
  }

  const decayed_counters_settings& settings_;
  std::optional<error> problem_;
};

std::string_view name_of(function x) noexcept {
  switch (x) {
  case function::count:
    return "count";
  case function::sum:
    return "sum";
  case function::distinct:
    return "distinct";
  }
  return "";
}

} // namespace

std::optional<error> problem_in(const decayed_counters_settings& settings) {
  return settings_check{settings}.problem();
}

std::string fingerprint_of(const decayed_counters_settings& settings) {
  // Texts are preceded by their size, so that no two settings have the same fingerprint.
  std::string out = "decayed_counters 1";
  auto add = [&](std::string_view text) {
    fmt::format_to(std::back_inserter(out), " {}:{}", text.size(), text);
  };
  for (const auto& x : settings.group) {
    add(x.name);
    add(to_string(x.type));
  }
  out += "; groups";
  for (const auto& x : settings.groups)
    add(x);
  out += "; decays";
  for (const auto& x : settings.decays)
    fmt::format_to(std::back_inserter(out), " {}{}", x.rate.is_half_life ? "half-life " : "",
                   x.rate.length.count());
  out += "; measures";
  for (const auto& x : settings.measures) {
    add(name_of(x.function));
    if (x.function == function::distinct)
      fmt::format_to(std::back_inserter(out), " {}", x.exact_bound);
  }
  for (const auto& x : settings.inputs) {
    out += "; input";
    add(x.stream);
    add(x.where_text);
    for (const auto& text : x.measure_texts)
      add(text);
  }
  if (settings.pre_aggregate)
    fmt::format_to(std::back_inserter(out), "; windows {}", settings.pre_aggregate->count());
  if (settings.time_to_live)
    out += "; ttl";
  return out;
}

} // namespace keyfold::counters
