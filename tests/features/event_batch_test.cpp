#include "features/event_batch.hpp"

#include "features/timestamp_format.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;

namespace {

scope scope_of(const stream_schema& schema) {
  scope columns;
  for (const auto& field : schema.fields)
    columns.push_back({field.name, field.type, field.nullable});
  return columns;
}

/// `user_id` (required), `amount`, `at` (a timestamp), and `label`, derived from the first two.
stream_schema purchases() {
  stream_schema schema;
  schema.name = "purchases";
  auto add = [&schema](std::string name, type_kind kind, bool nullable) {
    stream_field field;
    field.name = std::move(name);
    field.type.kind = kind;
    field.nullable = nullable;
    schema.fields.push_back(std::move(field));
  };
  add("user_id", type_kind::string, false);
  add("amount", type_kind::int64, true);
  add("at", type_kind::timestamp, true);
  auto label = compile_expression("user_id || ':' || CAST(amount AS string)", scope_of(schema));
  REQUIRE(label);
  add("label", type_kind::string, true);
  schema.fields.back().derived = *label;
  return schema;
}

auto shared(stream_schema schema) {
  return std::make_shared<const stream_schema>(std::move(schema));
}

const event_time noon{std::chrono::sys_days{std::chrono::year{2024} / 2 / 29}
                      + std::chrono::hours{12}};

/// Begins a row and fills it.
void fill(event_batch_builder& builder, std::string_view user, cell amount, cell at = {}) {
  auto row = builder.begin_row();
  row[0] = user.empty() ? cell{} : cell::string(builder.text().copy(user));
  row[1] = amount;
  row[2] = at;
}

} // namespace

TEST_CASE("event_batch_builder: rows come out in order with their times and derived columns") {
  event_batch_builder builder{shared(purchases()), 2};
  for (auto i = 0; i < 1000; ++i) {
    fill(builder, "user-" + std::to_string(i), cell::integer(i));
    auto done = builder.finish_row(noon + std::chrono::seconds{i});
    REQUIRE(done);
    REQUIRE(*done == event_batch_builder::outcome::accepted);
  }
  CHECK(builder.last_time() == noon + std::chrono::seconds{999});
  CHECK(builder.memory() > 1000 * 4 * sizeof(cell));
  auto batch = builder.build();
  CHECK(builder.size() == 0);
  REQUIRE(batch->size() == 1000);
  for (size_t i = 0; i < 1000; ++i) {
    REQUIRE(batch->time(i) == noon + std::chrono::seconds{i});
    REQUIRE(batch->row(i)[3].as_text() == "user-" + std::to_string(i) + ":" + std::to_string(i));
  }
}

TEST_CASE("event_batch_builder: it may be used again after its rows were handed over") {
  event_batch_builder builder{shared(purchases()), 1};
  fill(builder, "first", cell::integer(1));
  REQUIRE(builder.finish_row(noon));
  auto first = builder.build();
  fill(builder, "second", cell::integer(2));
  REQUIRE(builder.finish_row(noon));
  auto second = builder.build();
  CHECK(builder.build()->size() == 0);
  CHECK(first->row(0)[0].as_text() == "first");
  CHECK(second->row(0)[0].as_text() == "second");
}

TEST_CASE("event_batch_builder: a missing required column is an error that names it") {
  event_batch_builder builder{shared(purchases()), 4};
  fill(builder, "", cell::integer(1));
  auto done = builder.finish_row(noon);
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "field `user_id` is required but null");
  CHECK(builder.size() == 0);
  fill(builder, "good", cell::integer(1));
  CHECK(builder.finish_row(noon));
  CHECK(builder.build()->size() == 1);
}

TEST_CASE("event_batch_builder: rows for which the condition does not hold are left out") {
  auto schema = purchases();
  schema.where = compile_expression("amount > 10", scope_of(schema)).value();
  event_batch_builder builder{shared(std::move(schema)), 4};
  using outcome = event_batch_builder::outcome;
  fill(builder, "low", cell::integer(10));
  CHECK(*builder.finish_row(noon) == outcome::filtered);
  fill(builder, "unknown", cell{});
  CHECK(*builder.finish_row(noon) == outcome::filtered);
  fill(builder, "", cell::integer(1));
  CHECK(*builder.finish_row(noon) == outcome::filtered);
  fill(builder, "high", cell::integer(11));
  CHECK(*builder.finish_row(noon) == outcome::accepted);
  auto batch = builder.build();
  REQUIRE(batch->size() == 1);
  CHECK(batch->row(0)[0].as_text() == "high");
}

