#include "connectors/s2/answers.hpp"
#include "connectors/s2/append_batch.hpp"

#include "connectors/formats/base64.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace keyfold;
using namespace keyfold::s2;

namespace {

std::string base64(std::string_view text) {
  std::string out;
  append_base64(text, out);
  return out;
}

/// What the service would count, from the request.
size_t metered_by_the_service(const nlohmann::json& records) {
  size_t out = 0;
  for (const auto& x : records) {
    auto bytes = [](const nlohmann::json& text) { return *base64_size(text.get<std::string>()); };
    out += 8 + bytes(x["body"]);
    for (const auto& header : x["headers"])
      out += 2 + bytes(header[0]) + bytes(header[1]);
  }
  return out;
}

new_record upsert(std::string_view key, std::string_view body) {
  new_record out;
  out.key = key;
  out.action = "u";
  out.body = body;
  return out;
}

} // namespace

TEST_CASE("s2 append: an upsert, a delete and a row as the service wants them") {
  append_batch batch{40};
  batch.add(upsert(R"({"item":5})", R"({"top_queries":["linen"]})"));
  new_record erased;
  erased.key = R"({"item":6})";
  erased.action = "d";
  batch.add(erased);
  new_record row;
  row.body = "\xff";
  row.timestamp_ms = 7;
  batch.add(row);
  CHECK(batch.size() == 3);
  auto request = nlohmann::json::parse(append_body(batch.take("m"), {12, "kf-1"}));
  CHECK(batch.empty());
  CHECK(request["match_seq_num"] == 12);
  CHECK(request["fencing_token"] == "kf-1");
  auto& records = request["records"];
  REQUIRE(records.size() == 3);
  using nlohmann::json;
  CHECK(records[0]["headers"]
        == json::array({json::array({base64("@key"), base64(R"({"item":5})")}),
                        json::array({base64("@action"), base64("u")})}));
  CHECK(records[0]["body"] == base64(R"({"top_queries":["linen"]})"));
  CHECK(records[1]["headers"][1][1] == base64("d"));
  CHECK(records[1]["body"] == "");
  CHECK(records[2]["headers"] == json::array({json::array({base64("@batch"), base64("m")})}));
  CHECK(records[2]["timestamp"] == 7);
  CHECK_FALSE(records[0].contains("timestamp"));
}

TEST_CASE("s2 append: 1000 records are the most") {
  append_batch batch{40};
  auto x = upsert("1", "2");
  for (size_t i = 0; i < append_batch::max_records; ++i) {
    REQUIRE(batch.has_room(x));
    batch.add(x);
  }
  CHECK_FALSE(batch.has_room(x));
  batch.take("m");
  CHECK(batch.has_room(x));
  CHECK(batch.bytes() == 0);
}

TEST_CASE("s2 append: 1 MiB as the service counts it is the most, with the longest marker") {
  const std::string marker(40, 'm');
  append_batch batch{marker.size()};
  const std::string body(7001, 'x');
  auto x = upsert(R"({"user":"u1"})", body);
  CHECK(append_batch::metered(x) == 8 + 2 + 4 + 13 + 2 + 7 + 1 + 7001);
  while (batch.has_room(x))
    batch.add(x);
  auto request = nlohmann::json::parse(append_body(batch.take(marker), {0, "t"}));
  auto metered = metered_by_the_service(request["records"]);
  CHECK(metered <= append_batch::max_bytes);
  CHECK(metered + append_batch::metered(x) > append_batch::max_bytes);
}

TEST_CASE("s2 append: a record that fits no batch is told apart") {
  append_batch batch{40};
  std::string body(append_batch::max_bytes - 8 - 2 - marker_header.size() - 40, 'x');
  new_record x;
  x.body = body;
  CHECK(batch.admits(x));
  CHECK(batch.has_room(x));
  body += 'x';
  x.body = body;
  CHECK_FALSE(batch.admits(x));
}

TEST_CASE("s2 append: a marker is read as it was written, and no other text is") {
  for (auto last : {true, false}) {
    batch_marker x{17, 0xdeadbeef, 2000, last};
    CHECK(parse_marker(marker_text("shop-rollup", x), "shop-rollup") == x);
    CHECK_FALSE(parse_marker(marker_text("shop-rollup", x), "shop-rollup2"));
  }
  CHECK(marker_text("a", {17, 0xbeef, 20, true}) == "a 17 0000beef 20 end");
  for (std::string_view bad : {"", "a", "a 1", "a 1 0", "a 1 0 -5", "a x 0 5", "a 1 0 5 en",
                               "a 1 0 5 end ", "a 99999999999999999999 0 5 end", " a 1 0 5"})
    CHECK_FALSE(parse_marker(bad, "a"));
}

TEST_CASE("s2 append: the longest marker is within what is kept for it") {
  // 20 and 20 digits, 8 of the checksum, `end`, and blanks between.
  batch_marker x{UINT64_MAX, UINT32_MAX, UINT64_MAX, true};
  CHECK(marker_text("", x).size() == 20 + 8 + 20 + 3 + 4);
}

TEST_CASE("s2 append: the fence") {
  auto request = nlohmann::json::parse(fence_body("kf-1", false));
  CHECK_FALSE(request["records"][0].contains("timestamp"));
  CHECK(request["records"].size() == 1);
  CHECK(request["records"][0]["headers"][0] == nlohmann::json::array({"", base64("fence")}));
  CHECK(request["records"][0]["body"] == base64("kf-1"));
  CHECK(nlohmann::json::parse(fence_body("kf-1", true))["records"][0]["timestamp"] == 0);
}
