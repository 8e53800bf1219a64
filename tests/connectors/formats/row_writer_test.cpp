#include "connectors/formats/row_writer.hpp"

#include "decoding.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>

using namespace keyfold;
using namespace keyfold::testing;

namespace {

change_columns columns(std::vector<std::pair<std::string, std::string>> values) {
  change_columns x;
  x.view = "v";
  x.key = {{"user", *parse_data_type("string")}};
  for (auto& [name, type] : values)
    x.values.push_back({name, *parse_data_type(type)});
  return x;
}

std::string value_of(row_format format, const std::string& type, const cell& x) {
  auto writer = make_row_writer(format, columns({{"a", type}}));
  std::string out;
  writer->write_value({}, std::span{&x, 1}, out);
  return out;
}

std::string json(const std::string& type, const cell& x) {
  return value_of(row_format::json, type, x);
}
std::string csv(const std::string& type, const cell& x) {
  return value_of(row_format::csv, type, x);
}

} // namespace

TEST_CASE("row writer: JSON is an object with the columns' names") {
  auto writer = make_row_writer(row_format::json, columns({{"n", "int64"}, {"x\"y", "double"}}));
  std::string out;
  auto key = cell::string("u1");
  writer->write_key(std::span{&key, 1}, out);
  CHECK(out == R"({"user":"u1"})");
  out.clear();
  cell values[] = {cell::integer(INT64_MIN), cell::real(1.3678794411714423)};
  writer->write_value({}, values, out);
  CHECK(out == R"({"n":-9223372036854775808,"x\"y":1.3678794411714423})");
  change_columns none;
  out.clear();
  make_row_writer(row_format::json, none)->write_key({}, out);
  CHECK(out == "{}");
}

TEST_CASE(
    "row writer: a value can have fields of the key, in its own order and under its own names") {
  auto chosen = columns({{"n", "int64"}, {"m", "int64"}});
  chosen.fields = {{"M", false, 1}, {"who", true, 0}};
  auto key = cell::string("u 1");
  cell values[] = {cell::integer(1), cell::integer(2)};
  std::string out;
  make_row_writer(row_format::json, chosen)->write_value(std::span{&key, 1}, values, out);
  CHECK(out == R"({"M":2,"who":"u 1"})");
  out.clear();
  make_row_writer(row_format::csv, chosen)->write_value(std::span{&key, 1}, values, out);
  CHECK(out == R"(2,"u 1")");
}

TEST_CASE("row writer: JSON values are exact") {
  CHECK(json("double", cell::real(0.1)) == R"({"a":0.1})");
  CHECK(json("double", cell::real(1)) == R"({"a":1.0})");
  CHECK(json("double", cell::real(-0.0)) == R"({"a":-0.0})");
  CHECK(json("double", cell::real(1e22)) == R"({"a":1e+22})");
  CHECK(json("float", cell::real(1024)) == R"({"a":1024.0})");
  CHECK(json("float", cell::real(static_cast<double>(0.1f))) == R"({"a":0.1})");
  CHECK(json("double", cell::real(std::nan(""))) == R"({"a":null})");
  CHECK(json("double", cell::real(-std::numeric_limits<double>::infinity())) == R"({"a":null})");
  CHECK(json("float", cell::real(-1e300)) == R"({"a":null})");
  CHECK(json("int32", cell{}) == R"({"a":null})");
  CHECK(json("bool", cell::boolean(true)) == R"({"a":true})");
  CHECK(json("decimal(5,2)", cell::decimal(-5, 2)) == R"({"a":-0.05})");
  CHECK(json("bytes", cell::bytes(std::string_view{"\0\1\2\3", 4})) == R"({"a":"AAECAw=="})");
  CHECK(json("timestamp", cell::timestamp(event_time{std::chrono::seconds{1707605599}}))
        == R"({"a":"2024-02-10T22:53:19Z"})");
  cell items[] = {cell::real(static_cast<double>(0.1f)), cell{}};
  CHECK(json("list<float>", cell::list(items)) == R"({"a":[0.1,null]})");
  cell entries[] = {cell::string("k\n"), cell::integer(1)};
  CHECK(json("map<string,int32>", cell::map(entries)) == R"({"a":{"k\n":1}})");
}

