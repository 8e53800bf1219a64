#include "config/streams.hpp"

#include "config/avro.hpp"
#include "config/lookups.hpp"
#include "config/sources.hpp"
#include "config/spelling.hpp"
#include "features/timestamp_format.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

scope_entry entry_of(const stream_field& x) {
  return {x.name, x.type, x.nullable};
}

std::vector<std::string> path_of(const node& at, const std::string& name) {
  if (!at)
    return {name};
  if (!at.is_string())
    return at.texts();
  std::vector<std::string> parts;
  auto text = at.text();
  for (size_t begin = 0; begin <= text.size();) {
    auto end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (std::find(parts.begin(), parts.end(), "") != parts.end())
    at.complain("the path " + at.quoted()
                + " has an empty part; a name with a dot is written in an array, [\"a.b\", \"c\"]");
  return parts;
}

void read_timestamp_form(const node& at, stream_field& made) {
  auto unit = at["unit"];
  auto format = at["format"];
  if (made.type.kind != type_kind::timestamp) {
    for (const auto& [key, x] : {std::pair{"unit", unit}, std::pair{"format", format}})
      if (x)
        x.complain_of_key(backquoted(key) + " is for timestamps, and this is "
                          + backquoted(to_string(made.type)));
    return;
  }
  if (unit && format)
    format.complain_of_key("give either `unit` or `format`");
  if (format) {
    made.unit = timestamp_unit::pattern;
    made.pattern = format.text();
    if (auto fine = check_timestamp_pattern(made.pattern); !fine)
      format.complain(fine.error().message);
    return;
  }
  auto name = unit.text();
  made.unit = name == "s"    ? timestamp_unit::seconds
              : name == "ms" ? timestamp_unit::milliseconds
              : name == "us" ? timestamp_unit::microseconds
                             : timestamp_unit::rfc3339;
}

/// Reads one stream.
class stream_reader {
public:
  stream_reader(declared_stream& to, table_set& tables) : to_(to), tables_(tables) {}

  void fields() {
    for (const auto& [name, at] : to_.definition["fields"].members())
      field(name, at);
    lookup_reader lookups{to_, tables_};
    lookups.columns();
    for (const auto& [name, at] : to_.definition["derived"].members())
      derived(name, at);
    lookups.keys(); // which may be derived
    to_.used.assign(to_.full.fields.size(), false);
    lookups.use();
  }

  void where() {
    auto at = to_.definition["where"];
    if (!at || !to_.sound)
      return;
    to_.full.where = compile_condition(at, to_.columns());
    if (!to_.full.where)
      return;
    to_.full.where_stage = stage_of(to_.full, to_.full.where->columns());
    use(*to_.full.where);
  }

  void time() {
    to_.full.time.max_delay = to_.definition.duration_or("max_delay", duration{0});
    to_.full.time.idle_after =
        to_.definition.milliseconds_or("idle_after", std::chrono::milliseconds{5000});
    auto at = to_.definition["event_time"];
    if (!at || at.text() == "source") {
      if (!std::holds_alternative<kafka_source>(to_.plan.source)
          && !std::holds_alternative<s2_source>(to_.plan.source))
        (at ? at : to_.definition)
            .complain("records of this source have no time of their own: name a timestamp field "
                      "as `event_time`");
      return;
    }
    if (!to_.sound)
      return;
    auto found = to_.full.find(at.text());
    if (!found) {
      at.complain("the stream has no column " + at.quoted()
                  + suggestion(at.text(), timestamps(), "timestamps"));
      return;
    }
    const auto& type = to_.full.fields[*found].type;
    if (type.kind != type_kind::timestamp)
      at.complain("the event time must be a timestamp, and " + at.quoted() + " is "
                  + backquoted(to_string(type)) + "; declare it as a timestamp with its `unit`");
    if (to_.full.fields[*found].stage != 0)
      at.complain("the event time must be known before anything is looked up, and " + at.quoted()
                  + " comes of a lookup");
    to_.full.time.field = *found;
    to_.used[*found] = true;
  }

private:
  void field(const std::string& name, const node& at) {
    auto format = to_.plan.format.format;
    auto made =
        read_field(name, at, format == record_format::json || format == record_format::avro);
    if (made)
      to_.full.fields.push_back(std::move(*made));
    else
      to_.sound = false;
  }

  void derived(const std::string& name, const node& at) {
    auto named = check_column_name(name, at);
    if (named && to_.full.find(name)) {
      at.complain_of_key("there is a field called " + backquoted(name) + " already; rename one");
      named = false;
    }
    auto compiled = to_.sound ? compile(at, to_.columns()) : std::nullopt;
    if (!named || !compiled) {
      to_.sound = false;
      return;
    }
    stream_field made;
    made.name = name;
    made.type = compiled->type();
    made.stage = stage_of(to_.full, compiled->columns());
    made.derived = std::move(*compiled);
    if (made.type.kind == type_kind::null) {
      at.complain("the column is always NULL; give it a type with CAST");
      to_.sound = false;
    }
    to_.full.fields.push_back(std::move(made));
  }

  std::vector<std::string> timestamps() const {
    std::vector<std::string> out;
    for (const auto& x : to_.full.fields)
      if (x.type.kind == type_kind::timestamp)
        out.push_back(x.name);
    return out;
  }

  void use(const expression& x) {
    for (auto column : x.columns())
      to_.used[column] = true;
  }

  declared_stream& to_;
  table_set& tables_;
};

} // namespace

