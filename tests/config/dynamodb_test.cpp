#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

/// The small definition with an output to DynamoDB that has these members, too.
std::string with_output(const std::string& members, const std::string& more = {}) {
  auto text = small_definition();
  const std::string file =
      R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})";
  auto at = text.find(file);
  REQUIRE(at != std::string::npos);
  return text.replace(at, file.size(),
                      R"({"name": "changes", "type": "dynamodb", "table": "features", )" + members
                          + "}" + more);
}

const std::string keyed =
    R"("views": ["activity"], "partition_key": "userId", "sort_key": "eventName")";

dynamodb_output compiled(const std::string& text) {
  return std::get<dynamodb_output>(must_compile(text).outputs.front().target);
}

} // namespace

TEST_CASE("dynamodb: the defaults of an output", "[dynamodb]") {
  auto made = compiled(with_output(keyed));
  CHECK(made.table == "features");
  CHECK(made.partition_key == "userId");
  CHECK(made.sort_key == "eventName");
  CHECK(made.region == "us-east-1");
  CHECK(made.endpoint.empty());
  CHECK(made.item.empty());
  CHECK(!made.create_table);
  CHECK(made.credentials.where == aws_credentials::from::anywhere);
  CHECK(made.written_as == dynamodb_output::timestamps::rfc3339);
  CHECK(made.max_in_flight == 8);
  CHECK(made.timeout == std::chrono::seconds{10});
}

TEST_CASE("dynamodb: the shape of items", "[dynamodb]") {
  auto made = compiled(with_output(
      R"("views": ["activity"], "partition_key": "pk", "sort_key": "sk", "timestamps": "ms",
         "item": {"pk": ["userId", "eventName"], "sk": "'it''s'", "n": 5.5,
                  "counts": {"last": "last_update", "inner": {"x": "userId"}}})"));
  using kind = dynamodb_part::kind;
  REQUIRE(made.item.size() == 4);
  CHECK(made.item[0].is == kind::columns);
  CHECK(made.item[0].columns == std::vector<std::string>{"userId", "eventName"});
  CHECK(made.item[1].is == kind::text);
  CHECK(made.item[1].literal == "it''s");
  CHECK(made.item[2].is == kind::number);
  CHECK(made.item[2].literal == "5.5");
  CHECK(made.item[3].is == kind::map);
  REQUIRE(made.item[3].parts.size() == 2);
  CHECK(made.item[3].parts[0].columns == std::vector<std::string>{"last_update"});
  CHECK(made.item[3].parts[1].parts.front().name == "x");
  CHECK(made.written_as == dynamodb_output::timestamps::milliseconds);
}

TEST_CASE("dynamodb: credentials", "[dynamodb]") {
  using from = aws_credentials::from;
  auto with = [](const std::string& x) { return with_output(keyed + R"(, "credentials": )" + x); };
  CHECK(compiled(with("\"instance\"")).credentials.where == from::instance);
  CHECK(compiled(with(R"({"profile": "team"})")).credentials.where == from::file);
  auto given = compiled(with(R"({"access_key": "a", "secret_key": "s", "session_token": "t"})"));
  CHECK(given.credentials.where == from::given);
  CHECK(given.credentials.session_token == "t");
  CHECK(complains(with(R"({"access_key": "a"})"), "give a `profile`"));
  CHECK(complains(with(R"({"access_key": "a", "secret_key": "s", "profile": "p"})"),
                  "give a `profile`"));
  CHECK(complains(with("{}"), "give a `profile`"));
  CHECK(complains(with("\"nowhere\""), "nowhere"));
}

TEST_CASE("dynamodb: what cannot be is told with its place", "[dynamodb]") {
  auto with = [](const std::string& item, const std::string& keys = R"("partition_key": "pk")") {
    return with_output(R"("views": ["activity"], )" + keys + R"(, "item": )" + item);
  };
  CHECK(complains(with(R"({"pk": "userid"})"), "no column `userid`: did you mean `userId`?"));
  CHECK(complains(with(R"({"x": "userId"})"), "`item` has no attribute `pk`"));
  CHECK(complains(with(R"({"pk": {"a": "userId"}})"), "is a map"));
  CHECK(complains(with(R"({"pk": "last_update"})"), "no column of the rows' key"));
  CHECK(complains(with(R"({"pk": "'const'"})"), "`userId` is in neither"));
  CHECK(complains(with(R"({"pk": "'open"})"), "no closing `'`"));
  CHECK(complains(with(R"({"pk": "userId"})", R"("partition_key": "pk", "sort_key": "pk")"),
                  "the same attribute"));
  CHECK(complains(with(R"({"pk": "userId"})", R"("partition_key": "pk", "columns": "all")"),
                  "`columns` does nothing"));
  CHECK(complains(with(R"({"pk": true})"), "must be a string, a number"));
  CHECK(complains(with_output(R"("views": ["activity"], "partition_key": "nobody")"),
                  "no column of the rows' key"));
  CHECK(complains(with_output(R"("views": ["activity"], "partition_key": "userId")"),
                  "`eventName` is in neither"));
  CHECK(complains(with_output(R"("views": ["activity", "activity"], "partition_key": "userId")"),
                  "for one view or one stream"));
  CHECK(complains(with_output(keyed + R"(, "endpoint": "dynamodb:8000")"), "is no endpoint"));
  CHECK(complains(with_output(keyed + R"(, "endpoint": "http://h/path")"), "is no endpoint"));
  CHECK(compiled(with_output(keyed + R"(, "endpoint": "http://h:8000/")")).endpoint
        == "http://h:8000/");
  CHECK(complains(with_output(keyed + R"(, "region": "a b")"), "is no region"));
  CHECK(complains(with_output(keyed + R"(, "marker_table": "no\"good")"), "is no name of a table"));
  auto second = R"(, {"name": "second", "type": "dynamodb", "table": "features", )" + keyed + "}";
  CHECK(complains(with_output(keyed, second), "two outputs write to the table"));
}

} // namespace keyfold::config