TEST_CASE("row writer: JSON strings are escaped, and always UTF-8") {
  CHECK(json("string", cell::string("\"\\/\n\r\t\x01é€😀"))
        == "{\"a\":\"\\\"\\\\/\\n\\r\\t\\u0001é€😀\"}");
  for (std::string_view bad :
       {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "\x80"}) {
    std::string out;
    append_json_string(bad, out);
    CHECK(out.substr(0, 4) == "\"\xef\xbf\xbd");
    CHECK(out.back() == '"');
  }
}

TEST_CASE("row writer: reals read back as the same number") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  decoding decode{schema_of({field("a", "double")})};
  for (int i = 0; i < 2000; ++i) {
    auto x = std::bit_cast<double>(random());
    if (!std::isfinite(x))
      continue;
    CHECK(decode.first(json("double", cell::real(x))).as_real() == x);
  }
}

TEST_CASE("row writer: whole numbers have a point, and their digits as far as these are exact") {
  CHECK(json("double", cell::real(-0.0)) == R"({"a":-0.0})");
  CHECK(json("double", cell::real(-12)) == R"({"a":-12.0})");
  CHECK(json("double", cell::real(999999999999999)) == R"({"a":999999999999999.0})");
  CHECK(json("double", cell::real(1e15)) == R"({"a":1000000000000000.0})");
  CHECK(json("double", cell::real(1e16)) == R"({"a":1e+16})");
  CHECK(json("float", cell::real(16777215)) == R"({"a":16777215.0})");
  CHECK(json("float", cell::real(123456792)) == R"({"a":123456790.0})");
  CHECK(json("float", cell::real(-3)) == R"({"a":-3.0})");
  CHECK(json("double", cell::real(0.001)) == R"({"a":0.001})");
  CHECK(json("double", cell::real(0.0001)) == R"({"a":0.0001})");
  CHECK(json("double", cell::real(-19.99)) == R"({"a":-19.99})");
  CHECK(json("double", cell::real(120.05)) == R"({"a":120.05})");
}

TEST_CASE("row writer: reals have the shortest text, however it is found") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  auto expected = [](auto x) {
    auto text = fmt::format("{}", x);
    return "{\"a\":" + text + (text.find_first_of(".e") == std::string::npos ? ".0}" : "}");
  };
  for (int i = 0; i < 20'000; ++i) {
    auto digits = static_cast<double>(random() >> (1 + random() % 63)) * (i % 2 == 0 ? 1 : -1);
    for (auto x : {digits, digits / 10, digits / 100, digits / 1000, digits / 10'000, digits / 8,
                   std::nextafter(digits / 100, 0.0)}) {
      CHECK(json("double", cell::real(x)) == expected(x));
      auto single = static_cast<float>(x);
      CHECK(json("float", cell::real(static_cast<double>(single))) == expected(single));
    }
  }
}

TEST_CASE("row writer: strings of any length and bytes are the same in a row and alone") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  const std::string_view pieces[] = {"a",    "bcdefghij", "\"", "\\",   "\n",
                                     "\x1f", "é",         "😀",  "\xff", "\x7f"};
  decoding decode{schema_of({field("a", "string")})};
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (auto left = random() % (i % 10 == 0 ? 3000 : 40); left > 0; --left)
      text += pieces[random() % std::size(pieces)];
    std::string alone;
    append_json_string(text, alone);
    auto row = json("string", cell::string(text));
    CHECK(row == "{\"a\":" + alone + "}");
    auto back = std::string{decode.first(row).as_text()};
    std::string again;
    append_json_string(back, again);
    CHECK(again == alone);
  }
}

