#include "../support/remote_table.hpp"

#include "features/lookup_join.hpp"
#include "features/table.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;

namespace {

data_type type_of(const char* text) {
  return *parse_data_type(text);
}

stream_field field(const char* name, const char* type) {
  stream_field out;
  out.name = name;
  out.type = type_of(type);
  return out;
}

std::shared_ptr<table> names(const std::vector<std::pair<int64_t, std::string>>& rows) {
  auto made = std::make_shared<table>(
      "users", std::vector<column>{{"id", type_of("int64")}, {"name", type_of("string")}},
      std::vector<uint32_t>{0});
  table_builder builder{made->columns(), made->key(), {}};
  for (const auto& [id, name] : rows)
    builder.add(std::vector{cell::integer(id), cell::string(name)});
  made->publish(builder.build());
  return made;
}

scope scope_of(const stream_schema& x) {
  scope out;
  for (const auto& y : x.fields)
    out.push_back({y.name, y.type, true});
  return out;
}

void derive(stream_schema& to, const char* name, const char* text, uint32_t stage) {
  auto compiled = compile_expression(text, scope_of(to));
  REQUIRE(compiled);
  stream_field out;
  out.name = name;
  out.type = compiled->type();
  out.derived = *compiled;
  out.stage = stage;
  to.fields.push_back(out);
}

/// `user_id`, `name` looked up in `users`, `shout` derived of that, `boss_name` looked up by the
/// derived `boss`.
std::shared_ptr<stream_schema> checkouts(const std::shared_ptr<lookup_table>& users,
                                         bool drop = false) {
  auto out = std::make_shared<stream_schema>();
  out->name = "checkouts";
  out->fields = {field("user_id", "int64"), field("name", "string"), field("boss_name", "string")};
  out->fields[1].lookup = 0;
  out->fields[1].stage = 1;
  out->fields[2].lookup = 1;
  out->fields[2].stage = 2;
  derive(*out, "boss", "user_id + 1", 0);
  derive(*out, "shout", "UPPER(name) || '!'", 1);
  out->lookups = {{users, {0}, {1}, {1}, drop}, {users, {3}, {1}, {2}, false}};
  return out;
}

event_batch_ptr rows(const std::shared_ptr<stream_schema>& schema,
                     const std::vector<std::optional<int64_t>>& ids) {
  event_batch_builder builder{schema, 4};
  int64_t second = 0;
  for (const auto& id : ids) {
    auto row = builder.begin_row();
    row[0] = id ? cell::integer(*id) : cell{};
    REQUIRE(builder.finish_row(event_time{std::chrono::seconds{second++}}));
  }
  return builder.build();
}

std::string text(const cell& x) {
  return x.is_null() ? "null" : std::string{x.as_text()};
}

} // namespace

TEST_CASE("lookup join: columns come from the table, and what is derived or looked up by them") {
  auto users = names({{1, "ann"}, {2, "bob"}});
  auto schema = checkouts(users);
  lookup_join join{schema};
  REQUIRE(join.needed());
  auto joined = join.join(rows(schema, {1, 7, std::nullopt, 0}));
  users->publish(table_builder{users->columns(), users->key(), {}}.build());
  REQUIRE(joined);
  const auto& out = **joined;
  REQUIRE(out.size() == 4);
  CHECK(text(out.row(0)[1]) == "ann");
  CHECK(text(out.row(0)[2]) == "bob");
  CHECK(text(out.row(0)[4]) == "ANN!");
  CHECK(text(out.row(1)[1]) == "null");
  CHECK(text(out.row(1)[4]) == "null");
  CHECK(text(out.row(2)[1]) == "null");
  CHECK(out.row(2)[0].is_null());
  CHECK(text(out.row(3)[1]) == "null");
  CHECK(text(out.row(3)[2]) == "ann");
  CHECK(out.time(3) == event_time{std::chrono::seconds{3}});
  auto counts = join.take_counts();
  CHECK(counts[0].missing == 3);
  CHECK(counts[0].dropped == 0);
  CHECK(counts[1].missing == 2);
  CHECK(join.take_counts()[0].missing == 0);
}

