#include "config/view_kinds.hpp"

#include "config/spelling.hpp"
#include "config/views/as_of.hpp"
#include "config/views/attribution.hpp"
#include "config/views/decayed_counters.hpp"
#include "config/views/latest.hpp"
#include "config/views/pattern.hpp"
#include "config/views/recommend.hpp"
#include "config/views/top_k.hpp"
#include "config/views/windows.hpp"

#include <algorithm>
#include <array>

namespace keyfold::config {

namespace {

// A new kind of view adds a line here, its pair of files in views/ and its keys to the schema.
constexpr std::array view_kinds = {
    view_kind{"aggregate", read_aggregate},
    view_kind{"as_of", read_as_of, as_of_roles},
    view_kind{"attribution", read_attribution, attribution_roles},
    view_kind{"decayed_counters", read_decayed_counters},
    view_kind{"latest", read_latest},
    view_kind{"over_window", read_over_window},
    view_kind{"pattern", read_pattern},
    view_kind{"recommend", read_recommend, recommend_roles},
    view_kind{"session_window", read_session_window},
    view_kind{"sliding_window", read_sliding_window},
    view_kind{"top_k", read_top_k},
    view_kind{"tumbling_window", read_tumbling_window},
};

} // namespace

const view_kind* find_view_kind(std::string_view type) {
  const auto* found = std::find_if(view_kinds.begin(), view_kinds.end(),
                                   [&](const auto& x) { return x.type == type; });
  return found == view_kinds.end() ? nullptr : found;
}

std::vector<std::string> view_columns::names() const {
  std::vector<std::string> out;
  for (const auto& x : schema_.fields)
    out.push_back(x.name);
  return out;
}

std::optional<uint32_t> view_columns::find(const node& name) {
  auto found = schema_.find(name.text());
  if (!found) {
    name.complain("the stream " + backquoted(schema_.name) + " has no column " + name.quoted()
                  + suggestion(name.text(), names(), "columns"));
    return std::nullopt;
  }
  use(*found);
  return found;
}

std::optional<uint32_t> view_columns::find_scalar(const node& name) {
  auto found = find(name);
  if (!found)
    return std::nullopt;
  const auto& type = field(*found).type;
  if (type.kind != type_kind::list && type.kind != type_kind::map)
    return found;
  name.complain("the column " + name.quoted() + " is " + backquoted(to_string(type))
                + ", which cannot be a key or a group");
  return std::nullopt;
}

std::optional<expression> view_columns::record(std::optional<expression> x) {
  if (x)
    for (auto column : x->columns())
      use(column);
  return x;
}

std::optional<expression> view_columns::compile(const node& text) {
  return record(config::compile(text, scope_));
}

std::optional<expression> view_columns::compile_condition(const node& text) {
  return record(config::compile_condition(text, scope_));
}

} // namespace keyfold::config
