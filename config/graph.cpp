#include "config/graph.hpp"

#include "config/spelling.hpp"
#include "config/stages.hpp"

#include <algorithm>
#include <set>

namespace keyfold::config {

namespace {

constexpr size_t max_views = 1000;

std::string joined(const std::vector<std::string>& parts, std::string_view link) {
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : std::string{link}) + part;
  return out;
}

void refuse_twice(const std::vector<node>& columns) {
  std::set<std::string> seen;
  for (const auto& column : columns)
    if (!seen.insert(column.text()).second)
      column.complain("the column " + column.quoted() + " is listed twice");
}

/// Views that take their keys from the same columns of a stream share its input.
void add_input(entity_definition& to, const std::string& stream, const std::vector<uint32_t>& key,
               entity_definition::view_input view) {
  auto same = [&](const auto& x) { return x.stream == stream && x.key_columns == key; };
  auto input = std::find_if(to.inputs.begin(), to.inputs.end(), same);
  if (input == to.inputs.end())
    input = to.inputs.insert(input, {stream, key, {}});
  input->views.push_back(view);
}

} // namespace

graph::graph(const node& definition, std::vector<declared_stream>& streams,
             const name_table& stream_names, table_set& tables, kind_finder find_kind)
    : streams_(streams), stream_names_(stream_names), tables_(tables), find_kind_(find_kind),
      definition_(definition) {
  for (const auto& at : definition["entities"].items())
    declare_entity(at);
  for (const auto& at : definition["views"].items())
    declare_view(at);
  for (const auto& at : definition["counter_machines"].items())
    declare_machine(at);
  if (views_.size() > max_views)
    definition["counter_machines"].complain_of_key(
        "views and counter machines make " + std::to_string(views_.size()) + " views, and at most "
        + std::to_string(max_views) + " can be");
}

void graph::declare_entity(const node& at) {
  check_name(at["name"]);
  refuse_twice(at["key"].items());
  auto name = at.text_or("name", "");
  entity_names_.add(name, at["name"]);
  auto key = at["key"].texts();
  entities_.push_back({at, name, key, std::vector<std::optional<data_type>>(key.size()),
                       std::vector<std::string>(key.size()), false});
}

void graph::declare_view(const node& at) {
  declared_view made;
  made.definition = at;
  made.name = at.text_or("name", "");
  check_name(at["name"]);
  auto entity = entity_names_.find(at["entity"]);
  const auto* kind = find_kind_(at.text_or("type", ""));
  if (entity && kind != nullptr) {
    made.entity = *entity;
    made.read = kind->read;
    declare_inputs(at, *kind, made);
  }
  add_view(std::move(made), at["name"]);
}

/// Without inputs, that is on a mistake, the view is not compiled.
void graph::declare_inputs(const node& at, const view_kind& kind, declared_view& to) const {
  const auto& entity = entities_[to.entity];
  auto sound = true;
  auto add = [&](const node& stream, const node& key) {
    to.inputs.push_back(declare_input(stream, key, at["entity"], entity));
    sound = sound && to.inputs.back();
  };
  if (kind.roles.empty())
    add(at["stream"], at["key"]);
  for (const auto& role : kind.roles) {
    auto given = at[role.name];
    if (given)
      add(given.is_object() ? given["stream"] : given, given["key"]);
    else
      to.inputs.emplace_back();
  }
  if (!sound)
    to.inputs.clear();
}

std::optional<graph::declared_input> graph::declare_input(const node& stream, const node& key,
                                                          const node& entity_at,
                                                          const declared_entity& entity) const {
  auto found = stream_names_.find(stream);
  if (!found)
    return std::nullopt;
  return declared_input{*found, view_key(key, entity_at, entity)};
}

std::vector<graph::key_column> graph::view_key(const node& mapped, const node& entity_at,
                                               const declared_entity& entity) const {
  for (const auto& [field, column] : mapped.members())
    if (std::find(entity.key.begin(), entity.key.end(), field) == entity.key.end())
      column.complain_of_key("the entity " + backquoted(entity.name) + " has no key field "
                             + backquoted(field) + suggestion(field, entity.key, "key fields"));
  std::vector<key_column> out;
  for (const auto& field : entity.key) {
    auto named = mapped[field];
    out.push_back({named ? named.text() : field, named, entity_at});
  }
  return out;
}