TEST_CASE("lookup join: rows without a match can be left out, with their times") {
  auto schema = checkouts(names({{1, "ann"}, {2, "bob"}}), true);
  lookup_join join{schema};
  auto joined = join.join(rows(schema, {9, 1, std::nullopt, 2}));
  REQUIRE(joined);
  const auto& out = **joined;
  REQUIRE(out.size() == 2);
  CHECK(text(out.row(0)[1]) == "ann");
  CHECK(text(out.row(1)[1]) == "bob");
  CHECK(out.time(0) == event_time{std::chrono::seconds{1}});
  CHECK(out.time(1) == event_time{std::chrono::seconds{3}});
  CHECK(join.take_counts()[0].dropped == 2);
  auto none = join.join(rows(schema, {9}));
  REQUIRE(none);
  CHECK(*none == nullptr);
}

TEST_CASE("lookup join: a condition on looked-up columns is applied behind the lookup") {
  auto schema = checkouts(names({{1, "ann"}, {2, "bob"}}));
  schema->where = *compile_expression("name = 'bob'", scope_of(*schema));
  schema->where_stage = 1;
  lookup_join join{schema};
  auto made = rows(schema, {1, 2, 3});
  CHECK(made->size() == 3); // the builder leaves it to the join
  auto joined = join.join(made);
  REQUIRE(joined);
  REQUIRE((*joined)->size() == 1);
  CHECK(text((*joined)->row(0)[1]) == "bob");
  CHECK(join.take_filtered() == 2);
  CHECK(join.take_filtered() == 0);
}

TEST_CASE("lookup join: a condition on decoded columns is applied before") {
  auto schema = checkouts(names({{1, "ann"}, {2, "bob"}}));
  schema->where = *compile_expression("user_id > 1", scope_of(*schema));
  auto made = rows(schema, {1, 2, 3});
  CHECK(made->size() == 2);
  lookup_join join{schema};
  CHECK((*join.join(made))->size() == 2);
  CHECK(join.take_filtered() == 0);
}

TEST_CASE("lookup join: a table that cannot be asked leaves the rows for later, uncounted") {
  auto remote = std::make_shared<remote_table>(names({{1, "ann"}}));
  auto schema = checkouts(remote, true);
  lookup_join join{schema};
  auto made = rows(schema, {1, 5});
  CHECK_FALSE(join.join(made));
  CHECK(join.problem() == "the database is away");
  CHECK(join.take_counts()[0].missing == 0);
  remote->away = false;
  auto joined = join.join(made);
  REQUIRE(joined);
  CHECK((*joined)->size() == 1);
  CHECK(join.take_counts()[0].dropped == 1);
}

TEST_CASE("lookup join: texts of the rows live as long as the joined batch") {
  auto users = names({{1, "ann"}});
  auto schema = std::make_shared<stream_schema>();
  schema->fields = {field("id", "int64"), field("note", "string"), field("name", "string")};
  schema->fields[2].lookup = 0;
  schema->fields[2].stage = 1;
  schema->lookups = {{users, {0}, {1}, {2}, false}};
  event_batch_ptr joined;
  {
    event_batch_builder builder{schema, 1};
    auto row = builder.begin_row();
    row[0] = cell::integer(1);
    row[1] = cell::string(builder.text().copy(std::string(5000, 'n')));
    REQUIRE(builder.finish_row(event_time{}));
    joined = *lookup_join{schema}.join(builder.build());
  }
  CHECK(joined->row(0)[1].as_text() == std::string(5000, 'n'));
  CHECK(text(joined->row(0)[2]) == "ann");
  CHECK(joined->memory() > 5000);
}
