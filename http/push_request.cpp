#include "http/push_request.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace keyfold::http {

namespace ondemand = simdjson::ondemand;

namespace {

tl::unexpected<error> malformed(simdjson::error_code problem) {
  return fail(fmt::format("the body is malformed JSON: {}", simdjson::error_message(problem)));
}

tl::unexpected<error> too_many(const push_limits& limits) {
  return fail(fmt::format("more than {} rows in one push; split it", limits.max_rows));
}

simdjson::simdjson_result<ondemand::document> open(ondemand::parser& parser, std::string& body,
                                                   const push_limits& limits) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  if (auto problem = parser.allocate(body.size() + 1, limits.max_depth))
    return problem;
  return parser.iterate(body.data(), body.size(), body.capacity());
}

// Nothing but blanks follows the value read.
bool ended(ondemand::document& document) noexcept {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

std::string_view trimmed(std::string_view x) noexcept {
  constexpr std::string_view blank = " \t\r\n";
  auto begin = x.find_first_not_of(blank);
  return begin == std::string_view::npos ? std::string_view{}
                                         : x.substr(begin, x.find_last_not_of(blank) - begin + 1);
}

result<void> read_rows(ondemand::array from, std::vector<std::string>& rows,
                       const push_limits& limits) {
  for (auto item : from) {
    ondemand::object object;
    std::string_view text;
    if (auto problem = item.get_object().get(object))
      return problem == simdjson::INCORRECT_TYPE
                 ? fail(fmt::format("row {} is no JSON object", rows.size()))
                 : malformed(problem);
    if (auto problem = object.raw_json().get(text))
      return malformed(problem);
    if (rows.size() == limits.max_rows)
      return too_many(limits);
    rows.emplace_back(text);
  }
  return {};
}

/// A column of a `df`: its name and values as they stand in the body.
struct raw_column {
  std::string name;
  std::vector<std::string_view> values;
  bool completes_times = false;
};

result<void> read_column(ondemand::array from, raw_column& to, const push_limits& limits) {
  for (auto item : from) {
    ondemand::value value;
    std::string_view text;
    if (auto problem = item.get(value))
      return malformed(problem);
    if (auto problem = simdjson::to_json_string(value).get(text))
      return malformed(problem);
    if (to.values.size() == limits.max_rows)
      return too_many(limits);
    to.values.push_back(trimmed(text));
  }
  return {};
}

// "2026-11-21T01:52:07.051829" as pandas writes it: without a zone.
bool lacks_zone(std::string_view json) noexcept {
  if (json.size() < 21 || json.front() != '"' || json.back() != '"' || json[11] != 'T')
    return false;
  auto last = json[json.size() - 2];
  return last >= '0' && last <= '9'
         && json.substr(12).find_first_of("+-Zz") == std::string_view::npos;
}

result<void> append_rows(const std::vector<raw_column>& columns, std::vector<std::string>& rows) {
  if (columns.empty())
    return {};
  for (const auto& column : columns)
    if (column.values.size() != columns.front().values.size())
      return fail(fmt::format("df: column {} has {} values where {} has {}", column.name,
                              column.values.size(), columns.front().name,
                              columns.front().values.size()));
  rows.resize(columns.front().values.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    auto& row = rows[i];
    row += '{';
    for (const auto& column : columns) {
      auto value = column.values[i];
      auto complete = column.completes_times && lacks_zone(value);
      row += row.size() == 1 ? "\"" : ",\"";
      row += column.name;
      row += "\":";
      row += complete ? value.substr(0, value.size() - 1) : value;
      if (complete)
        row += "Z\"";
    }
    row += '}';
  }
  return {};
}

result<void> read_df(ondemand::object from, std::vector<std::string>& rows,
                     const push_limits& limits, bool complete_times) {
  constexpr size_t max_columns = 1000;
  std::vector<raw_column> columns;
  for (auto field : from) {
    std::string_view key;
    ondemand::array values;
    // The key as it is written, escapes and all, goes into the rows.
    ondemand::raw_json_string raw;
    if (auto problem = field.key().get(raw))
      return malformed(problem);
    key = std::string_view{raw.raw()};
    key = key.substr(0, std::min(key.find('"'), size_t{256}));
    for (size_t i = 0; i < key.size(); ++i)
      if (key[i] == '\\')
        return fail("df: a column's name has an escape; rename the column");
    if (auto problem = field.value().get_array().get(values))
      return problem == simdjson::INCORRECT_TYPE
                 ? fail(fmt::format("df: column {} is no list", key))
                 : malformed(problem);
    if (columns.size() == max_columns)
      return fail(fmt::format("df: more than {} columns", max_columns));
    columns.push_back(
        {std::string{key}, {}, complete_times && (key == "event_timestamp" || key == "created")});
    if (auto done = read_column(values, columns.back(), limits); !done)
      return done;
  }
  return append_rows(columns, rows);
}

/// One member of the body; those of no meaning here are passed over.
/// @param rows_given out: whether it holds the rows
result<void> read_member(std::string_view key, ondemand::value value, const push_limits& limits,
                         bool complete_times, push_request& to, bool& rows_given) {
  if (key == "stream" || key == "push_source_name" || key == "feature_view_name" || key == "to") {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS)
      return fail("stream (push_source_name, feature_view_name) and to are strings");
    if (key != "to")
      to.stream = text;
    else if (text != "online" && text != "online_and_offline")
      return fail("to: there is only an online store; write \"online\"");
  } else if (key == "rows") {
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS)
      return fail("rows is no list of JSON objects");
    rows_given = true;
    return read_rows(array, to.rows, limits);
  } else if (key == "df") {
    ondemand::object columns;
    if (value.get_object().get(columns) != simdjson::SUCCESS)
      return fail("df is no JSON object of columns");
    rows_given = to.columns = true;
    return read_df(columns, to.rows, limits, complete_times);
  }
  return {};
}

} // namespace