void graph::declare_machine(const node& at) {
  check_name(at["name"]);
  auto stream = stream_names_.find(at["stream"]);
  for (const auto& key_at : at["keys"].items()) {
    refuse_twice(key_at.items());
    declared_view made;
    made.definition = at;
    made.name = at.text_or("name", "") + "_" + joined(key_at.texts(), "_x_");
    made.read = find_view_kind("decayed_counters")->read;
    auto entity = machine_entity(key_at);
    if (!entity || !stream)
      continue;
    made.entity = *entity;
    auto& input = made.inputs.emplace_back(declared_input{*stream, {}});
    for (const auto& column : key_at.items())
      input->key.push_back({column.text(), column, key_at});
    add_view(std::move(made), key_at);
  }
}

std::optional<uint32_t> graph::machine_entity(const node& key_at) {
  auto key = key_at.texts();
  for (size_t i = 0; i < entities_.size(); ++i)
    if (entities_[i].key == key)
      return static_cast<uint32_t>(i);
  auto name = joined(key, "_x_");
  if (entity_names_.find(name)) {
    key_at.complain("these columns would make an entity called " + backquoted(name)
                    + ", and there is one with another key; rename that");
    return std::nullopt;
  }
  entity_names_.add(name, key_at);
  entities_.push_back({{},
                       name,
                       key,
                       std::vector<std::optional<data_type>>(key.size()),
                       std::vector<std::string>(key.size()),
                       false});
  return static_cast<uint32_t>(entities_.size() - 1);
}

void graph::add_view(declared_view made, const node& name_at) {
  view_names_.add(made.name, name_at);
  for (const auto& input : made.inputs)
    if (input)
      streams_[input->stream].read = true;
  if (made.read != nullptr)
    entities_[made.entity].used = true;
  views_.push_back(std::move(made));
}

std::optional<uint32_t> graph::find_key_column(const key_column& x, const std::string& entity,
                                               view_columns& columns) const {
  if (x.named_at)
    return columns.find_scalar(x.named_at);
  auto found = columns.schema().find(x.column);
  const auto& stream = columns.schema().name;
  if (!found) {
    x.entity_at.complain("the entity " + backquoted(entity) + " is keyed by " + backquoted(x.column)
                         + ", a column that the stream " + backquoted(stream)
                         + " has not; name the one to take in the view's `key`"
                         + suggestion(x.column, columns.names(), "columns"));
    return std::nullopt;
  }
  const auto& type = columns.field(*found).type;
  if (type.kind == type_kind::list || type.kind == type_kind::map) {
    x.entity_at.complain("the entity " + backquoted(entity) + " is keyed by " + backquoted(x.column)
                         + ", which is " + backquoted(to_string(type)) + " in the stream "
                         + backquoted(stream) + " and cannot be a key");
    return std::nullopt;
  }
  columns.use(*found);
  return found;
}

void graph::note_type(declared_entity& entity, size_t field, const data_type& type,
                      const declared_input& x) {
  auto& known = entity.types[field];
  const auto& stream = streams_[x.stream].name;
  if (!known) {
    known = type;
    entity.typed_by[field] = stream;
  } else if (!(*known == type)) {
    const auto& key = x.key[field];
    (key.named_at ? key.named_at : key.entity_at)
        .complain("the key field " + backquoted(entity.key[field]) + " of the entity "
                  + backquoted(entity.name) + " is " + backquoted(to_string(*known))
                  + " in the stream " + backquoted(entity.typed_by[field]) + " and "
                  + backquoted(to_string(type)) + " in the stream " + backquoted(stream)
                  + "; give both the same type");
  }
}

std::optional<std::vector<uint32_t>>
graph::find_key(declared_entity& entity, const declared_input& x, view_columns& columns) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < x.key.size(); ++i) {
    auto found = find_key_column(x.key[i], entity.name, columns);
    if (!found)
      continue;
    note_type(entity, i, columns.field(*found).type, x);
    out.push_back(*found);
  }
  return out.size() == x.key.size() ? std::optional{out} : std::nullopt;
}

/// Whether its inputs are known well enough to judge it.
bool graph::can_compile(const declared_view& x) const {
  auto given = std::any_of(x.inputs.begin(), x.inputs.end(), [](const auto& i) { return !!i; });
  return given && std::all_of(x.inputs.begin(), x.inputs.end(), [&](const auto& input) {
           return !input || streams_[input->stream].sound;
         });
}

graph::compiled_view graph::compile(const declared_view& x,
                                    const std::vector<const stream_schema*>& schemas,
                                    uint64_t& features_left) {
  compiled_view out;
  out.columns.reserve(x.inputs.size()); // what the request points to must not move
  std::vector<view_columns*> inputs;
  for (const auto& input : x.inputs) {
    if (!input) {
      inputs.push_back(nullptr);
      continue;
    }
    inputs.push_back(&out.columns.emplace_back(*schemas[input->stream]));
    out.keys.push_back(find_key(entities_[x.entity], *input, *inputs.back()));
  }
  out.made = x.read({x.definition, x.name, inputs, out.columns.front(), features_left, tables_});
  return out;
}