TEST_CASE("row writer: rows longer than what is put together aside") {
  std::vector<std::pair<std::string, std::string>> names;
  std::vector<cell> values;
  std::string expected = "{";
  for (int i = 0; i < 200; ++i) {
    names.emplace_back("column" + std::to_string(i), i % 3 == 0 ? "string" : "int64");
    values.push_back(i % 3 == 0 ? cell::string("some text") : cell::integer(i));
    expected += (i == 0 ? "\"" : ",\"") + names.back().first
                + (i % 3 == 0 ? "\":\"some text\"" : "\":" + std::to_string(i));
  }
  std::string out;
  make_row_writer(row_format::json, columns(names))->write_value({}, values, out);
  CHECK(out == expected + "}");
}

TEST_CASE("row writer: CSV quotes what has a comma, a quote, a space or a line break") {
  CHECK(csv("string", cell::string("user-27")) == "user-27");
  CHECK(csv("string", cell::string("140,13,137")) == "\"140,13,137\"");
  CHECK(csv("string", cell::string("2024-06-28 13:01:55")) == "\"2024-06-28 13:01:55\"");
  CHECK(csv("string", cell::string("a\"b")) == "\"a\"\"b\"");
  CHECK(csv("string", cell::string("a\nb")) == "\"a\nb\"");
  CHECK(csv("string", cell::string("")) == "\"\"");
  CHECK(csv("bytes", cell::bytes("")) == "\"\"");
  CHECK(csv("string", cell{}) == "");
  CHECK(csv("double", cell::real(std::nan(""))) == "");
  CHECK(csv("float", cell::real(1e300)) == "");
  CHECK(csv("double", cell::real(2.5)) == "2.5");
  cell items[] = {cell::integer(1), cell::integer(2)};
  CHECK(csv("list<int32>", cell::list(items)) == "\"[1,2]\"");
  auto writer = make_row_writer(row_format::csv, columns({{"n", "int64"}, {"t", "timestamp"}}));
  cell values[] = {cell::integer(5), cell::timestamp(event_time{})};
  std::string out;
  writer->write_value({}, values, out);
  CHECK(out == "5,1970-01-01T00:00:00Z");
}

TEST_CASE("row writer: lists with a separator and timestamps by a pattern, where asked for") {
  row_style style{",", "%Y-%m-%d %H:%M:%S"};
  auto of = columns({{"ids", "list<string>"}, {"at", "timestamp"}});
  cell items[] = {cell::string("140"), cell::string("13"), cell{}};
  cell values[] = {cell::list(std::span{items}.first(2)), cell::timestamp(event_time{})};
  std::string out;
  make_row_writer(row_format::csv, of, style)->write_value({}, values, out);
  CHECK(out == R"("140,13","1970-01-01 00:00:00")");
  out.clear();
  make_row_writer(row_format::json, of, style)->write_value({}, values, out);
  CHECK(out == R"({"ids":["140","13"],"at":"1970-01-01 00:00:00"})");
  auto listed = [&](const std::string& type, std::span<const cell> of_list) {
    cell list = cell::list(of_list);
    out.clear();
    make_row_writer(row_format::csv, columns({{"a", type}}), style)
        ->write_value({}, {&list, 1}, out);
    return out;
  };
  CHECK(listed("list<string>", items) == "\"140,13,\"");
  CHECK(listed("list<string>", std::span{items}.first(1)) == "140");
  CHECK(listed("list<string>", {}) == "\"\"");
  cell numbers[] = {cell::integer(7), cell::integer(-1)};
  CHECK(listed("list<int64>", numbers) == "\"7,-1\"");
  cell null;
  out.clear();
  make_row_writer(row_format::csv, columns({{"a", "timestamp"}}), style)
      ->write_value({}, {&null, 1}, out);
  CHECK(out.empty());
}

TEST_CASE("row writer: CSV texts read back as they were") {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  record_format_settings settings;
  settings.format = record_format::csv;
  settings.columns = {"a"};
  decoding decode{schema_of({field("a", "string")}), settings};
  constexpr std::string_view letters = "ab,\" \n\r;\t";
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto n = random() % 6; n > 0; --n)
      text.push_back(letters[random() % letters.size()]);
    INFO(text);
    CHECK(decode.first(csv("string", cell::string(text))).as_text() == text);
  }
}