result<push_request> read_push(std::string& body, const push_limits& limits, bool complete_times) {
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  if (auto problem = open(parser, body, limits).get(document))
    return malformed(problem);
  if (auto problem = document.get_object().get(object))
    return problem == simdjson::INCORRECT_TYPE ? fail("the body is no JSON object")
                                               : malformed(problem);
  push_request to;
  bool rows_given = false;
  for (auto field : object) {
    std::string_view key;
    ondemand::value value;
    if (auto problem = field.unescaped_key().get(key))
      return malformed(problem);
    // Reading the value may write over what the key refers to; none of ours is longer.
    std::string name{key.substr(0, 32)};
    if (auto problem = field.value().get(value))
      return malformed(problem);
    if (auto done = read_member(name, value, limits, complete_times, to, rows_given); !done)
      return tl::unexpected{done.error()};
  }
  if (!ended(document))
    return fail("something follows the JSON object; for one object per line name the stream in "
                "the query: ?stream=NAME");
  if (to.stream.empty())
    return fail("no stream is named: write {\"stream\":\"NAME\",\"rows\":[{…}]}");
  if (!rows_given)
    return fail("there are no rows: write {\"stream\":\"NAME\",\"rows\":[{…}]}");
  return to;
}

result<std::vector<std::string>> read_push_rows(std::string& body, bool lines,
                                                const push_limits& limits) {
  std::vector<std::string> rows;
  auto text = trimmed(body);
  if (!lines && text.starts_with('[')) {
    ondemand::parser parser;
    ondemand::document document;
    ondemand::array array;
    if (auto problem = open(parser, body, limits).get(document))
      return malformed(problem);
    if (auto problem = document.get_array().get(array))
      return malformed(problem);
    if (auto done = read_rows(array, rows, limits); !done)
      return tl::unexpected{done.error()};
    if (!ended(document))
      return fail("something follows the JSON list");
    return rows;
  }
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty())
      continue;
    if (rows.size() == limits.max_rows)
      return too_many(limits);
    rows.emplace_back(line);
  }
  return rows;
}

} // namespace keyfold::http
