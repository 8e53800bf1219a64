#include "config/plan.hpp"
#include "config/spelling.hpp"

#include "features/timestamp_format.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view link = ", ") {
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : std::string{link}) + part;
  return out;
}

std::string counted(size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string{count == 1 ? one : many};
}

std::string text_of(duration x) {
  constexpr std::pair<int64_t, const char*> units[] = {
      {86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"},
      {1'000'000, "s"},      {1000, "ms"},
  };
  for (const auto& [length, unit] : units)
    if (x.count() % length == 0 && x.count() >= length)
      return std::to_string(x.count() / length) + unit;
  return x.count() == 0 ? "0s" : std::to_string(x.count()) + "us";
}

struct source_text {
  std::string operator()(const kafka_source& x) const {
    auto what = x.topics.empty() ? "topics matching " + x.topic_pattern
                                 : (x.topics.size() == 1 ? "topic " : "topics ") + joined(x.topics);
    auto from = x.start == kafka_source::start::earliest ? std::string{"earliest"}
                : x.start == kafka_source::start::latest ? std::string{"latest"}
                                                         : format_rfc3339(x.start_at);
    return "Kafka " + what + " at " + x.brokers + ", group " + x.group + ", from " + from
           + (x.bounded ? " to where it ends at the start" : "");
  }
  std::string operator()(const s2_source& x) const {
    auto what = x.streams.empty() ? "" : " " + joined(x.streams);
    if (x.prefix)
      what += (what.empty() ? " " : ", ") + ("all that begin with " + *x.prefix);
    auto from = x.start == s2_source::start::first  ? std::string{"the first record"}
                : x.start == s2_source::start::tail ? std::string{"the tail"}
                                                    : format_rfc3339(x.start_at);
    return "S2 streams" + what + " of basin " + x.basin.basin + ", from " + from
           + (x.bounded ? " to where they end at the start" : "");
  }
  std::string operator()(const file_source& x) const {
    return "file " + x.path + (x.follow ? ", followed" : "");
  }
  std::string operator()(const stdin_source&) const { return "standard input"; }
  std::string operator()(const http_push_source&) const { return "pushes over HTTP"; }
  std::string operator()(const view_source& x) const {
    return "what the view " + x.view + " emits";
  }
};

struct target_text {
  std::string operator()(const kafka_output& x) const {
    return "Kafka topic " + x.topic + " at " + x.brokers;
  }
  std::string operator()(const s2_output& x) const {
    return "S2 stream " + x.stream + " of basin " + x.basin.basin
           + (x.upsert ? ", upserts" : ", appended");
  }
  std::string operator()(const file_output& x) const { return "file " + x.path; }
  std::string operator()(const postgres_output& x) const { return "PostgreSQL table " + x.table; }
  std::string operator()(const sqlite_output& x) const {
    return "table " + x.table + " of sqlite " + x.path;
  }
  std::string operator()(const webhook_output& x) const {
    return "webhook " + x.url.substr(0, x.url.find('?'));
  }
  std::string operator()(const dynamodb_output& x) const {
    return "DynamoDB table " + x.table + " at " + (x.endpoint.empty() ? x.region : x.endpoint);
  }
};

std::string source_of(const table_plan& x) {
  if (const auto* file = std::get_if<csv_table>(&x.source))
    return "file " + file->path;
  const auto& of = std::get<postgres_table>(x.source);
  return "PostgreSQL table " + of.table
         + (of.mode == postgres_table::mode::replicated ? ", replicated" : ", asked on demand");
}

std::string_view name_of(record_format x) {
  switch (x) {
  case record_format::csv:
    return "csv";
  case record_format::text:
    return "text";
  case record_format::avro:
    return "avro";
  default:
    return "json";
  }
}

std::string_view name_of(const output_format& x) {
  using kind = output_format::kind;
  return x.is == kind::csv ? "csv" : x.is == kind::avro ? "avro" : "json";
}

std::string features_of(const view& x) {
  return counted(x.features().size(), "feature", "features")
         + (x.open() ? " known beforehand, more by group" : "");
}

bool emits(const view& x, const stream_plan& stream) {
  const auto* from = std::get_if<view_source>(&stream.source);
  return from != nullptr && from->view == x.name();
}

size_t features_in(const plan& x) {
  size_t count = 0;
  for (const auto& entity : x.entities)
    for (const auto& view : entity->views)
      count += view->features().size();
  return count;
}

void append_outputs(const plan& all, std::vector<std::string> output_plan::*rows,
                    const std::string& name, std::string_view indent, std::string& out) {
  for (const auto& output : all.outputs)
    if (std::find((output.*rows).begin(), (output.*rows).end(), name) != (output.*rows).end())
      out += std::string{indent} + "-> output " + output.name + "\n";
}

void append_lookup(const stream_schema& schema, const stream_lookup& x, const std::string& columns,
                   std::string& out) {
  std::vector<std::string> key;
  for (auto column : x.key)
    key.push_back(schema.fields[column].name);
  out += "  looks up " + (columns.empty() ? "whether there is a row" : columns) + " in table "
         + x.table->name() + " by " + joined(key)
         + (x.drop_missing ? "; rows without are left out" : "") + "\n";
}

/// Whether a view reads a table by itself, not through the lookups of its streams.
bool reads(const view& x, const table_plan& from) {
  return std::find(from.views.begin(), from.views.end(), x.name()) != from.views.end();
}

std::vector<std::string> readers_of(const plan& all, const table_plan& x) {
  std::vector<std::string> out;
  for (const auto& stream : all.streams)
    for (const auto& lookup : stream.schema->lookups)
      if (lookup.table == x.looked_up())
        out.push_back("stream " + stream.schema->name);
  for (const auto& view : x.views)
    out.push_back("view " + view);
  return out;
}

void append_table(const plan& all, const table_plan& x, std::string& out) {
  const auto table = x.looked_up();
  const auto& columns = table->columns();
  std::vector<std::string> key;
  std::vector<std::string> fields;
  fields.reserve(columns.size());
  for (auto column : table->key())
    key.push_back(columns[column].name);
  for (const auto& column : columns)
    fields.push_back(column.name + " " + to_string(column.type));
  out += "table " + x.looked_up()->name() + " by " + joined(key) + "\n";
  out += "  from     " + source_of(x) + "\n";
  out += "  fields   " + joined(fields) + "\n";
  out += "  at most  " + std::to_string(x.bounds.max_rows) + " rows, "
         + std::to_string(x.bounds.max_bytes) + " bytes\n";
  for (const auto& reader : readers_of(all, x))
    out += "  -> " + reader + "\n";
}

void append_stream(const plan& all, const stream_plan& x, std::string& out) {
  const auto& schema = *x.schema;
  auto emitted = std::holds_alternative<view_source>(x.source);
  out += "stream " + schema.name + "\n";
  out += "  from     " + std::visit(source_text{}, x.source)
         + (emitted ? "" : " (" + std::string{name_of(x.format.format)} + ")") + "\n";
  std::vector<std::string> read;
  std::vector<std::string> derived;
  std::vector<std::string> looked_up(schema.lookups.size());
  for (const auto& field : schema.fields) {
    auto text = field.name + " " + to_string(field.type) + (field.nullable ? "" : " required");
    if (field.lookup)
      looked_up[*field.lookup] += (looked_up[*field.lookup].empty() ? "" : ", ") + text;
    else
      (field.derived ? derived : read).push_back(text);
  }
  out += "  reads    " + joined(read) + "\n";
  for (size_t i = 0; i < looked_up.size(); ++i)
    append_lookup(schema, schema.lookups[i], looked_up[i], out);
  if (!derived.empty())
    out += "  derives  " + joined(derived) + "\n";
  auto time = schema.time.field ? schema.fields[*schema.time.field].name : "the source's time";
  if (emitted)
    out += "  time     as the view says, in step with the view\n";
  else
    out += "  time     " + time + ", up to " + text_of(schema.time.max_delay)
           + " out of order, idle after " + text_of(schema.time.idle_after) + "\n";
  if (schema.where)
    out += "  where    only some rows are kept\n";
  append_outputs(all, &output_plan::streams, schema.name, "  ", out);
}

void append_entity(const plan& all, const entity_definition& x, std::string& out) {
  std::vector<std::string> key;
  for (const auto& field : x.key)
    key.push_back(field.name + " " + to_string(field.type));
  out += "entity " + x.name + " by " + joined(key) + "\n";
  for (const auto& view : x.views) {
    std::vector<std::string> inputs(view->inputs().begin(), view->inputs().end());
    out += "  view " + view->name() + " (" + std::string{view->kind()} + " of " + joined(inputs)
           + "): " + features_of(*view) + "\n";
    for (const auto& table : all.tables)
      if (reads(*view, table))
        out += "    looks up rows of table " + table.looked_up()->name() + "\n";
    for (const auto& stream : all.streams)
      if (emits(*view, stream))
        out += "    -> stream " + stream.schema->name + "\n";
    append_outputs(all, &output_plan::views, view->name(), "    ", out);
  }
}

void append_output(const output_plan& x, std::string& out) {
  out += "output " + x.name + "\n";
  out += "  to       " + std::visit(target_text{}, x.target) + "\n";
  out += "  of       " + joined(x.views) + joined(x.streams) + "\n";
  out += "  as       key " + std::string{name_of(x.key_format)} + ", value "
         + std::string{name_of(x.value_format)} + ", "
         + (!x.streams.empty() ? "every event"
            : x.every_change   ? "every change"
                               : "the last change of a key in each epoch")
         + "\n";
  std::vector<std::string> fields;
  for (const auto& field : x.fields)
    fields.push_back(field.name == field.column ? field.name : field.name + " = " + field.column);
  if (!fields.empty())
    out += "  value    " + joined(fields) + "\n";
}

void append_on_demand(const on_demand_plan& x, std::string& out) {
  std::vector<std::string> from;
  for (const auto& source : x.sources)
    from.push_back(source.view + ":" + source.feature);
  std::vector<std::string> given;
  for (const auto& parameter : x.parameters)
    given.push_back(parameter.name + " " + to_string(parameter.type));
  out += "on demand " + x.name + " (of entity " + x.entity
         + "): " + counted(x.features.size(), "feature", "features") + "\n";
  if (!from.empty())
    out += "  from     " + joined(from) + "\n";
  if (!given.empty())
    out += "  request  " + joined(given) + "\n";
}

/// Text inside a Mermaid label: quotes and brackets would end it.
std::string label(std::string_view text) {
  std::string out;
  for (auto c : text) {
    if (c == '"' || c == '<' || c == '>' || c == '&' || c == '#' || c == '`')
      out += "#" + std::to_string(static_cast<int>(c)) + ";";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

/// The places of the graph: each gets a short identifier, since names may be words of Mermaid.
class mermaid_writer {
public:
  explicit mermaid_writer(const plan& x) : plan_(x) {}

  std::string write() {
    out_ = "flowchart LR\n";
    for (size_t i = 0; i < plan_.tables.size(); ++i)
      line("table" + number(i) + "[(\"table " + label(plan_.tables[i].looked_up()->name()) + "<br/>"
           + label(source_of(plan_.tables[i])) + "\")]");
    for (size_t i = 0; i < plan_.streams.size(); ++i) {
      const auto& stream = plan_.streams[i];
      if (!std::holds_alternative<view_source>(stream.source))
        line("source" + number(i) + "([\"" + label(std::visit(source_text{}, stream.source))
             + "\"]) --> stream" + number(i));
      line("stream" + number(i) + "[/\"stream " + label(stream.schema->name) + "\"/]");
      for (const auto& lookup : stream.schema->lookups)
        line("table" + number(table_number(*lookup.table)) + " -.-> stream" + number(i));
    }
    for (size_t i = 0; i < plan_.entities.size(); ++i)
      entity(i);
    for (size_t i = 0; i < plan_.outputs.size(); ++i)
      output(i);
    if (plan_.serving.enabled) {
      line("http([\"HTTP " + label(plan_.serving.address) + ":" + number(plan_.serving.port)
           + "\"])");
      for (size_t i = 0; i < plan_.entities.size(); ++i)
        line("entity" + number(i) + " -.-> http");
    }
    return std::move(out_);
  }

private:
  static std::string number(size_t x) { return std::to_string(x); }
  void line(const std::string& text) { out_ += "  " + text + "\n"; }

  void entity(size_t i) {
    const auto& x = *plan_.entities[i];
    std::vector<std::string> key;
    for (const auto& field : x.key)
      key.push_back(field.name);
    line("subgraph entity" + number(i) + "[\"entity " + label(x.name) + " by " + label(joined(key))
         + "\"]");
    for (size_t k = 0; k < x.views.size(); ++k)
      line("  " + view_id(i, k) + "[\"" + label(x.views[k]->name()) + "<br/>"
           + label(x.views[k]->kind()) + "<br/>" + label(features_of(*x.views[k])) + "\"]");
    line("end");
    for (const auto& input : x.inputs)
      for (const auto& view : input.views)
        line("stream" + number(stream_number(input.stream)) + " --> " + view_id(i, view.view));
    for (size_t k = 0; k < x.views.size(); ++k)
      for (size_t t = 0; t < plan_.tables.size(); ++t)
        if (reads(*x.views[k], plan_.tables[t]))
          line("table" + number(t) + " -.-> " + view_id(i, k));
    for (size_t k = 0; k < x.views.size(); ++k)
      for (size_t s = 0; s < plan_.streams.size(); ++s)
        if (emits(*x.views[k], plan_.streams[s]))
          line(view_id(i, k) + " --> stream" + number(s));
  }

  void output(size_t i) {
    const auto& x = plan_.outputs[i];
    line("output" + number(i) + "([\"" + label(x.name) + "<br/>"
         + label(std::visit(target_text{}, x.target)) + "\"])");
    for (const auto& stream : x.streams)
      line("stream" + number(stream_number(stream)) + " --> output" + number(i));
    for (size_t e = 0; e < plan_.entities.size(); ++e)
      for (size_t v = 0; v < plan_.entities[e]->views.size(); ++v)
        if (std::find(x.views.begin(), x.views.end(), plan_.entities[e]->views[v]->name())
            != x.views.end())
          line(view_id(e, v) + " --> output" + number(i));
  }

  static std::string view_id(size_t entity, size_t view) {
    return "view" + number(entity) + "_" + number(view);
  }

  size_t stream_number(const std::string& name) const {
    size_t i = 0;
    while (i + 1 < plan_.streams.size() && plan_.streams[i].schema->name != name)
      ++i;
    return i;
  }

  size_t table_number(const lookup_table& x) const {
    size_t i = 0;
    while (i + 1 < plan_.tables.size() && plan_.tables[i].looked_up().get() != &x)
      ++i;
    return i;
  }

  const plan& plan_;
  std::string out_;
};

} // namespace

std::string explain_text(const plan& x) {
  size_t views = 0;
  for (const auto& entity : x.entities)
    views += entity->views.size();
  auto out = "application " + x.application + ": " + counted(x.streams.size(), "stream", "streams")
             + ", " + (x.tables.empty() ? "" : counted(x.tables.size(), "table", "tables") + ", ")
             + counted(x.entities.size(), "entity", "entities") + ", "
             + counted(views, "view", "views") + ", "
             + counted(features_in(x), "feature", "features") + ", "
             + counted(x.outputs.size(), "output", "outputs") + "\n";
  for (const auto& table : x.tables)
    append_table(x, table, out);
  for (const auto& stream : x.streams)
    append_stream(x, stream, out);
  for (const auto& entity : x.entities)
    append_entity(x, *entity, out);
  for (const auto& computed : x.on_demand)
    append_on_demand(computed, out);
  for (const auto& service : x.services)
    out += "service " + service.name + ": "
           + counted(service.features.size(), "feature", "features") + "\n";
  for (const auto& output : x.outputs)
    append_output(output, out);
  if (x.dead_letter)
    out += "unreadable records to " + std::visit(target_text{}, x.dead_letter->target) + "\n";
  out += x.serving.enabled
             ? "serves HTTP on " + x.serving.address + ":" + std::to_string(x.serving.port) + "\n"
             : "serves nothing over HTTP\n";
  out += "ledger " + x.ledger.path + ", an epoch every " + text_of(x.ledger.epoch_interval) + "\n";
  return out;
}

std::string explain_mermaid(const plan& x) {
  return mermaid_writer{x}.write();
}

} // namespace keyfold::config
