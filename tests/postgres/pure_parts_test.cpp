#include <catch2/catch.hpp>

#include "connectors/postgres/failure.hpp"
#include "connectors/postgres/row_batch.hpp"
#include "connectors/postgres/table_layout.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>

using namespace keyfold;
using namespace keyfold::postgres;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

data_type type(const char* text) {
  return *parse_data_type(text);
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (auto c : bytes)
    out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

std::string element(const cell& x, encoding as, const char* of = "string") {
  std::string out;
  append_element(x, as, type(of), out);
  return hex(out);
}

cell read(const char* text, const char* of, arena& memory) {
  cell out;
  return read_text(text, type(of), memory, out) ? out : cell{};
}

written_column from(const char* name, const char* of, bool key = false) {
  return {name, type(of), key, 0, key};
}

catalog_column catalogued(const char* name, uint32_t number, const char* type_name,
                          int32_t modifier = -1) {
  return {name, number, type_name, modifier, false, false, false};
}

catalog_table totals() {
  return {"commerce", "totals",
          'r',        true,
          true,       true,
          true,       {catalogued("user", oid::text, "text"), catalogued("n", oid::int8, "bigint")},
          {{"user"}}};
}

std::string why(const result<std::vector<bound_column>>& x) {
  return x ? "" : x.error().message;
}

} // namespace

TEST_CASE("postgres encoding: elements of arrays are a length and big-endian bytes") {
  CHECK(element({}, encoding::int8) == "ffffffff");
  CHECK(element(cell::boolean(true), encoding::boolean) == "0000000101");
  CHECK(element(cell::integer(-2), encoding::int8) == "00000008fffffffffffffffe");
  CHECK(element(cell::real(1.5), encoding::float8) == "000000083ff8000000000000");
  CHECK(element(cell::integer(3), encoding::float8) == "000000084008000000000000");
  CHECK(element(cell::real(1.5), encoding::float4) == "000000043fc00000");
  CHECK(element(cell::string("ab"), encoding::text) == "000000026162");
  CHECK(element(cell::timestamp(*read_timestamp("2000-01-01T00:00:01Z", timestamp_unit::rfc3339)),
                encoding::timestamp)
        == "0000000800000000000f4240");
  CHECK(element(cell::timestamp(end_of_time), encoding::timestamp) == "000000087fffffffffffffff");
  CHECK(element(cell::timestamp(beginning_of_time), encoding::timestamp)
        == "000000088000000000000000");
  const cell items[] = {cell::integer(1), {}};
  CHECK(element(cell::list(items), encoding::json, "list<int64>") == "000000085b312c6e756c6c5d");
}

TEST_CASE("postgres encoding: decimals are groups of four digits around the point") {
  // 12345.678: weight 1, scale 3, groups 1 2345 6780
  CHECK(element(cell::decimal(12'345'678, 3), encoding::numeric)
        == "0000000e0003000100000003000109291a7c");
  // -0.05: no whole part
  CHECK(element(cell::decimal(-5, 2), encoding::numeric) == "0000000a0001ffff4000000201f4");
  CHECK(element(cell::decimal(0, 0), encoding::numeric) == "000000080000ffff00000000");
  CHECK(element(cell::integer(INT64_MIN), encoding::numeric)
        == "000000120005000440000000039a0d2c0170156516b0");
}

TEST_CASE("postgres encoding: values are read from text, and what is none is refused") {
  arena memory;
  CHECK(read("t", "bool", memory).as_boolean());
  CHECK(read("true", "bool", memory).is_null());
  CHECK(read("-7", "int32", memory).as_integer() == -7);
  CHECK(read("2147483648", "int32", memory).is_null());
  CHECK(read("12.50", "decimal(5,2)", memory).unscaled() == 1250);
  CHECK(read("12.505", "decimal(5,2)", memory).is_null());
  CHECK(read("\\x00ff", "bytes", memory).as_text() == std::string_view{"\0\xff", 2});
  CHECK(read("\\x0", "bytes", memory).is_null());
  CHECK(read("\\xzz", "bytes", memory).is_null());
  CHECK(format_rfc3339(read("2024-02-29 23:59:59.25+00", "timestamp", memory).as_timestamp())
        == "2024-02-29T23:59:59.250Z");
  CHECK(format_rfc3339(read("2024-02-29 23:59:59", "timestamp", memory).as_timestamp())
        == "2024-02-29T23:59:59Z");
  CHECK(format_rfc3339(read("2024-02-29", "timestamp", memory).as_timestamp())
        == "2024-02-29T00:00:00Z");
  CHECK(read("infinity", "timestamp", memory).is_null());
  CHECK(read("2024-02-29 23:59:59+01", "timestamp", memory).is_null());
}

