#include "features/attribution/view.hpp"
#include "features/fingerprint.hpp"
#include "features/settings_check.hpp"
#include "features/type_makers.hpp"

#include <algorithm>
#include <set>

namespace keyfold {

namespace attributing {

namespace {

using model = attribution_settings::model;

void check_match(const attribution_settings& x, settings_check& check) {
  check.require(x.touches.match_columns.size() == x.match.size()
                    && x.conversions.match_columns.size() == x.match.size(),
                "touches and conversions are matched by differing numbers of columns: name one of "
                "each");
  check.require(x.match.size() <= 8, "it matches {} columns, more than 8: match fewer",
                x.match.size());
  for (const auto& column : x.match)
    check.require(column.type.kind != type_kind::list && column.type.kind != type_kind::map,
                  "the column `{}` is a {}, which cannot be matched: choose another", column.name,
                  to_string(column.type));
}

void check_names(const attribution_settings& x, settings_check& check) {
  std::set<std::string> seen;
  for (const auto& column : emitted_by(x))
    check.require(seen.insert(column.name).second,
                  "two emitted columns are called `{}`: give one another name", column.name);
  for (const auto& name : x.published_key)
    check.require(seen.count(name) == 1,
                  "`{}` identifies its published rows, and is no column that it emits: name one",
                  name);
  std::set<std::string> key{x.published_key.begin(), x.published_key.end()};
  check.require(key.size() == x.published_key.size(),
                "a column is named twice to identify its published rows: name it once");
}

} // namespace

std::vector<column> emitted_by(const attribution_settings& x) {
  std::vector<column> out = x.conversions.emitted;
  out.insert(out.end(), x.touches.emitted.begin(), x.touches.emitted.end());
  if (x.credit != model::first_click && x.credit != model::last_click) {
    out.push_back({"touch_number", scalar(type_kind::int64)});
    out.push_back({"touch_count", scalar(type_kind::int64)});
    out.push_back({"weight", scalar(type_kind::float64)});
  }
  return out;
}

std::optional<error> problem_in(const attribution_settings& x) {
  settings_check check{x.name};
  check.require(x.window.count() > 0,
                "its window is not longer than 0: give it a length, e.g. \"1h\"");
  check.require(!x.conversions.emitted.empty(),
                "it emits no column of the conversions: name those to emit");
  check_match(x, check);
  check_names(x, check);
  check.condition(x.touches.where);
  check.condition(x.conversions.where);
  check.require(x.credit != model::time_decay || x.rate.length.count() > 0,
                "credit that decays needs a `half_life` longer than 0");
  auto share = [](double s) { return s >= 0 && s <= 1; };
  check.require(share(x.first_share) && share(x.last_share) && x.first_share + x.last_share <= 1,
                "the shares {} and {} of the first and the last touch must be 0 to 1, and no more "
                "than 1 together",
                x.first_share, x.last_share);
  check.require(x.max_touches > 0, "max_touches is 0: set it to 1 or more");
  check.require(x.max_waiting_conversions > 0, "max_waiting_conversions is 0: set it to 1 or more");
  return check.problem();
}

std::string fingerprint_of(const attribution_settings& x) {
  fingerprint_writer out{"attribution 1"};
  for (const auto* role : {&x.touches, &x.conversions})
    out.add(role->stream).add(std::span<const column>{role->emitted}).add(role->where_text);
  out.add(std::span<const column>{x.match}).add(x.window.count());
  // First and last click forget touches that the other models need.
  out.add(static_cast<int64_t>(
      x.credit == model::first_click || x.credit == model::last_click ? x.credit : model::linear));
  return out.take();
}

attribution_view::attribution_view(attribution_settings settings) : settings_(std::move(settings)) {
  about_.name = settings_.name;
  about_.kind = "attribution";
  about_.inputs = {settings_.touches.stream, settings_.conversions.stream};
  about_.emissions = emitted_by(settings_);
  about_.fingerprint = fingerprint_of(settings_);
  about_.changes_at_once = true;
  auto key = settings_.published_key;
  if (key.empty())
    return;
  // Of a conversion owed to several touches there are as many rows.
  if (!single() && std::find(key.begin(), key.end(), "touch_number") == key.end())
    key.push_back("touch_number");
  for (const auto& name : key) {
    auto same = [&](const auto& x) { return x.name == name; };
    auto found = std::find_if(about_.emissions.begin(), about_.emissions.end(), same);
    group_.push_back(static_cast<uint32_t>(found - about_.emissions.begin()));
    about_.changes.group.push_back(*found);
  }
  for (uint32_t i = 0; i < about_.emissions.size(); ++i)
    if (std::find(group_.begin(), group_.end(), i) == group_.end()) {
      values_.push_back(i);
      about_.changes.values.push_back(about_.emissions[i]);
    }
}

bool attribution_view::single() const noexcept {
  return settings_.credit == model::first_click || settings_.credit == model::last_click;
}

} // namespace attributing

result<std::shared_ptr<const view>> make_attribution(attribution_settings settings) {
  if (auto problem = attributing::problem_in(settings))
    return tl::unexpected{std::move(*problem)};
  return std::make_shared<const view_of<attributing::attribution_view>>(std::move(settings));
}

} // namespace keyfold