std::optional<stream_field> read_field(const std::string& name, const node& at, bool nested) {
  stream_field made;
  made.name = name;
  auto type_at = at.is_string() ? at : at["type"];
  auto type = parse_data_type(type_at.text());
  auto named = check_column_name(name, at);
  if (!type)
    type_at.complain(type.error().message);
  if (!type || !named)
    return std::nullopt;
  made.type = *type;
  made.nullable = !at.flag_or("required", false);
  made.path = path_of(at["path"], name);
  if (made.path.size() > 1 && !nested)
    at["path"].complain("only records in JSON and Avro are nested; here a path is one name");
  read_timestamp_form(at, made);
  return made;
}

scope declared_stream::columns(size_t count) const {
  scope out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(entry_of(full.fields[i]));
  return out;
}

scope scope_of(const stream_schema& x) {
  scope out;
  for (const auto& field : x.fields)
    out.push_back(entry_of(field));
  return out;
}

std::optional<expression> compile(const node& text, const scope& columns) {
  auto compiled = compile_expression(text.text(), columns);
  if (compiled)
    return std::move(*compiled);
  text.complain_inside(compiled.error().offset, compiled.error().message);
  return std::nullopt;
}

std::optional<expression> compile_condition(const node& text, const scope& columns) {
  auto compiled = compile(text, columns);
  if (!compiled)
    return std::nullopt;
  if (compiled->type().kind != type_kind::boolean) {
    text.complain("a condition must be true or false, and this is "
                  + backquoted(to_string(compiled->type())) + "; compare it with something");
    return std::nullopt;
  }
  return compiled;
}

/// Members of one group divide its topics among them, so two streams in one would each miss
/// records.
void refuse_shared_group(const std::vector<declared_stream>& streams) {
  const auto* last = std::get_if<kafka_source>(&streams.back().plan.source);
  for (const auto& other : streams) {
    const auto* x = std::get_if<kafka_source>(&other.plan.source);
    if (other.name == streams.back().name || last == nullptr || x == nullptr
        || x->brokers != last->brokers || x->group != last->group)
      continue;
    auto at = streams.back().definition["source"];
    (at["group"] ? at["group"] : at)
        .complain("the stream " + backquoted(other.name) + " is in the group "
                  + (at["group"] ? at["group"].quoted() : backquoted(last->group))
                  + " too, and would be dealt some of the records; give each its own `group`");
  }
}

namespace {

declared_stream& declare(const node& at, const node& name_at, name_table& names,
                         std::vector<declared_stream>& to) {
  auto& made = to.emplace_back();
  made.definition = at;
  made.name = name_at.text();
  made.full.name = made.name;
  check_name(name_at);
  names.add(made.name, name_at);
  return made;
}

} // namespace

std::vector<declared_stream> read_streams(const node& definition, const std::string& application,
                                          name_table& names, table_set& tables) {
  std::vector<declared_stream> out;
  for (const auto& at : definition["streams"].items()) {
    auto& made = declare(at, at["name"], names, out);
    read_source(at, application, made.plan);
    read_avro_stream(at, definition, made.plan);
    refuse_shared_group(out);
    stream_reader reader{made, tables};
    reader.fields();
    reader.where();
    reader.time();
  }
  for (const auto& view : definition["views"].items()) {
    auto at = view["emits"];
    if (!at)
      continue;
    auto& made = declare(at, at.is_string() ? at : at["name"], names, out);
    made.plan.source = view_source{view.text_or("name", "")};
    made.sound = false;
  }
  return out;
}

void read_emissions(std::span<const column> emitted, table_set& tables, declared_stream& to) {
  to.sound = true;
  for (const auto& x : emitted) {
    stream_field field;
    field.name = x.name;
    field.type = x.type;
    to.full.fields.push_back(std::move(field));
  }
  stream_reader reader{to, tables};
  reader.fields();
  reader.where();
}

namespace {

/// Per column of the stream, whether it is needed for those used.
std::vector<bool> needed_columns(const declared_stream& x) {
  auto needed = x.used;
  std::vector<uint32_t> open;
  for (uint32_t i = 0; i < needed.size(); ++i) {
    // A required field is a check of the records whether or not a view uses it.
    needed[i] = needed[i] || (x.full.fields[i].decoded() && !x.full.fields[i].nullable);
    if (needed[i])
      open.push_back(i);
  }
  auto need = [&](std::span<const uint32_t> columns) {
    for (auto column : columns) {
      if (!needed[column])
        open.push_back(column);
      needed[column] = true;
    }
  };
  while (!open.empty()) {
    const auto& field = x.full.fields[open.back()];
    open.pop_back();
    if (field.derived)
      need(field.derived->columns());
    if (field.lookup)
      need(x.full.lookups[*field.lookup].key);
  }
  return needed;
}

} // namespace

std::shared_ptr<stream_schema> prune(const declared_stream& x, table_set& tables) {
  auto needed = needed_columns(x);
  auto out = std::make_shared<stream_schema>();
  out->name = x.name;
  out->time = x.full.time;
  for (size_t i = 0; i < x.full.fields.size(); ++i) {
    if (!needed[i])
      continue;
    auto field = x.full.fields[i];
    if (field.derived)
      field.derived = compile(x.definition["derived"][field.name], scope_of(*out));
    if (x.full.time.field == i)
      out->time.field = static_cast<uint32_t>(out->fields.size());
    out->fields.push_back(std::move(field));
  }
  prune_lookups(x, tables, *out);
  if (x.full.where) {
    out->where = compile_condition(x.definition["where"], scope_of(*out));
    out->where_stage = stage_of(*out, out->where->columns());
  }
  if (out->fields.size() > max_used_fields)
    x.name_at().complain("the definition uses " + std::to_string(out->fields.size())
                         + " columns of this stream, and at most " + std::to_string(max_used_fields)
                         + " can be; divide the stream in two");
  return out;
}

} // namespace keyfold::config