void graph::find_emitters() {
  emitters_.resize(streams_.size());
  for (uint32_t view = 0; view < views_.size(); ++view) {
    auto at = views_[view].definition["emits"];
    auto stream = at ? stream_names_.find(at.is_string() ? at : at["name"]) : std::nullopt;
    if (!stream || !streams_[*stream].derived())
      continue;
    views_[view].emits = stream;
    emitters_[*stream] = view;
  }
}

std::vector<uint32_t> graph::by_stage() const {
  std::vector<std::vector<uint32_t>> emitters(views_.size());
  for (uint32_t view = 0; view < views_.size(); ++view)
    for (const auto& input : views_[view].inputs)
      if (input && emitters_[input->stream])
        emitters[view].push_back(*emitters_[input->stream]);
  return sort_by_stage(emitters, [this](std::span<const uint32_t> circle) {
    std::vector<std::string> names;
    for (auto view : circle)
      names.push_back(backquoted(views_[view].name));
    streams_[*views_[circle.front()].emits].name_at().complain(
        "a view cannot read what comes of its own events: " + joined(names, " reads ")
        + "; take one of these views out of the circle");
  });
}

void graph::check() {
  find_emitters();
  std::vector<const stream_schema*> schemas;
  for (const auto& stream : streams_)
    schemas.push_back(&stream.full);
  uint64_t features_left = max_features;
  for (auto number : by_stage())
    check(views_[number], schemas, features_left);
}

void graph::check(declared_view& x, const std::vector<const stream_schema*>& schemas,
                  uint64_t& features_left) {
  if (!can_compile(x))
    return;
  auto compiled = compile(x, schemas, features_left);
  x.checked = compiled.made;
  size_t given = 0;
  for (const auto& input : x.inputs) {
    if (!input)
      continue;
    auto& used = streams_[input->stream].used;
    const auto& columns = compiled.columns[given++];
    for (size_t i = 0; i < used.size(); ++i)
      used[i] = used[i] || columns.used()[i];
  }
  check_emissions(x);
}

void graph::check_emissions(const declared_view& x) {
  if (!x.emits || x.checked == nullptr)
    return;
  if (x.checked->emissions().empty())
    streams_[*x.emits].name_at().complain("the view " + backquoted(x.name)
                                          + " emits no events; remove its `emits`");
  else
    read_emissions(x.checked->emissions(), tables_, streams_[*x.emits]);
}

void graph::check_use() const {
  for (const auto& stream : streams_)
    if (!stream.read && stream.derived())
      stream.name_at().complain("nothing reads the stream " + backquoted(stream.name)
                                + "; name it in a view or an output, or remove the `emits`");
    else if (!stream.read)
      stream.name_at().complain("no view is over the stream " + backquoted(stream.name)
                                + "; add one to `views` or remove the stream");
  for (const auto& entity : entities_)
    if (!entity.used)
      entity.at["name"].complain("no view is about the entity " + backquoted(entity.name)
                                 + "; add one to `views` or remove the entity");
}

std::vector<std::shared_ptr<const entity_definition>>
graph::build(const std::vector<std::shared_ptr<const stream_schema>>& schemas) {
  std::vector<std::shared_ptr<entity_definition>> made;
  for (const auto& x : entities_) {
    auto& out = *made.emplace_back(std::make_shared<entity_definition>());
    out.name = x.name;
    for (size_t i = 0; i < x.key.size(); ++i)
      out.key.push_back({x.key[i], x.types[i].value_or(data_type{})});
  }
  std::vector<const stream_schema*> columns;
  columns.reserve(schemas.size());
  for (const auto& schema : schemas)
    columns.push_back(schema.get());
  uint64_t features_left = max_features;
  for (const auto& x : views_) {
    auto compiled = compile(x, columns, features_left);
    auto keyed = std::all_of(compiled.keys.begin(), compiled.keys.end(),
                             [](const auto& key) { return key.has_value(); });
    if (!keyed || compiled.made == nullptr)
      continue;
    auto& entity = *made[x.entity];
    auto view = static_cast<uint32_t>(entity.views.size());
    entity.views.push_back(std::move(compiled.made));
    for (uint32_t i = 0; i < compiled.keys.size(); ++i)
      add_input(entity, compiled.columns[i].schema().name, *compiled.keys[i], {view, i});
  }
  return {made.begin(), made.end()};
}

} // namespace keyfold::config
