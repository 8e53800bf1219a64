#include "config/outputs.hpp"

#include "config/avro.hpp"
#include "config/output_rows.hpp"
#include "config/sources.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <set>

namespace keyfold::config {

namespace {

/// Reads the outputs of one definition, and sees that none is in the way of another.
class output_reader {
public:
  output_reader(const node& definition, const graph& views, std::vector<declared_stream>& streams,
                plan& to)
      : definition_(definition), views_(views), streams_(streams), to_(to) {}

  void read(const node& at) {
    output_plan made;
    made.name = at.text_or("name", "");
    check_name(at["name"]);
    names_.add(made.name, at["name"]);
    read_output_rows(at, views_, streams_, made);
    read_avro_output(at, definition_, made);
    target(at, made);
    to_.outputs.push_back(std::move(made));
  }

  void read_dead_letter(const node& at) {
    output_plan made;
    made.name = "dead_letter";
    made.every_change = true;
    target(at, made);
    to_.dead_letter = std::move(made);
  }

private:
  void target(const node& at, output_plan& made) {
    made.max_pending_bytes = at.size_or("max_pending", 256u << 20);
    if (made.max_pending_bytes < 1u << 16)
      at["max_pending"].complain("`max_pending` must be at least 64KiB");
    if (at.text_or("type", "") == "file")
      made.target = file_target(at);
    else
      made.target = kafka_target(at, made.name);
  }

  file_output file_target(const node& at) {
    file_output out{at.text_or("path", "")};
    if (!paths_.insert(out.path).second)
      at["path"].complain("two outputs write to the file " + at["path"].quoted()
                          + "; give each its own");
    for (const auto& stream : to_.streams)
      if (const auto* from = std::get_if<file_source>(&stream.source);
          from != nullptr && from->path == out.path)
        at["path"].complain("the stream " + backquoted(stream.schema->name) + " reads "
                            + at["path"].quoted() + ", so this would feed on itself");
    return out;
  }

  kafka_output kafka_target(const node& at, const std::string& name) {
    kafka_output out;
    out.brokers = at.text_or("brokers", "");
    out.topic = at.text_or("topic", "");
    out.transactional_id = at.text_or("transactional_id", to_.application + "-" + name);
    out.create_topic = at.flag_or("create_topic", true);
    out.partitions = at.whole_or("partitions", out.partitions);
    if (!out.create_topic && at["partitions"])
      at["partitions"].complain("`partitions` is of a topic that is made, and `create_topic` is "
                                "false");
    out.properties = at.properties("properties");
    refuse_owned_properties(at["properties"], {{"bootstrap.servers", "brokers"},
                                               {"metadata.broker.list", "brokers"},
                                               {"transactional.id", "transactional_id"}});
    if (!topics_.insert({out.brokers, out.topic}).second)
      at["topic"].complain("two outputs write to the topic " + at["topic"].quoted()
                           + "; give each its own, since their keys could be the same");
    if (!transactional_ids_.insert(out.transactional_id).second) {
      auto id = at["transactional_id"];
      (id ? id : at)
          .complain("two outputs have the transactional id "
                    + (id ? id.quoted() : backquoted(out.transactional_id))
                    + ", so each would fence the other off; give each its own");
    }
    refuse_loop(at, out);
    return out;
  }

  void refuse_loop(const node& at, const kafka_output& x) {
    for (const auto& stream : to_.streams) {
      const auto* from = std::get_if<kafka_source>(&stream.source);
      if (from != nullptr && from->brokers == x.brokers
          && std::find(from->topics.begin(), from->topics.end(), x.topic) != from->topics.end())
        at["topic"].complain("the stream " + backquoted(stream.schema->name) + " reads the topic "
                             + at["topic"].quoted() + ", so this would feed on itself");
    }
  }

  const node& definition_;
  const graph& views_;
  std::vector<declared_stream>& streams_;
  plan& to_;
  name_table names_{"outputs"};
  std::set<std::pair<std::string, std::string>> topics_;
  std::set<std::string> transactional_ids_;
  std::set<std::string> paths_;
};

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

void read_outputs(const node& definition, const graph& views, std::vector<declared_stream>& streams,
                  plan& to) {
  output_reader reader{definition, views, streams, to};
  for (const auto& at : definition["outputs"].items())
    reader.read(at);
  if (auto at = definition["dead_letter"])
    reader.read_dead_letter(at);
}

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
