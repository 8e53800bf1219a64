#include "http/endpoints.hpp"
#include "http/query_parameters.hpp"
#include "http/suggestion.hpp"
#include "http/value_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace keyfold::http {

namespace {

/// A feature outside the catalogue, of a view with open groups, asked for by name.
struct open_name {
  std::optional<uint32_t> view; ///< without: of any
  std::string name;
  std::string shown;
};

/// The question and what its answer needs.
struct entity_read final : feature_query {
  explicit entity_read(responder x) : to(std::move(x)) {}

  responder to;
  const entity_index* index = nullptr;
  canonical_key key;
  arena key_memory;
  bool everything = true;             ///< all features, in the catalogue's order
  std::vector<uint32_t> selected;     ///< without `everything`: in `index->features`
  std::vector<open_name> open_wanted; ///< without `everything` and `view_only`
  std::optional<uint32_t> view_only;
  /// A feature to compute: its place in `index->computed`, the first of its sources in `wanted`.
  struct computed {
    uint32_t place;
    size_t first_source;
    std::vector<cell> given; ///< its parameters; text is in `key_memory`
  };
  std::vector<computed> computed_wanted;
};

constexpr std::string_view parameters[] = {"features", "view", "as_of"};

void write_feature(json_writer& out, const feature_value& x, event_time now) {
  out.raw(std::string_view{R"({"value":)"});
  write_value(out, x.value, value_dialect::plain);
  out.raw(std::string_view{R"(,"status":")"});
  out.raw(status_name(x.status));
  out.raw(std::string_view{R"(","event_time":)"});
  out.timestamp(x.at);
  out.raw(std::string_view{R"(,"age_seconds":)"});
  if (x.at == beginning_of_time || x.at == end_of_time)
    out.null();
  else
    out.decimal(std::chrono::floor<std::chrono::milliseconds>(now - x.at).count(), 3);
  out.raw(std::string_view{"},"});
}

void write_open(json_writer& out, const entity_read& read, const key_answer& answer,
                event_time now) {
  const auto& index = *read.index;
  std::string name;
  for (const auto& x : answer.open) {
    if (read.view_only && x.view != *read.view_only)
      continue;
    // Two open views may both have it, or it may be named as a feature of the catalogue.
    if (index.open_views > 1 || index.by_name.find(x.name) != nullptr)
      name = fmt::format("{}:{}", index.definition->views[x.view]->name(), x.name);
    else
      name = x.name;
    out.string(name);
    out.raw(':');
    write_feature(out, x.value, now);
  }
}

void write_open_wanted(json_writer& out, const entity_read& read, const key_answer& answer,
                       event_time now) {
  for (const auto& wanted : read.open_wanted) {
    feature_value found;
    for (const auto& x : answer.open)
      if (x.name == wanted.name && (!wanted.view || x.view == *wanted.view)) {
        found = x.value;
        break;
      }
    out.string(wanted.shown);
    out.raw(':');
    write_feature(out, found, now);
  }
}

void write_computed(json_writer& out, const entity_read& read, const key_answer& answer,
                    event_time now) {
  arena memory;
  for (const auto& x : read.computed_wanted) {
    const auto& feature = read.index->computed[x.place];
    auto from = std::span{answer.values}.subspan(x.first_source, feature.of->sources.size());
    out.raw(feature.json);
    write_feature(out, feature.of->compute(feature.feature, from, x.given, memory), now);
  }
}

void write_answer(json_writer& out, const entity_read& read) {
  const auto& index = *read.index;
  const auto& answer = read.answers.front();
  auto now = wall_now();
  out.raw(std::string_view{R"({"entity":)"});
  out.string(index.definition->name);
  out.raw(std::string_view{R"(,"key":{)"});
  for (size_t i = 0; i < index.key_json.size(); ++i) {
    out.raw(index.key_json[i]);
    if (read.key.fields.empty())
      out.string(read.key.text);
    else
      write_value(out, read.key.fields[i], value_dialect::plain);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(std::string_view{R"(},"as_of":)"});
  out.timestamp(read.as_of ? *read.as_of : answer.as_of);
  out.raw(std::string_view{R"(,"features":{)"});
  auto stored = read.everything ? index.features.size() : read.selected.size();
  for (size_t i = 0; i < answer.values.size() && i < stored; ++i) {
    out.raw(index.features[read.everything ? i : read.selected[i]].json);
    write_feature(out, answer.values[i], now);
  }
  write_computed(out, read, answer, now);
  if (read.everything || read.view_only)
    write_open(out, read, answer, now);
  else
    write_open_wanted(out, read, answer, now);
  out.drop_comma();
  out.raw(std::string_view{"}}"});
}

void finish(const entity_read& read) {
  if (read.answers.empty() || !read.answers.front().found) {
    read.to.problem(fault::key_not_found,
                    fmt::format("{} \"{}\" has no state: no event with this key has been folded, "
                                "or all of it has expired",
                                read.index->definition->name, read.key.text));
    return;
  }
  auto& out = read.to.thread().out;
  out.clear();
  write_answer(out, read);
  read.to.send({.body = out.view()});
}

// Hands the answer to the I/O thread; called by whoever completes the query.
void on_done(feature_query& query) {
  auto& read = static_cast<entity_read&>(query);
  auto& thread = read.to.thread();
  if (thread.here())
    finish(read);
  else
    thread.run([keep = query.shared_from_this(), &read] { finish(read); });
}

/// Why something cannot be read.
struct refusal {
  fault why;
  std::string message;
};
using selection = tl::expected<void, refusal>;

tl::unexpected<refusal> refuse(fault why, std::string message) {
  return tl::unexpected{refusal{why, std::move(message)}};
}

/// Adds a computed feature, with its sources and what `where` says of its parameters.
selection select_computed(entity_read& read, uint32_t place, const target& where) {
  const auto& feature = read.index->computed[place];
  entity_read::computed x{place, 0, {}};
  for (size_t i = 0; i < feature.of->parameters.size(); ++i) {
    const auto& parameter = feature.of->parameters[i];
    auto text = where.find(parameter.name);
    if (!text && !feature.of->needs(feature.feature, i)) {
      x.given.emplace_back();
      continue;
    }
    if (!text)
      return refuse(fault::invalid_argument,
                    fmt::format("the feature \"{}\" is computed and needs the parameter \"{}\"",
                                feature.name, parameter.name));
    auto value = read_parameter(*text, parameter.type);
    if (!value)
      return refuse(fault::invalid_argument,
                    fmt::format("{}={} is no {}", parameter.name, text->substr(0, 100),
                                to_string(parameter.type)));
    x.given.push_back(read.key_memory.copy(*value));
  }
  x.first_source = read.wanted.size();
  read.computed_wanted.push_back(std::move(x));
  read.wanted.insert(read.wanted.end(), feature.of->sources.begin(), feature.of->sources.end());
  return {};
}

bool all_given(const entity_index::computed_feature& x, const target& where) {
  for (size_t i = 0; i < x.of->parameters.size(); ++i)
    if (x.of->needs(x.feature, i) && !where.find(x.of->parameters[i].name))
      return false;
  return true;
}

/// Reading everything includes the computed features whose parameters are given.
selection select_everything(entity_read& read, const target& where) {
  const auto& index = *read.index;
  read.wanted = index.places;
  read.with_open = index.open_views != 0;
  for (uint32_t i = 0; i < index.computed.size(); ++i) {
    if (!all_given(index.computed[i], where))
      continue;
    if (auto selected = select_computed(read, i, where); !selected)
      return selected;
  }
  return {};
}

selection select_view(entity_read& read, std::string_view name, const target& where) {
  const auto& index = *read.index;
  for (uint32_t i = 0; i < index.computed.size(); ++i) {
    if (index.computed[i].of->name != name)
      continue;
    read.everything = false;
    if (auto selected = select_computed(read, i, where); !selected)
      return selected;
  }
  if (!read.computed_wanted.empty())
    return {};
  auto* view = index.views.find(name);
  if (view == nullptr)
    return refuse(fault::unknown_view,
                  fmt::format("entity {} has no view \"{}\"{}", index.definition->name,
                              name.substr(0, 100), suggestion(name, index.views.names())));
  read.everything = false;
  read.view_only = *view;
  for (uint32_t i = 0; i < index.features.size(); ++i)
    if (index.features[i].place.view == *view) {
      read.selected.push_back(i);
      read.wanted.push_back(index.features[i].place);
    }
  read.with_open = index.definition->views[*view]->open();
  return {};
}

// Of a view with open groups: any name may be one of its features.
bool select_open(entity_read& read, std::string_view name) {
  const auto& index = *read.index;
  if (index.open_views == 0)
    return false;
  auto colon = name.find(':');
  auto* view = colon == std::string_view::npos ? nullptr : index.views.find(name.substr(0, colon));
  if (view != nullptr && !index.definition->views[*view]->open())
    return false;
  if (view != nullptr)
    read.open_wanted.push_back({*view, std::string{name.substr(colon + 1)}, std::string{name}});
  else
    read.open_wanted.push_back({std::nullopt, std::string{name}, std::string{name}});
  read.with_open = true;
  return true;
}

/// A feature asked for twice, by whichever of its names, is answered once: keys of an object are
/// unique. Returns whether it was new.
bool add_once(std::vector<uint32_t>& to, uint32_t place) {
  if (std::find(to.begin(), to.end(), place) != to.end())
    return false;
  to.push_back(place);
  return true;
}

selection select_features(entity_read& read, std::string_view names, const target& where) {
  const auto& index = *read.index;
  read.everything = false;
  std::vector<uint32_t> computed;
  while (!names.empty()) {
    auto end = names.find(',');
    auto name = names.substr(0, end);
    names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
    if (auto* place = index.by_name.find(name)) {
      if (add_once(read.selected, *place))
        read.wanted.push_back(index.features[*place].place);
    } else if (auto* place_of_computed = index.computed_by_name.find(name)) {
      add_once(computed, *place_of_computed);
    } else if (!select_open(read, name)) {
      return refuse(fault::unknown_feature,
                    fmt::format("entity {} has no feature \"{}\"{}; where several views have one "
                                "of that name, write view:feature",
                                index.definition->name, name.substr(0, 100),
                                suggestion(name, index.by_name.names())));
    }
  }
  // Their sources are read behind the features asked for by name.
  for (auto place : computed)
    if (auto selected = select_computed(read, place, where); !selected)
      return selected;
  return {};
}

/// What to read; answers the problem itself where there is one.
bool select(entity_read& read, const target& where) {
  auto view = where.find("view");
  auto features = where.find("features");
  if (view && features) {
    read.to.problem(fault::invalid_argument, "give features or view, not both");
    return false;
  }
  auto done = view       ? select_view(read, *view, where)
              : features ? select_features(read, *features, where)
                         : select_everything(read, where);
  if (!done)
    read.to.problem(done.error().why, done.error().message);
  return done.has_value();
}

} // namespace

void get_entity(const request& what, responder to) {
  const auto& shared = to.shared();
  auto segments = what.where.segments();
  auto* index = shared.index.entity(segments[2]);
  if (index == nullptr) {
    to.problem(fault::unknown_entity,
               fmt::format("there is no entity \"{}\"{}", segments[2].substr(0, 100),
                           suggestion(segments[2], shared.index.entity_names())));
    return;
  }
  std::vector<std::string_view> accepted{std::begin(parameters), std::end(parameters)};
  accepted.insert(accepted.end(), index->parameters.begin(), index->parameters.end());
  auto known = check_parameters(what.where, accepted);
  auto as_of = read_as_of(what.where, wall_now());
  if (!known || !as_of) {
    to.problem(fault::invalid_argument, known ? as_of.error().message : known.error().message);
    return;
  }
  auto read = std::make_shared<entity_read>(to);
  read->index = index;
  auto key = read_key(*index, segments[3], read->key_memory);
  if (!key) {
    to.problem(fault::invalid_key, key.error().message);
    return;
  }
  read->key = std::move(*key);
  if (!select(*read, what.where))
    return;
  read->entity = index->number;
  read->keys.push_back(read->key.text);
  read->as_of = *as_of;
  read->done = &on_done;
  auto& thread = to.thread();
  thread.submit(std::move(read));
}

} // namespace keyfold::http
