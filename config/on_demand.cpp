#include "config/on_demand.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"
#include "features/on_demand.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace keyfold::config {

namespace {

/// Names that are taken in the URLs that give parameters.
constexpr std::array<std::string_view, 3> url_parameters{"features", "view", "as_of"};

/// Reads one of the definition's computed views.
class on_demand_reader {
public:
  on_demand_reader(const node& at, const graph& views) : at_(at), views_(views) {}

  on_demand_plan read() {
    made_.name = at_.text_or("name", "");
    check_name(at_["name"]);
    if (views_.view_names().find(made_.name))
      at_["name"].complain("there is a view called " + at_["name"].quoted() + "; rename one");
    if (auto entity = views_.entity_names().find(at_["entity"]))
      made_.entity = views_.entity_names().names()[*entity];
    else
      sound_ = false;
    for (const auto& [name, source] : at_["inputs"].members())
      input(name, source);
    for (const auto& [name, type] : at_["request"].members())
      parameter(name, type);
    for (const auto& [name, value] : at_["values"].members())
      computed(name, value);
    return std::move(made_);
  }

private:
  bool declare(const std::string& name, const node& at) {
    if (!check_column_name(name, at))
      return false;
    if (names_.insert(name).second)
      return true;
    at.complain_of_key(backquoted(name) + " is an input already; rename one");
    return false;
  }

  /// Without one of its inputs nothing can be said of the expressions over it.
  void input(const std::string& name, const node& at) {
    if (!find_input(name, at))
      sound_ = false;
  }

  bool find_input(const std::string& name, const node& at) {
    auto text = at.text();
    auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
      at.complain(at.quoted() + " is no feature: write `view:feature`");
      return false;
    }
    auto view_name = text.substr(0, colon);
    auto found = views_.view_names().find(view_name);
    if (!found) {
      at.complain("none of the views is called " + backquoted(view_name)
                  + suggestion(view_name, views_.view_names().names(), "views"));
      return false;
    }
    auto about = views_.entity_of(*found);
    if (about.empty() || made_.entity.empty())
      return false; // told where the entity is named
    if (about != made_.entity) {
      at.complain("the view " + backquoted(view_name) + " is about " + backquoted(about)
                  + ", and this is about " + backquoted(made_.entity));
      return false;
    }
    const auto* of = views_.checked(*found);
    return of != nullptr && find_feature(name, at, *of, text.substr(colon + 1));
  }

  bool find_feature(const std::string& name, const node& at, const view& of,
                    const std::string& feature) {
    std::vector<std::string> known;
    for (const auto& x : of.features()) {
      known.push_back(x.name);
      if (x.name != feature)
        continue;
      if (!declare(name, at))
        return false;
      made_.sources.push_back({of.name(), feature});
      scope_.push_back({name, x.type});
      return true;
    }
    at.complain("the view " + backquoted(of.name()) + " has no feature " + backquoted(feature)
                + suggestion(feature, known, "features"));
    return false;
  }

  void parameter(const std::string& name, const node& at) {
    auto type = parse_data_type(at.text());
    if (!type || !can_be_parameter(*type)) {
      at.complain(at.quoted()
                  + " cannot be in a request: give `bool`, `int32`, `int64`, `float`, "
                    "`double`, `string` or `timestamp`");
      sound_ = false;
    }
    if (std::find(url_parameters.begin(), url_parameters.end(), name) != url_parameters.end()) {
      at.complain_of_key(backquoted(name) + " has a meaning in every request; rename it");
      sound_ = false;
    }
    if (!type || !declare(name, at))
      return;
    made_.parameters.push_back({name, *type});
    scope_.push_back({name, *type});
  }

  void computed(const std::string& name, const node& at) {
    if (!check_column_name(name, at) || !sound_)
      return;
    if (auto value = compile(at, scope_))
      made_.features.push_back({name, std::move(*value)});
  }

  const node& at_;
  const graph& views_;
  on_demand_plan made_;
  std::set<std::string> names_;
  scope scope_;
  bool sound_ = true;
};

} // namespace

std::vector<on_demand_plan> read_on_demand(const node& definition, const graph& views) {
  name_table names{"on-demand views"};
  std::vector<on_demand_plan> out;
  for (const auto& at : definition["on_demand"].items()) {
    names.add(at.text_or("name", ""), at["name"]);
    out.push_back(on_demand_reader{at, views}.read());
  }
  return out;
}

} // namespace keyfold::config
