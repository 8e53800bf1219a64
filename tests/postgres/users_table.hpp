#pragma once

#include "connectors/postgres/table_reading.hpp"
#include "features/lookup_table.hpp"
#include "messages/metrics.hpp"
#include "server.hpp"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

/// A table of users on the test's server, and what lookups say of it.
namespace keyfold::postgres::test {

inline data_type type(const char* text) {
  return *parse_data_type(text);
}

/// What is wanted of a table `users`: id, username, and `since` from the column `created`.
inline table_settings users(const std::string& schema, const char* key_type = "int32") {
  auto fields = std::make_shared<stream_schema>();
  auto add = [&](const char* name, const char* of, const char* from) -> stream_field& {
    auto& x = fields->fields.emplace_back();
    x.name = name;
    x.type = type(of);
    x.path = {from};
    return x;
  };
  add("id", key_type, "id").nullable = false;
  add("username", "string", "username");
  add("since", "timestamp", "created");
  auto connection = test_server::instance().settings();
  connection.timeout = std::chrono::seconds{5};
  return {"users", connection, schema + ".users", fields, {0}};
}

inline std::vector<column> columns_of(const table_settings& x) {
  std::vector<column> out;
  for (const auto& field : x.schema->fields)
    out.push_back({field.name, field.type});
  return out;
}

inline cell key_cell(int64_t id) {
  return cell::integer(id);
}

/// The names of some users, separated by spaces; `-` where there is none, `NULL`; `?` where there
/// is no answer.
inline std::string names(lookup_table& in, const std::vector<cell>& keys) {
  std::vector<uint32_t> fields{1};
  std::vector<cell> values(keys.size());
  std::vector<uint8_t> found(keys.size());
  arena text;
  if (!in.look_up({keys, fields, values, found, text}))
    return "?";
  std::string out;
  for (size_t i = 0; i < keys.size(); ++i)
    out += fmt::format("{}{}", i == 0 ? "" : " ",
                       found[i] == 0         ? "-"
                       : values[i].is_null() ? "NULL"
                                             : std::string{values[i].as_text()});
  return out;
}

template <class F>
bool eventually(F f, std::chrono::seconds patience = std::chrono::seconds{10}) {
  for (auto until = std::chrono::steady_clock::now() + patience;
       std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(std::chrono::milliseconds{5}))
    if (f())
      return true;
  return false;
}

/// The answer, once there is one.
inline std::string answer(lookup_table& in, const std::vector<cell>& keys) {
  std::string out;
  eventually([&] { return (out = names(in, keys)) != "?"; });
  return out;
}

inline std::string sql(const std::string& text) {
  return test_server::instance().sql(text);
}

inline std::string make_users() {
  auto schema = new_schema();
  sql(fmt::format("CREATE TABLE {0}.users (id int PRIMARY KEY, username text, created timestamptz, "
                  "password text); INSERT INTO {0}.users SELECT n, 'user ' || n, '2024-02-29 "
                  "12:00:00+00' FROM generate_series(0, 99) AS n; UPDATE {0}.users SET username = "
                  "NULL WHERE id = 7",
                  schema));
  return schema;
}

inline double metric(const metrics_registry& registry, const std::string& name) {
  double sum = 0;
  for (const auto& family : registry.Collect())
    for (const auto& x : family.metric)
      sum += family.name == "keyfold_postgres_table_" + name ? x.counter.value + x.gauge.value : 0;
  return sum;
}

} // namespace keyfold::postgres::test
