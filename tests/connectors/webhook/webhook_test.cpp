#include "connectors/webhook/webhook_output.hpp"

#include <catch2/catch.hpp>

namespace keyfold::webhook {

TEST_CASE("webhook: what answers come to", "[webhook]") {
  for (auto status : {200, 201, 202, 204})
    CHECK(judge(status) == verdict::done);
  for (auto status : {408, 409, 425, 429, 500, 502, 503, 599})
    CHECK(judge(status) == verdict::again);
  for (auto status : {400, 406, 413, 415, 422, 451})
    CHECK(judge(status) == verdict::bad_row);
  for (auto status : {0, 100, 301, 302, 307, 401, 403, 404, 405, 407, 410, 600})
    CHECK(judge(status) == verdict::closed);
}

TEST_CASE("webhook: a URL is shown without what may be secret", "[webhook]") {
  CHECK(shown_url("https://h/hooks/1") == "https://h/hooks/1");
  CHECK(shown_url("https://u:p@h:8443/hooks?key=k#f") == "https://h:8443/hooks");
  CHECK(shown_url("https://h?key=k@x") == "https://h");
  CHECK(shown_url("https://h/a@b") == "https://h/a@b");
  CHECK(shown_url("nothing") == "nothing");
  CHECK(shown_url("").empty());
}

} // namespace keyfold::webhook
