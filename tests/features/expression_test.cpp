#include "expression_rows.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace keyfold;
using namespace keyfold::test;

namespace {

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (auto i = 0; i < count; ++i)
    out += text;
  return out;
}

/// "OFFSET: MESSAGE" of the error in `text`.
std::string error_of(const std::string& text) {
  example_row row;
  auto compiled = compile_expression(text, row.columns());
  if (compiled)
    return "compiled";
  return std::to_string(compiled.error().offset) + ": " + compiled.error().message;
}

bool has(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("expression: it says its type and the columns it reads") {
  example_row row;
  auto x = compile_expression("n * price + n > 3 AND event = 'like'", row.columns());
  REQUIRE(x);
  CHECK(x->type().kind == type_kind::boolean);
  CHECK(std::vector<uint32_t>(x->columns().begin(), x->columns().end())
        == std::vector<uint32_t>{0, 2, 4});
  auto type = [&row](const char* text) {
    return to_string(compile_expression(text, row.columns())->type());
  };
  CHECK(type("small + small") == "int64");
  CHECK(type("small") == "int32");
  CHECK(type("n * 1.5") == "decimal(18,1)");
  CHECK(type("price * 1.5") == "decimal(10,3)");
  CHECK(type("price + 1") == "decimal(9,2)");
  CHECK(type("price / 3") == "decimal(18,6)");
  CHECK(type("price + score") == "double");
  CHECK(type("CASE WHEN active THEN small ELSE n END") == "int64");
  CHECK(type("COALESCE(price, 1)") == "decimal(8,2)");
  CHECK(type("NULL") == "null");
  CHECK(type("COALESCE(NULL, 'x')") == "string");
  CHECK(type("tags[1]") == "string");
  CHECK(type("labels['a']") == "int64");
  CHECK(type("NULLIF(small, 1.5)") == "int32");
}

TEST_CASE("expression: only TRUE holds") {
  example_row row;
  arena scratch;
  auto holds = [&](const char* text) {
    return compile_expression(text, row.columns())->holds(row.cells(), scratch);
  };
  CHECK(holds("event = 'like'"));
  CHECK_FALSE(holds("event = 'view'"));
  CHECK_FALSE(holds("nothing = 'view'"));
  CHECK_FALSE(holds("NOT nothing = 'view'"));
  CHECK_FALSE(holds("NULL"));
}

TEST_CASE("expression: errors name the place of the token") {
  CHECK(error_of("n + evnt") == "4: column `evnt` is unknown: did you mean `event`");
  CHECK(error_of("colour = 1") == "0: column `colour` is unknown");
  CHECK(has(error_of("Event = 'x'"), "did you mean `event`"));
  CHECK(has(error_of("user.nme = 'x'"), "did you mean `user.name`"));
  CHECK(has(error_of("active AND event = 1"), "17: cannot compare string with int64"));
  CHECK(has(error_of("n = 1 n"), "6: `n` is not expected here"));
  CHECK(has(error_of("(n = 1"), "6: `)` is expected instead of `the end`"));
  CHECK(has(error_of("n = 1)"), "5: `)` is not expected here"));
  CHECK(has(error_of("n # 1"), "2: `#` is not part"));
  CHECK(has(error_of("n = \x01"), "4: byte 0x01"));
  CHECK(has(error_of("1abc"), "0: number runs into a name"));
  CHECK(has(error_of("1e"), "0: number lacks the digits"));
  CHECK(has(error_of("9223372036854775808"), "0: integer is too large"));
  CHECK(has(error_of("1e999"), "0: number is too large"));
  CHECK(has(error_of("\"open"), "0: quoted name has no closing"));
  CHECK(has(error_of("CASE END"), "5: a value is expected instead of END"));
  CHECK(has(error_of("CASE n END"), "7: WHEN is expected instead of `END`"));
  CHECK(has(error_of("CASE WHEN TRUE THEN 1"), "END is expected"));
  CHECK(has(error_of("n NOT 5"), "IN, BETWEEN or LIKE is expected after NOT"));
  CHECK(has(error_of("n IN ()"), "a value is expected instead of `)`"));
  CHECK(has(error_of("order = 1"), "column `order` is unknown"));
  CHECK(has(error_of("end = 1"), "put a column of that name in double quotes"));
  CHECK(has(error_of(""), "0: a value is expected instead of `the end`"));
  CHECK(has(error_of("a."), "a name is expected after the point"));
}

TEST_CASE("expression: wrong types are errors with a remedy") {
  CHECK(has(error_of("n AND active"), "0: operand of AND must be bool, not int64"));
  CHECK(has(error_of("active OR n"), "10: operand of OR must be bool"));
  CHECK(has(error_of("NOT event"), "4: operand of NOT must be bool, not string"));
  CHECK(has(error_of("-event"), "0: cannot negate string"));
  CHECK(has(error_of("at + 1"), "use TIMESTAMP_ADD or TIMESTAMP_DIFF"));
  CHECK(has(error_of("at > 17"), "TIMESTAMP_SECONDS or TIMESTAMP_MILLIS"));
  CHECK(has(error_of("tags = tags"), "compare its elements"));
  CHECK(has(error_of("n IN (1, 'x')"), "cannot compare int64 with string"));
  CHECK(has(error_of("n BETWEEN 1 AND 'x'"), "cannot compare int64 with string"));
  CHECK(has(error_of("n LIKE 'x'"), "operand of LIKE must be string"));
  CHECK(has(error_of("n || 'x'"), "what is joined to a text must be string, not int64"));
  CHECK(has(error_of("event LIKE 'x' ESCAPE '!!'"), "literal of one character"));
  CHECK(has(error_of("event LIKE 'x!y' ESCAPE '!'"), "must be followed by"));
  CHECK(has(error_of("CASE WHEN n THEN 1 END"), "condition after WHEN must be bool"));
  CHECK(has(error_of("CASE WHEN active THEN 1 ELSE 'x' END"), "different types, int64 and string"));
  CHECK(has(error_of("CASE n WHEN 'x' THEN 1 END"), "cannot compare int64 with string"));
  CHECK(has(error_of("COALESCE(n, event)"), "arguments of COALESCE have different types"));
  CHECK(has(error_of("COALESCE()"), "COALESCE has 0 argument(s)"));
  CHECK(has(error_of("LEAST(tags, tags)"), "cannot compare list<string>"));
  CHECK(has(error_of("CAST(tags AS string)"), "cannot CAST list<string> to string"));
  CHECK(has(error_of("CAST(at AS int64)"), "use EPOCH_SECONDS or EPOCH_MILLIS"));
  CHECK(has(error_of("CAST(n AS timestamp)"), "use TIMESTAMP_SECONDS"));
  CHECK(has(error_of("CAST(n AS intt)"), "10: type `intt` is unknown"));
  CHECK(has(error_of("n[1]"), "int64 has no elements"));
  CHECK(has(error_of("tags['x']"), "index of a list must be int64"));
  CHECK(has(error_of("labels[1]"), "key of a map must be string"));
  CHECK(has(error_of("price * 0.12345678901234567"), "CAST one side to fewer"));
  CHECK(has(error_of("ROUND(price, n)"), "digits of ROUND must be a literal"));
  CHECK(has(error_of("ABS(event)"), "ABS takes a number, not string"));
  CHECK(has(error_of("DATE_TRUNC('fortnight', at)"), "11: unit of DATE_TRUNC must be one of"));
  CHECK(has(error_of("EXTRACT(AGE FROM at)"), "8: unit of EXTRACT must be one of"));
  CHECK(has(error_of("TO_TIMESTAMP(event, event)"), "must be a literal"));
  CHECK(has(error_of("TO_TIMESTAMP(event, '%H')"), "names no whole date"));
  CHECK(has(error_of("TIMESTAMP 'noon'"), "10: timestamp `noon` is not"));
  CHECK(has(error_of("SUBSTRING(event)"), "SUBSTRING(string, int64 [, int64])"));
  CHECK(has(error_of("CONTAINS(tags, 1)"), "cannot compare string with int64"));
  CHECK(has(error_of("substrng(event, 1)"), "did you mean `SUBSTRING`"));
}

TEST_CASE("expression: words are found in any case, columns only in theirs") {
  example_row row;
  CHECK(evaluated("upper(event) like 'LIKE' aNd not active Is Null", row) == "TRUE");
  CHECK(evaluated("case when Active then 1 end", row).find("error") == 0);
  CHECK(evaluated("cast('1' as BIGINT) + Cast('2' As Integer)", row) == "3");
}

TEST_CASE("expression: a function's name and a unit may be columns, too") {
  scope columns{{"timestamp", {type_kind::int64, 0, 0, nullptr}, true},
                {"hour", {type_kind::int64, 0, 0, nullptr}, true},
                {"leading", {type_kind::string, 0, 0, nullptr}, true}};
  std::vector<cell> row{cell::integer(5), cell::integer(6), cell::string(" x ")};
  arena scratch;
  auto value = [&](const char* text) {
    auto x = compile_expression(text, columns);
    INFO(text);
    REQUIRE(x);
    return shown(x->evaluate(row, scratch));
  };
  CHECK(value("timestamp + hour") == "11");
  CHECK(value("TRIM(leading)") == "'x'");
  CHECK(value("TRIM(LEADING FROM leading)") == "'x '");
}

TEST_CASE("expression: integers stop at 64 bits") {
  example_row row;
  CHECK(evaluated("-9223372036854775808", row) == "-9223372036854775808");
  CHECK(evaluated("- -9223372036854775808", row) == "NULL");
  CHECK(evaluated("-9223372036854775808 / -1", row) == "NULL");
  CHECK(evaluated("-9223372036854775808 % -1", row) == "0");
  CHECK(evaluated("9223372036854775807 * 2", row) == "NULL");
  CHECK(evaluated("ABS(-9223372036854775808)", row) == "NULL");
  CHECK(evaluated("CAST(1e19 AS int64)", row) == "NULL");
  CHECK(evaluated("CAST(-2147483649 AS int)", row) == "NULL");
}

TEST_CASE("expression: decimals are exact, or null") {
  example_row row;
  CHECK(evaluated("0.000000001 * 0.000000001", row) == "0.000000000000000001");
  CHECK(evaluated("999999999999999999. + 1", row) == "NULL");
  CHECK(evaluated("99999999.5 * 99999999999.5", row) == "NULL");
  CHECK(evaluated("1.0 / 3", row) == "0.333333");
  CHECK(evaluated("-2.0 / 3", row) == "-0.666667");
  CHECK(evaluated("999999999999999999. / 0.000000000000000001", row) == "NULL");
  CHECK(evaluated("0.000000000000000001 / 999999999999999999.", row) == "0.000000000000000000");
  CHECK(evaluated("-7.5 % 2", row) == "-1.5");
  CHECK(evaluated("9223372036854775807 > 1.5", row) == "TRUE");
  CHECK(evaluated("9007199254740993 = 9007199254740993.0", row) == "TRUE");
  CHECK(evaluated("CAST(123.45 AS decimal(4,1))", row) == "123.5");
  CHECK(evaluated("CAST(1234.5 AS decimal(4,1))", row) == "NULL");
  CHECK(evaluated("CAST(0.145e0 AS decimal(3,2))", row) == "0.14");
  CHECK(evaluated("CEIL(-1.5)", row) == "-1");
  CHECK(evaluated("FLOOR(-0.5e0)", row) == "-1");
  CHECK(evaluated("ROUND(-2.5)", row) == "-3");
  CHECK(evaluated("ROUND(2.345e0, 2)", row) == "2.35");
  CHECK(evaluated("ROUND(1e300, 400)", row) == "1e+300");
}

TEST_CASE("expression: a text of unlimited growth becomes null") {
  example_row row;
  std::string text = "event";
  for (auto i = 0; i < 100; ++i)
    text = "REPLACE(" + text + ", 'i', 'iiiiiiiiii')";
  CHECK(evaluated(text, row) == "NULL");
  CHECK(evaluated("LENGTH(REPLACE(REPLACE(REPLACE(event, 'i', '" + std::string(100, 'i')
                      + "'), 'i', '" + std::string(100, 'i') + "'), 'k', '!'))",
                  row)
        == "10003");
}

TEST_CASE("expression: length and nesting are bounded") {
  CHECK(error_of(repeated("(", 199) + "n" + repeated(")", 199)) == "compiled");
  CHECK(has(error_of(repeated("(", 200) + "n" + repeated(")", 200)), "nested deeper than 200"));
  CHECK(has(error_of(repeated("NOT ", 300) + "active"), "nested deeper than 200"));
  CHECK(has(error_of(repeated("- ", 300) + "n"), "nested deeper than 200"));
  CHECK(error_of("n" + repeated(" + n", 199)) == "compiled");
  CHECK(has(error_of("n" + repeated(" + n", 200)), "nested deeper than 200"));
  CHECK(has(error_of("tags" + repeated("[1]", 201)), "nested deeper than 200"));
  CHECK(error_of("active" + repeated(" AND active", 5000)) == "compiled");
  CHECK(error_of("event" + repeated(" || event", 5000)) == "compiled");
  CHECK(has(error_of("n = " + std::string(65536, '1')), "at most 65536"));
  CHECK(has(error_of(repeated("(", 65000)), "nested deeper than 200"));
  CHECK(has(error_of("n" + repeated(" IS NULL", 5000)), "nested deeper than 200"));
}

TEST_CASE("expression: what is nested in several operands is compiled once") {
  std::string between = "active";
  std::string nullif = "n";
  std::string contains = "event";
  std::string round = "score";
  for (auto i = 0; i < 60; ++i) {
    between = "((" + between + ") BETWEEN FALSE AND TRUE)";
    nullif = "NULLIF(" + nullif + ", 8)";
    contains = "CASE WHEN CONTAINS(" + contains + ", 'i') THEN 'i' END";
    round = "ROUND(" + round + ", 1)";
  }
  example_row row;
  CHECK(evaluated(between, row) == "TRUE");
  CHECK(evaluated(nullif, row) == "7");
  CHECK(evaluated(contains, row) == "'i'");
  CHECK(evaluated(round, row) == "0.5");
}

TEST_CASE("expression: LIKE takes any pattern") {
  example_row row;
  auto like = [&row](std::string text, std::string pattern) {
    auto fixed = evaluated("'" + text + "' LIKE '" + pattern + "'", row);
    // The same pattern, computed for each row.
    auto computed =
        evaluated("'" + text + "' LIKE SUBSTRING(CONCAT(event, '" + pattern + "'), 5)", row);
    CHECK(fixed == computed);
    return fixed == "TRUE";
  };
  CHECK(like("", ""));
  CHECK(like("", "%"));
  CHECK_FALSE(like("", "_"));
  CHECK(like("abc", "a%c"));
  CHECK(like("ac", "a%c"));
  CHECK_FALSE(like("aba", "aba%aba"));
  CHECK_FALSE(like("abab", "ab%aab"));
  CHECK(like("mississippi", "%iss%ip%"));
  CHECK(like("mississippi", "m%i_s_pp_"));
  CHECK(like("mississippi", "%s_s%i"));
  CHECK_FALSE(like("mississippi", "%ss__ss%"));
  CHECK(like("äöü", "___"));
  CHECK(like("äöü", "%_ü"));
  CHECK_FALSE(like("äöü", "__"));
  CHECK(like(std::string(1000, 'a') + "b", "%a%a%a%a%a%b"));
  CHECK(evaluated("'a!%' LIKE 'a!!!%' ESCAPE '!'", row) == "TRUE");
  CHECK(evaluated("event LIKE event || '!' ESCAPE '!'", row) == "NULL");
  CHECK(evaluated("event LIKE nothing", row) == "NULL");
}

TEST_CASE("expression: long lists of members are searched, not walked") {
  example_row row;
  std::string members;
  for (auto i = 0; i < 5000; ++i)
    members += (i > 0 ? "," : "") + std::to_string(i * 2);
  CHECK(evaluated("n IN (" + members + ")", row) == "FALSE");
  CHECK(evaluated("n + 1 IN (" + members + ")", row) == "TRUE");
  CHECK(evaluated("n IN (1.5, 7e0)", row) == "TRUE");
  CHECK(evaluated("n IN (small + 4, NULL)", row) == "TRUE");
  CHECK(evaluated("n IN (small, NULL)", row) == "NULL");
}

TEST_CASE("expression: text functions take what is not UTF-8 as it comes") {
  scope columns{{"x", {type_kind::string, 0, 0, nullptr}, true}};
  arena scratch;
  for (std::string text : {"\x80\x80", "a\xff", "\xc3", "\xf0\x9f\x98"}) {
    std::vector<cell> row{cell::string(text)};
    for (const auto* call : {"LENGTH(x)", "SUBSTRING(x, 2)", "TRIM(x)", "RTRIM(x, x)", "UPPER(x)",
                             "x LIKE '_%_'", "STRPOS(x, SUBSTRING(x, 1, 1))", "REPLACE(x, x, x)"}) {
      auto compiled = compile_expression(call, columns);
      REQUIRE(compiled);
      CHECK_FALSE(compiled->evaluate(row, scratch).is_null());
    }
    auto cast = compile_expression("CAST(CAST(x AS bytes) AS string) IS NULL", columns);
    CHECK(cast->holds(row, scratch));
  }
}

TEST_CASE("expression: a copy outlives what it was copied from") {
  example_row row;
  arena scratch;
  auto copy = [&row] {
    auto x = compile_expression("CASE WHEN active THEN 'a text of the expression itself' END",
                                row.columns());
    return std::optional{*x};
  }();
  CHECK(copy->evaluate(row.cells(), scratch).as_text() == "a text of the expression itself");
}