TEST_CASE("postgres layout: what loses digits or has no like type is refused with the remedy") {
  auto bound = [](const char* of, const catalog_column& to) {
    return bind_column(from("x", of), to, "\"s\".\"t\"");
  };
  CHECK(bound("int64", catalogued("x", oid::int4, "integer")));
  CHECK(bound("int32", catalogued("x", oid::float8, "double precision")));
  CHECK(bound("string", catalogued("x", oid::uuid, "uuid"))->cast == "::uuid");
  CHECK(bound("string", catalogued("x", oid::varchar, "character varying(3)"))->cast.empty());
  CHECK(bound("decimal(5,2)", catalogued("x", oid::numeric, "numeric")));
  CHECK(bound("decimal(5,2)", catalogued("x", oid::numeric, "numeric(12,2)", (12 << 16 | 2) + 4)));
  CHECK(bound("list<string>", catalogued("x", oid::jsonb, "jsonb"))->as == encoding::json);
  auto rounded =
      bound("decimal(5,2)", catalogued("x", oid::numeric, "numeric(12,1)", (12 << 16 | 1) + 4));
  REQUIRE_FALSE(rounded);
  CHECK(rounded.error().message
        == "the column `x` is numeric(12,1), and the definition sends decimal(5,2), whose last "
           "digits would be rounded off: ALTER TABLE \"s\".\"t\" ALTER COLUMN \"x\" TYPE "
           "numeric(5,2), or convert it in the definition");
  CHECK_FALSE(bound("double", catalogued("x", oid::float4, "real")));
  CHECK_FALSE(bound("double", catalogued("x", oid::numeric, "numeric")));
  CHECK_FALSE(bound("int64", catalogued("x", oid::float8, "double precision")));
  CHECK_FALSE(bound("string", catalogued("x", oid::int8, "bigint")));
  CHECK_FALSE(bound("timestamp", catalogued("x", oid::date, "date")));
  auto mood = catalogued("x", 16'500, "mood");
  CHECK_FALSE(bound("string", mood));
  mood.enumeration = true;
  CHECK(bound("string", mood)->cast == "::mood");
}

TEST_CASE("postgres layout: a table that cannot take the rows is refused with the remedy") {
  std::vector<written_column> columns{from("user", "string", true), from("n", "int64")};
  CHECK(why(bind_columns(columns, totals())) == "");
  auto table = totals();
  table.unique_keys = {{"user", "n"}};
  CHECK_THAT(why(bind_columns(columns, table)), Contains("ADD PRIMARY KEY (\"user\")"));
  table = totals();
  table.may_update = false;
  CHECK_THAT(why(bind_columns(columns, table)),
             Contains("GRANT UPDATE ON \"commerce\".\"totals\""));
  table = totals();
  table.kind = 'v';
  CHECK_THAT(why(bind_columns(columns, table)), Contains("is no table"));
  table = totals();
  table.columns.pop_back();
  table.columns.push_back(catalogued("N", oid::int8, "bigint"));
  CHECK_THAT(why(bind_columns(columns, table)),
             Contains("no column `n` (did you mean `N`") && Contains("ADD COLUMN \"n\" bigint"));
  table = totals();
  table.columns.push_back(catalogued("made", oid::int8, "bigint"));
  table.columns.back().required = true;
  CHECK_THAT(why(bind_columns(columns, table)), Contains("`made`") && Contains("default"));
  table = totals();
  table.columns.back().generated = true;
  CHECK_THAT(why(bind_columns(columns, table)), Contains("generated"));
}

TEST_CASE("postgres layout: statements") {
  std::vector<written_column> columns{from("user", "string", true), from("n", "int64")};
  auto bound = *bind_columns(columns, totals());
  CHECK(upsert_sql(totals(), bound)
        == "INSERT INTO \"commerce\".\"totals\" (\"user\", \"n\") SELECT x.c0, x.c1 FROM "
           "unnest($1::text[], $2::int8[]) AS x(c0, c1) ON CONFLICT (\"user\") DO UPDATE SET \"n\" "
           "= EXCLUDED.\"n\"");
  CHECK(delete_sql(totals(), bound)
        == "DELETE FROM \"commerce\".\"totals\" AS t USING unnest($1::text[]) AS x(c0) WHERE "
           "t.\"user\" = x.c0");
  bound[0].from.is_key = false;
  CHECK_THAT(upsert_sql(totals(), bound), EndsWith("AS x(c0, c1)"));
  bound[0].from.is_key = true;
  bound.pop_back();
  CHECK_THAT(upsert_sql(totals(), bound), EndsWith("DO NOTHING"));
  CHECK(
      create_table_sql("s.t", {from("a\"b", "decimal(5,2)", true), from("c", "map<string,int32>")})
      == "CREATE TABLE IF NOT EXISTS s.t (\"a\"\"b\" numeric(5,2), \"c\" jsonb, PRIMARY KEY "
         "(\"a\"\"b\"))");
}

TEST_CASE("postgres layout: columns of views and of events") {
  change_columns view{"v", {{"user", type("string")}}, {{"n", type("int64")}}};
  auto all = *written_columns(view);
  REQUIRE(all.size() == 2);
  CHECK((all[0].name == "user" && all[0].is_key && all[0].of_key));
  CHECK((all[1].name == "n" && !all[1].is_key && !all[1].of_key));
  view.fields = {{"count", false, 0}, {"who", true, 0}};
  all = *written_columns(view);
  CHECK((all[0].name == "who" && all[0].is_key && all[1].name == "count"));
  view.fields = {{"count", false, 0}};
  CHECK_THAT(written_columns(view).error().message, Contains("leaves out `user`"));
  change_columns events{"e", {}, {{"id", type("string")}, {"n", type("int64")}}, {}, true};
  CHECK_FALSE((*written_columns(events))[0].is_key);
  events.key = {{"n", type("int64")}};
  all = *written_columns(events);
  CHECK((all[0].name == "n" && all[0].is_key && all[1].name == "id" && all[1].place == 0));
}

TEST_CASE("postgres batch: of changes with one key the last one counts") {
  std::vector<written_column> columns{from("user", "string", true), from("n", "int64")};
  row_batch batch{*bind_columns(columns, totals())};
  auto add = [&](const char* user, int64_t n) {
    auto key = cell::string(user);
    auto value = cell::integer(n);
    return batch.add({0, n < 0, {}, {&key, 1}, {&value, n < 0 ? size_t{0} : size_t{1}}},
                     batch.length());
  };
  CHECK(add("a", 1));
  CHECK(add("b", 2));
  CHECK(add("a", 3));
  CHECK(add("b", -1));
  CHECK((batch.size() == 2 && batch.length() == 4 && batch.replaced() == 2 && batch.erased() == 1));
  auto header = [](const char* oid_hex, const char* count) {
    return std::string{"0000000100000001"} + oid_hex + count + "00000001";
  };
  auto upserts = batch.upserts(0, 4);
  REQUIRE(upserts.size() == 2);
  CHECK(hex(upserts[0]) == header("00000019", "00000001") + "0000000161");
  CHECK(hex(upserts[1]) == header("00000014", "00000001") + "000000080000000000000003");
  auto deletes = batch.deletes(0, 4);
  REQUIRE(deletes.size() == 1);
  CHECK(hex(deletes[0]) == header("00000019", "00000001") + "0000000162");
  CHECK(batch.upserts(0, 2).empty());
  // A log of another definition.
  auto wrong = cell::integer(1);
  CHECK_FALSE(batch.add({0, false, {}, {&wrong, 1}, {&wrong, 1}}, 9));
  batch.clear();
  CHECK((batch.length() == 0 && batch.bytes() == 0));
  CHECK(add("a", 1));
  CHECK(batch.upserts(0, 1).size() == 2);
}

TEST_CASE("postgres failures: by their codes") {
  CHECK(kind_of("") == failure_kind::transient);
  for (const char* code : {"40001", "40P01", "08006", "57P01", "57P02", "57P03", "53300", "55P03"})
    CHECK(kind_of(code) == failure_kind::transient);
  for (const char* code : {"22001", "23505", "23514", "P0001", "54000"})
    CHECK(kind_of(code) == failure_kind::of_row);
  CHECK(kind_of("21000") == failure_kind::of_batch);
  for (const char* code : {"28P01", "42P01", "53100", "25006", "57014"})
    CHECK(kind_of(code) == failure_kind::person);
  CHECK(make_failure("28P01", "no\n").message
        == "no (28P01): correct the user in `url`, or `password`");
}