TEST_CASE("event_batch_builder: rows that are left out give their memory back") {
  auto schema = purchases();
  schema.where = compile_expression("amount > 10", scope_of(schema)).value();
  event_batch_builder builder{shared(std::move(schema)), 4};
  for (auto i = 0; i < 100'000; ++i) {
    fill(builder, "a user whose name is fairly long", cell::integer(0));
    REQUIRE(builder.finish_row(noon));
  }
  CHECK(builder.memory() < 4096);
}

TEST_CASE("event_batch_builder: an abandoned row leaves no trace") {
  event_batch_builder builder{shared(purchases()), 4};
  fill(builder, "gone", cell::integer(1));
  builder.abandon_row();
  fill(builder, "kept", cell{});
  REQUIRE(builder.finish_row(noon));
  auto batch = builder.build();
  REQUIRE(batch->size() == 1);
  CHECK(batch->row(0)[0].as_text() == "kept");
  CHECK(batch->row(0)[1].is_null());
  CHECK(batch->row(0)[3].is_null());
}

TEST_CASE("event_batch_builder: the event's time comes from its field, or else the source") {
  auto schema = purchases();
  schema.time.field = 2;
  event_batch_builder by_field{shared(std::move(schema)), 4};
  fill(by_field, "u", cell{}, cell::timestamp(noon));
  REQUIRE(by_field.finish_row(std::nullopt));
  CHECK(by_field.last_time() == noon);
  fill(by_field, "u", cell{});
  CHECK(by_field.finish_row(noon).error().message == "field `at` is the event's time but null");
  fill(by_field, "u", cell{}, cell::timestamp(end_of_time));
  CHECK(by_field.finish_row(noon).error().message.find("outside the years 1 to 9999")
        != std::string::npos);

  event_batch_builder by_source{shared(purchases()), 4};
  fill(by_source, "u", cell{});
  CHECK(by_source.finish_row(std::nullopt).error().message.find("carries no time")
        != std::string::npos);
  fill(by_source, "u", cell{});
  CHECK_FALSE(by_source.finish_row(beginning_of_time));
  CHECK(by_source.size() == 0);
}

TEST_CASE("stream_schema: fields are found by their exact name") {
  auto schema = purchases();
  CHECK(schema.find("amount") == 1u);
  CHECK_FALSE(schema.find("Amount"));
}

TEST_CASE("event_batch_builder: a row that no entity may have is left out, with the reason") {
  auto schema = purchases();
  schema.keys = {{"user", {0}}, {"day", {0, 2}}};
  schema.max_key_bytes = 70;
  schema.fields[0].nullable = true;
  event_batch_builder builder{shared(schema), 4};
  auto finish = [&](std::string_view user, cell at = {}) {
    fill(builder, user, cell::integer(1), at);
    return builder.finish_row(noon);
  };

  CHECK(finish("ann"));
  auto nobody = finish("", cell::timestamp(noon));
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().message
        == "the row has the key of no entity: that of `user` is `user_id`, and null");
  CHECK(finish(std::string(70, 'k')));
  auto long_key = finish(std::string(71, 'k'));
  REQUIRE_FALSE(long_key);
  CHECK(long_key.error().message
        == "the key of entity `user` (`user_id`) has 71 bytes, more than `limits.max_key_bytes` "
           "(70) allows");
  CHECK_FALSE(finish(std::string(36, '|')));
  auto long_pair = finish(std::string(60, 'k'), cell::timestamp(noon));
  REQUIRE_FALSE(long_pair);
  CHECK(long_pair.error().message
        == "the key of entity `day` (`user_id`, `at`) has 81 bytes, more than "
           "`limits.max_key_bytes` (70) allows");
  CHECK(builder.size() == 2);
  CHECK(builder.build()->row(1)[0].as_text() == std::string(70, 'k'));
}

TEST_CASE("event_batch_builder: one key is enough, and without entities none is needed") {
  auto schema = purchases();
  schema.fields[0].nullable = true;
  schema.keys = {{"user", {0}}, {"amount", {1}}};
  event_batch_builder keyed{shared(schema), 4};
  fill(keyed, "", cell::integer(7));
  CHECK(keyed.finish_row(noon));
  fill(keyed, "", {});
  CHECK_FALSE(keyed.finish_row(noon));

  schema.keys.clear();
  event_batch_builder free{shared(schema), 4};
  fill(free, "", {});
  CHECK(free.finish_row(noon));
}
