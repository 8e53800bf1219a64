#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

using namespace keyfold::config;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// The small definition with one output: `"name": "o", "views": ["activity"], ` and `members`.
std::string with_output(const std::string& members, const std::string& more = "") {
  return changed(
      R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})",
      R"({"name": "o", "views": ["activity"], )" + members + "}" + more);
}

std::string complaint(const std::string& text) {
  auto made = compile_text(text);
  REQUIRE_FALSE(made);
  return made.error().messages.front();
}

} // namespace

TEST_CASE("file outputs: rotation, header and sync are read, with their defaults") {
  auto plain = std::get<file_output>(
      must_compile(with_output(R"("type": "file", "path": "a")")).outputs.at(0).target);
  CHECK(plain.header);
  CHECK(plain.sync);
  CHECK((plain.rotate.size == 0 && plain.rotate.every == 0ms && plain.rotate.keep == 0));
  auto made = std::get<file_output>(
      must_compile(with_output(R"("type": "file", "path": "a.csv", "value_format": "csv",
        "header": false, "sync": false, "rotate": {"size": "64MiB", "every": "1h", "keep": 24})"))
          .outputs.at(0)
          .target);
  CHECK_FALSE(made.header);
  CHECK_FALSE(made.sync);
  CHECK((made.rotate.size == 64u << 20 && made.rotate.every == 1h && made.rotate.keep == 24));
}

TEST_CASE("file outputs: rotation that cannot be meant is refused") {
  auto rotate = [](const std::string& x) {
    return complaint(with_output(R"("type": "file", "path": "a", "rotate": )" + x));
  };
  CHECK_THAT(rotate("{}"), Contains("`rotate` needs a `size`, or how long a part lasts: `every`"));
  CHECK_THAT(rotate(R"({"keep": 3})"), Contains("`rotate` needs"));
  CHECK_THAT(rotate(R"({"size": "512B"})"), Contains("a part has at least 1KiB"));
  CHECK_THAT(rotate(R"({"every": "10ms"})"), Contains("a part lasts at least `1s`"));
  CHECK_THAT(rotate(R"({"every": "1h", "keep": 0})"), Contains("keep"));
  CHECK_THAT(complaint(with_output(R"("type": "file", "path": "a", "header": false)")),
             Contains("`header` is of CSV, and this output writes JSON"));
}

TEST_CASE("file outputs: what something else reads or writes is refused, however it is spelt") {
  CHECK_THAT(complaint(with_output(
                 R"("type": "file", "path": "x/../a")",
                 R"(, {"name": "p", "type": "file", "path": "./a", "views": ["activity"]})")),
             Contains("two outputs write to the file `./a`"));
  CHECK_THAT(complaint(with_output(R"("type": "file", "path": "./state/keyfold.db")")),
             Contains("the ledger is kept in `./state/keyfold.db`"));
  auto reads = [](const std::string& source, const std::string& output) {
    auto text = with_output(R"("type": "file", "path": ")" + output + "\"");
    std::string kafka = R"({"type": "kafka", "brokers": "localhost:9092", "topics": ["w1"]})";
    text.replace(text.find(kafka), kafka.size(), R"({"type": "file", "path": ")" + source + "\"}");
    auto made = compile_text(text);
    return made ? "nothing" : made.error().messages.front();
  };
  for (const auto* source : {"in", "in/", "./in", "in/out.jsonl"})
    CHECK_THAT(reads(source, "in/out.jsonl"),
               Contains("the stream `events` reads `" + std::string{source}
                        + "`, so this would feed on itself"));
  CHECK_THAT(reads(".", "out.jsonl"), Contains("feed on itself"));
  CHECK(reads("in", "out.jsonl") == "nothing");
  CHECK(reads("in", "in/deeper/out.jsonl") == "nothing");
}

TEST_CASE("file outputs: dead letters may rotate, too") {
  auto made =
      must_compile(changed(R"("serving": {)", R"("dead_letter": {"type": "file", "path": "bad",
    "rotate": {"size": "1MiB", "keep": 2}}, "serving": {)"));
  CHECK(std::get<file_output>(made.dead_letter->target).rotate.keep == 2);
}

TEST_CASE("sqlite outputs: read with their defaults, and shown by explain") {
  auto made = must_compile(with_output(R"("type": "sqlite", "path": "a.db")"));
  auto target = std::get<sqlite_output>(made.outputs.at(0).target);
  CHECK(target.path == "a.db");
  CHECK(target.table == "activity");
  CHECK(target.create_table);
  CHECK(target.lock_wait == 5s);
  CHECK_THAT(explain_text(made), Contains("table activity of sqlite a.db"));
  auto other = std::get<sqlite_output>(
      must_compile(
          with_output(R"("type": "sqlite", "path": "a.db", "table": "t", "create_table": false,
        "lock_wait": "100ms")"))
          .outputs.at(0)
          .target);
  CHECK(other.table == "t");
  CHECK_FALSE(other.create_table);
  CHECK(other.lock_wait == 100ms);
}

TEST_CASE("sqlite outputs: tables in one another's way, and the ledger, are refused") {
  auto two = [](const std::string& second) {
    return complaint(
        with_output(R"("type": "sqlite", "path": "a.db")",
                    R"(, {"name": "p", "type": "sqlite", "views": ["activity"], )" + second + "}"));
  };
  CHECK_THAT(two(R"("path": "x/../a.db", "table": "Activity")"),
             Contains("two outputs write to the table `Activity` of `x/../a.db`"));
  CHECK_THAT(complaint(with_output(R"("type": "sqlite", "path": "state//keyfold.db")")),
             Contains("the ledger is kept in `state//keyfold.db`"));
  for (auto name : {"SQLITE_x", "keyfold_epochs"})
    CHECK_THAT(complaint(with_output(R"("type": "sqlite", "path": "a.db", "table": ")"
                                     + std::string{name} + "\"")),
               Contains("a table cannot be called"));
  CHECK_THAT(complaint(with_output(R"("type": "sqlite")")), Contains("path"));
  CHECK_THAT(complaint(with_output(R"("type": "sqlite", "path": "a", "value_format": "csv")")),
             Contains("value_format"));
}
