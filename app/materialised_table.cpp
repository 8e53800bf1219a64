#include "app/materialised_table.hpp"

#include "app/table.hpp"
#include "connectors/formats/csv_decoder.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace keyfold {

namespace {

using json = nlohmann::ordered_json;

result<std::vector<std::string>> split_csv(std::string_view line) {
  csv_splitter fields{line, ','};
  std::vector<std::string> result;
  while (fields.next())
    result.emplace_back(fields.text());
  if (!fields.problem().empty())
    return fail(std::string{fields.problem()});
  return result;
}

std::string column_name(const char* part, size_t place, size_t count) {
  return count == 1 ? part : fmt::format("{}{}", part, place + 1);
}

/// A JSON object as it is; anything else as the columns of CSV.
result<json> read_columns(std::string_view text, const char* part) {
  if (!text.empty() && text.front() == '{') {
    auto object = json::parse(text, nullptr, false);
    if (object.is_object())
      return object;
  }
  auto fields = split_csv(text);
  if (!fields)
    return tl::unexpected(fields.error());
  auto object = json::object();
  for (size_t i = 0; i < fields->size(); ++i)
    object[column_name(part, i, fields->size())] = std::move((*fields)[i]);
  return object;
}

/// CSV knows texts only: one that is a number sorts as that number.
nlohmann::json sort_value(const json& x) {
  if (!x.is_string())
    return x;
  auto& text = x.get_ref<const std::string&>();
  double number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!text.empty() && problem == std::errc{} && end == text.data() + text.size())
    return number;
  return text;
}

std::string cell_text(const json& object, const std::string& column) {
  auto found = object.find(column);
  if (found == object.end())
    return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

void add_columns(const json& object, std::vector<std::string>& columns) {
  for (auto& entry : object.items())
    if (std::find(columns.begin(), columns.end(), entry.key()) == columns.end())
      columns.push_back(entry.key());
}

/// A line of a stream's output: the event's columns, or those and its stream's name.
table_change event_of(json object) {
  table_change event;
  event.event = true;
  auto named = object.size() == 2 && object.contains("stream") && object["stream"].is_string()
               && object.contains("value") && object["value"].is_object();
  if (named)
    event.view = object["stream"].get<std::string>();
  event.value = named ? json(object["value"]) : std::move(object);
  return event;
}

std::string table_of(const std::vector<const table_change*>& rows) {
  std::vector<std::string> keys, values;
  for (auto* row : rows) {
    add_columns(row->key, keys);
    add_columns(row->value, values);
  }
  auto headings = keys;
  headings.insert(headings.end(), values.begin(), values.end());
  text_table table{std::move(headings)};
  for (auto* row : rows) {
    std::vector<std::string> cells;
    cells.reserve(keys.size() + values.size());
    for (auto& x : keys)
      cells.push_back(cell_text(row->key, x));
    for (auto& x : values)
      cells.push_back(cell_text(row->value, x));
    table.add(std::move(cells));
  }
  return table.text();
}

} // namespace

result<table_change> read_topic_change(std::optional<std::string_view> key,
                                       std::optional<std::string_view> value, bool events) {
  table_change result;
  result.event = events || !key;
  if (result.event && !value)
    return fail("it has no value, which only records with a key may lack");
  if (!result.event) {
    auto read_key = read_columns(*key, "key");
    if (!read_key)
      return tl::unexpected(read_key.error());
    result.key = std::move(*read_key);
  }
  if (!value)
    return result;
  auto read_value = read_columns(*value, "value");
  if (!read_value)
    return tl::unexpected(read_value.error());
  result.value = std::move(*read_value);
  return result;
}

result<std::optional<table_change>>
change_line_parser::parse_csv_event(std::vector<std::string> fields) {
  if (columns_.empty()) {
    columns_ = std::move(fields);
    return std::nullopt;
  }
  if (fields.size() != columns_.size())
    return fail(fmt::format("it has {} columns, and the first line names {}", fields.size(),
                            columns_.size()));
  table_change event;
  event.event = true;
  event.value = json::object();
  for (size_t i = 0; i < fields.size(); ++i)
    event.value[columns_[i]] = std::move(fields[i]);
  return event;
}

