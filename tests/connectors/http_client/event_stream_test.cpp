#include "connectors/http_client/event_stream.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace keyfold;

namespace {

/// All events of `text`, fed in pieces of `piece` bytes.
std::vector<server_event> events_of(std::string_view text, size_t piece) {
  event_stream_parser parser{1u << 20};
  std::vector<server_event> out;
  for (size_t at = 0; at < text.size(); at += piece) {
    parser.feed(text.substr(at, piece));
    server_event x;
    for (;;) {
      auto more = parser.next(x);
      REQUIRE(more);
      if (!*more)
        break;
      out.push_back(x);
    }
  }
  return out;
}

} // namespace

TEST_CASE("event stream: types, identities and data, however the bytes are cut") {
  std::string_view text = "event: batch\nid: 5,2,18\ndata: {\"a\":1}\n\n"
                          ": a comment\r\ndata: one\r\ndata:two\r\n\r\n"
                          "event: nothing\n\ndata\n\ndata: [DONE]\n\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    auto found = events_of(text, piece);
    INFO("pieces of " << piece);
    REQUIRE(found.size() == 4);
    CHECK(found[0].type == "batch");
    CHECK(found[0].id == "5,2,18");
    CHECK(found[0].data == "{\"a\":1}");
    CHECK(found[1].type.empty());
    CHECK(found[1].id.empty());
    CHECK(found[1].data == "one\ntwo");
    CHECK(found[2].type.empty());
    CHECK(found[2].data.empty());
    CHECK(found[3].data == "[DONE]");
  }
}

TEST_CASE(
    "event stream: a lone carriage return ends a line, and a byte order mark is passed over") {
  auto found = events_of("\xEF\xBB\xBF"
                         "data: x\rdata: y\r\rdata: z\r\r\n",
                         3);
  REQUIRE(found.size() == 2);
  CHECK(found[0].data == "x\ny");
  CHECK(found[1].data == "z");
}

TEST_CASE("event stream: an event that is not complete is not told") {
  CHECK(events_of("data: x\n", 100).empty());
  CHECK(events_of("data: x\r\n\r", 100).empty());
}

TEST_CASE("event stream: an event beyond the bound is an error, with or without line ends") {
  for (std::string text : {std::string(100, 'x'), "data: " + std::string(40, 'x') + "\ndata: x\n",
                           std::string{"data: "} + std::string(100, 'x') + "\n\n"}) {
    event_stream_parser parser{40};
    parser.feed(text);
    server_event x;
    CHECK_FALSE(parser.next(x));
  }
  event_stream_parser parser{40};
  parser.feed("data: " + std::string(30, 'x') + "\n\ndata: " + std::string(30, 'y') + "\n\n");
  server_event x;
  CHECK(*parser.next(x));
  CHECK(*parser.next(x));
  CHECK(x.data.front() == 'y');
}

TEST_CASE("event stream: what has been taken is not kept") {
  event_stream_parser parser{1000};
  server_event x;
  for (int i = 0; i < 10'000; ++i) {
    parser.feed("data: " + std::string(100, 'x') + "\n\n");
    REQUIRE(*parser.next(x));
    REQUIRE(parser.waiting() == 0);
  }
}

TEST_CASE("event stream: any cuts of any bytes give the same events") {
  constexpr uint32_t seed = 5;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  constexpr std::string_view letters = "data: \r\n\nevent:id:x";
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i)
      text += letters[random() % letters.size()];
    auto whole = events_of(text, text.size());
    auto cut = events_of(text, 1 + random() % 7);
    REQUIRE(whole.size() == cut.size());
    for (size_t i = 0; i < whole.size(); ++i)
      CHECK((whole[i].data == cut[i].data && whole[i].type == cut[i].type
             && whole[i].id == cut[i].id));
  }
}
