#include "compiling.hpp"
#include "definitions.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

/// The small definition with an output to a webhook that has these members, too.
std::string with_output(const std::string& members, const std::string& url = "https://h/x",
                        const std::string& more = {}) {
  return changed(
      R"({"name": "changes", "type": "file", "path": "out.jsonl", "views": ["activity"]})",
      R"({"name": "changes", "type": "webhook", "views": ["activity"], "url": ")" + url + "\""
          + members + "}" + more);
}

} // namespace

TEST_CASE("webhook: the defaults of an output", "[webhook]") {
  auto made = compile_text(with_output(""));
  REQUIRE(made);
  const auto& x = std::get<webhook_output>(made->outputs.front().target);
  CHECK(x.url == "https://h/x");
  CHECK(!x.put);
  CHECK(x.headers.empty());
  CHECK(x.token.empty());
  CHECK(x.key_header == "Idempotency-Key");
  CHECK(x.batch_rows == 100);
  CHECK(x.batch_bytes == 1u << 20);
  CHECK(x.max_in_flight == 1);
  CHECK(x.timeout == std::chrono::seconds{10});
}

TEST_CASE("webhook: headers and a token", "[webhook]") {
  auto made = compile_text(with_output(
      R"(, "token": "${PASSWORD}", "headers": {"X-Team": "a b", "x.y~z": "1"}, "method": "PUT")"));
  REQUIRE(made);
  const auto& x = std::get<webhook_output>(made->outputs.front().target);
  CHECK(x.token == "hunter2hunter2");
  CHECK(x.put);
  REQUIRE(x.headers.size() == 2);
  CHECK(x.headers[0] == std::pair<std::string, std::string>{"X-Team", "a b"});
}

TEST_CASE("webhook: what cannot be is told with its place", "[webhook]") {
  auto headers = [](const std::string& x) { return with_output(R"(, "headers": {)" + x + "}"); };
  CHECK(complains(headers(R"("A B": "x")"), "`A B` is no name of an HTTP header"));
  CHECK(complains(headers(R"("content-type": "x")"), "keyfold's to set"));
  CHECK(complains(headers(R"("idempotency-key": "x")"), "carries the idempotency key"));
  CHECK(complains(headers(R"("X": "a\nb")"), "a header is one line"));
  CHECK(complains(with_output(R"(, "token": "${PASSWORD}\r\nX: y")"), "a token is one line"));
  CHECK(complains(with_output(R"(, "idempotency_header": "a b")"), "no name of an HTTP header"));
  CHECK(complains(with_output(R"(, "client_key": "k.pem")"), "go together"));
  CHECK(complains(with_output("", "ftp://h"), "the URL begins with"));
  CHECK(complains(with_output("", "https://"), "the URL begins with"));
  CHECK(complains(with_output("", "https://user:pass@h/"), "the URL begins with"));
  CHECK(complains(with_output(R"(, "batch_rows": 0)"), "batch_rows"));
  CHECK(complains(with_output("", "https://h/x",
                              R"(, {"name": "two", "type": "webhook", "views": ["activity"],
                                    "url": "https://h/x"})"),
                  "two outputs send to"));
}

} // namespace keyfold::config
