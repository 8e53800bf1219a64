#include "http/router.hpp"

#include "http/endpoints.hpp"

#include <array>

namespace keyfold::http {

namespace {

using boost::beast::http::verb;

struct fixed_path {
  std::array<std::string_view, 2> segments; // the second is empty in paths of one
  route to;
};

constexpr fixed_path fixed_paths[] = {
    {{"get-online-features", ""},
     {endpoint::online_features, permission::read, true, &get_online_features}},
    {{"push", ""}, {endpoint::push, permission::push, true, &push_events}},
    {{"write-to-online-store", ""},
     {endpoint::write, permission::push, true, &write_to_online_store}},
    {{"v1", "definitions"}, {endpoint::definitions, permission::read, false, &get_definitions}},
    {{"health", ""}, {endpoint::health, permission::none, false, &get_health}},
    {{"ready", ""}, {endpoint::ready, permission::none, false, &get_ready}},
    {{"metrics", ""}, {endpoint::metrics, permission::admin, false, &get_metrics}},
};

constexpr route entity_route{endpoint::entity, permission::read, false, &get_entity};
// On a bind of its own /metrics is protected by where it listens.
constexpr route open_metrics_route{endpoint::metrics, permission::none, false, &get_metrics};

const route* find_path(const target& where) {
  auto segments = where.segments();
  if (segments.size() == 4 && segments[0] == "v1" && segments[1] == "entities")
    return &entity_route;
  // A client whose paths are fixed, as Feast's SDK, names the moment in its base address.
  if (segments.size() == 3 && segments[0] == "as_of")
    for (const auto& path : fixed_paths)
      if (segments[2] == path.segments[0]
          && (path.to.what == endpoint::online_features || path.to.what == endpoint::write))
        return &path.to;
  for (const auto& path : fixed_paths) {
    auto count = path.segments[1].empty() ? size_t{1} : size_t{2};
    if (segments.size() == count && segments[0] == path.segments[0]
        && (count == 1 || segments[1] == path.segments[1]))
      return &path.to;
  }
  return nullptr;
}

bool served_on(endpoint what, bind_kind bind, bool metrics_elsewhere) {
  if (bind == bind_kind::main)
    return what != endpoint::metrics || !metrics_elsewhere;
  return what == endpoint::metrics || what == endpoint::health || what == endpoint::ready;
}

} // namespace

routing find_route(verb method, const target& where, bind_kind bind, bool metrics_elsewhere) {
  auto* found = find_path(where);
  if (found == nullptr || !served_on(found->what, bind, metrics_elsewhere))
    return {nullptr, fault::unknown_path};
  if (found->what == endpoint::metrics && bind == bind_kind::metrics)
    found = &open_metrics_route;
  if (found->post ? method == verb::post : method == verb::get || method == verb::head)
    return {found};
  return {nullptr, fault::method_not_allowed, found->post ? "POST" : "GET, HEAD"};
}

} // namespace keyfold::http
