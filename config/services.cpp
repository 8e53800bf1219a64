#include "config/services.hpp"

#include "config/spelling.hpp"

#include <algorithm>
#include <set>

namespace keyfold::config {

namespace {

void add_all(const node& at, const view& of, service_plan& to) {
  if (of.open())
    at.complain("the view " + backquoted(of.name())
                + " has an open set of groups, so its features must be named one by one, or its "
                  "`groups` listed");
  for (const auto& feature : of.features())
    to.features.push_back({of.name(), feature.name});
}

/// Features of an on-demand view, which `text` names; false where it names none.
bool add_computed(const node& at, const std::vector<on_demand_plan>& on_demand,
                  const std::string& name, const std::string& feature, service_plan& to) {
  auto same = [&](const auto& x) { return x.name == name; };
  auto found = std::find_if(on_demand.begin(), on_demand.end(), same);
  if (found == on_demand.end())
    return false;
  if (found->features.empty())
    return true; // what is wrong with it has been told
  std::vector<std::string> names;
  for (const auto& x : found->features) {
    names.push_back(x.name);
    if (feature == "*" || feature == x.name)
      to.features.push_back({name, x.name});
  }
  if (feature != "*" && std::find(names.begin(), names.end(), feature) == names.end())
    at.complain(backquoted(name) + " has no feature " + backquoted(feature)
                + suggestion(feature, names, "features"));
  return true;
}

void add_features(const node& at, const graph& views, const std::vector<on_demand_plan>& on_demand,
                  service_plan& to) {
  auto text = at.text();
  auto colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
    at.complain(at.quoted()
                + " is no feature: write `view:feature`, or `view:*` for all of a view");
    return;
  }
  auto view_name = text.substr(0, colon);
  auto feature = text.substr(colon + 1);
  if (add_computed(at, on_demand, view_name, feature, to))
    return;
  auto found = views.view_names().find(view_name);
  if (!found) {
    at.complain("none of the views is called " + backquoted(view_name)
                + suggestion(view_name, views.view_names().names(), "views"));
    return;
  }
  const auto* of = views.checked(*found);
  if (of == nullptr)
    return;
  if (feature == "*") {
    add_all(at, *of, to);
    return;
  }
  std::vector<std::string> names;
  for (const auto& x : of->features())
    names.push_back(x.name);
  if (!of->open() && std::find(names.begin(), names.end(), feature) == names.end())
    at.complain("the view " + backquoted(view_name) + " has no feature " + backquoted(feature)
                + suggestion(feature, names, "features"));
  to.features.push_back({view_name, feature});
}

} // namespace

std::vector<service_plan> read_services(const node& definition, const graph& views,
                                        const std::vector<on_demand_plan>& on_demand) {
  constexpr size_t most_features = 10'000;
  name_table names{"services"};
  std::vector<service_plan> out;
  for (const auto& at : definition["services"].items()) {
    auto& made = out.emplace_back();
    made.name = at.text_or("name", "");
    check_name(at["name"]);
    names.add(made.name, at["name"]);
    for (const auto& feature : at["features"].items())
      if (made.features.size() <= most_features)
        add_features(feature, views, on_demand, made);
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(made.features, [&](const auto& x) {
      return !seen.insert({x.view, x.feature}).second;
    });
    if (made.features.size() > most_features)
      at["features"].complain("a service has at most " + std::to_string(most_features)
                              + " features; divide it");
  }
  return out;
}

} // namespace keyfold::config