result<std::optional<table_change>> change_line_parser::parse(std::string_view line) {
  if (line.empty() || line.front() != '{')
    return parse_csv(line);
  auto object = json::parse(line, nullptr, false);
  auto changed = !events_ && object.contains("key") && object.contains("value");
  if (object.is_object() && !changed)
    return event_of(std::move(object));
  auto fits = changed && object["key"].is_object()
              && (object["value"].is_object() || object["value"].is_null())
              && (!object.contains("view") || object["view"].is_string());
  if (!fits)
    return fail(R"(it is not of the form {"key":{…},"value":{…}} that the file output writes)");
  return table_change{object.value("view", ""), std::move(object["key"]),
                      std::move(object["value"])};
}

result<std::optional<table_change>> change_line_parser::parse_csv(std::string_view line) {
  auto fields = split_csv(line);
  if (!fields)
    return tl::unexpected(fields.error());
  if (events_)
    return parse_csv_event(std::move(*fields));
  if (!fields->empty() && fields->front() == "change") {
    columns_ = std::move(*fields);
    return std::nullopt;
  }
  auto known = !fields->empty() && (fields->front() == "upsert" || fields->front() == "delete");
  if (!known)
    return fail("it begins with neither upsert nor delete, as the file output's lines do; if they "
                "are events, say --events");
  // Without a header the output has several views, and names them.
  auto first = columns_.empty() ? size_t{2} : size_t{1};
  if (fields->size() < first + key_columns_
      || (!columns_.empty() && fields->size() != columns_.size()))
    return fail(fmt::format("it has {} columns, too few or too many", fields->size()));
  table_change change;
  change.view = columns_.empty() ? (*fields)[1] : "";
  change.key = json::object();
  auto erased = fields->front() == "delete";
  if (!erased)
    change.value = json::object();
  for (auto i = first; i < fields->size(); ++i) {
    auto in_key = i < first + key_columns_;
    if (erased && !in_key)
      break;
    auto name = !columns_.empty() ? columns_[i]
                : in_key          ? column_name("key", i - first, key_columns_)
                                  : column_name("value", i - first - key_columns_, 2);
    (in_key ? change.key : change.value)[name] = std::move((*fields)[i]);
  }
  return change;
}

void materialised_table::apply(table_change x) {
  if (x.event) {
    events_.push_back(std::move(x));
    if (events_.size() > max_events) {
      events_.pop_front();
      ++left_out_;
    }
    return;
  }
  row_name name{x.view, {}, x.key.dump(-1, ' ', false, json::error_handler_t::replace)};
  for (auto& entry : x.key.items())
    name.order.push_back(sort_value(entry.value()));
  if (x.value.is_null())
    rows_.erase(name);
  else
    rows_.insert_or_assign(std::move(name), std::move(x));
}

std::string materialised_table::text() const {
  using changes = std::map<std::string, std::vector<const table_change*>>;
  changes rows, events;
  for (auto& entry : rows_)
    rows[entry.first.view].push_back(&entry.second);
  for (auto& event : events_)
    events[event.view].push_back(&event);
  std::string result;
  auto add_tables = [&](const changes& from) {
    for (auto& [view, lines] : from) {
      if (!result.empty())
        result.push_back('\n');
      if (!view.empty())
        result += printable(view) + ":\n";
      result += table_of(lines);
    }
  };
  add_tables(rows);
  add_tables(events);
  if (left_out_ > 0)
    result += fmt::format("\n({} earlier events are left out; --json shows all)\n", left_out_);
  return result;
}

std::string json_line(const table_change& x) {
  json line;
  if (x.event && x.view.empty())
    line = x.value;
  else if (!x.view.empty())
    line[x.event ? "stream" : "view"] = x.view;
  if (!x.event)
    line["key"] = x.key;
  if (!x.event || !x.view.empty())
    line["value"] = x.value;
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string materialised_table::json_lines() const {
  std::string result;
  for (auto& entry : rows_)
    result += json_line(entry.second);
  return result;
}

} // namespace keyfold
