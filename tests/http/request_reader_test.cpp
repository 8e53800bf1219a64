#include "http/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace keyfold::http;

namespace {

void add(boost::beast::flat_buffer& to, std::string_view text) {
  boost::asio::buffer_copy(to.prepare(text.size()), boost::asio::buffer(text.data(), text.size()));
  to.commit(text.size());
}

/// Reads one request out of `text`, handed over in pieces of `piece` bytes.
struct outcome {
  bool complete = false;
  fault what{};
  std::string detail;
  std::string body;
  size_t left = 0;
};

outcome read(std::string_view text, size_t piece = 100'000, request_limits limits = {}) {
  request_reader reader{limits};
  boost::beast::flat_buffer in;
  outcome x;
  for (size_t i = 0; i < text.size(); i += piece) {
    add(in, text.substr(i, piece));
    for (auto step = reader.next(in); step != request_reader::step::need_more;
         step = reader.next(in)) {
      if (step == request_reader::step::refused) {
        x.what = reader.why().what;
        x.detail = reader.why().detail;
        return x;
      }
      if (step == request_reader::step::complete) {
        x.complete = true;
        x.body = reader.request().body();
        x.left = in.size() + text.size() - std::min(text.size(), i + piece);
        return x;
      }
    }
  }
  return x;
}

} // namespace

TEST_CASE("request_reader: requests are read whole, in pieces of any size") {
  constexpr std::string_view requests[] = {
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
      "\r\n\r\nGET /a HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET /a HTTP/1.0\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\na\r\n2;e=f\r\nbc\r\n0\r\n\r\n",
  };
  for (auto text : requests)
    for (size_t piece : {1, 2, 3, 7, 1000}) {
      INFO(text << " in pieces of " << piece);
      auto x = read(text, piece);
      CHECK(x.complete);
      if (text.starts_with("POST"))
        CHECK(x.body == "abc");
    }
}

TEST_CASE("request_reader: what follows a request is left for the next") {
  auto x = read("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b");
  CHECK(x.complete);
  CHECK(x.left == 6);
}

TEST_CASE("request_reader: what could be read in two ways is refused") {
  struct sample {
    std::string_view text;
    std::string_view detail;
  };
  constexpr sample samples[] = {
      {"GET / HTTP/1.1\r\n\r\n", "there is no Host"},
      {"GET / HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n", "more than one Host"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
       "more than one Content-Length"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       "both Transfer-Encoding and Content-Length"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
       "exactly `chunked`"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
       "exactly `chunked`"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "chunked\r\n\r\n",
       "exactly `chunked`"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", "exactly `chunked`"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0 has no"},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "folded"},
      {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "folded"},
      {"GET / HTTP/1.1\nHost: x\r\n\r\n", "CR LF"},
      {"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", "CR LF"},
      {"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "no colon"},
      {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "no Host"},
      {"GET /\r\nHost: x\r\n\r\n", "request line"},
      {"GARBAGE\r\n\r\n", "request line"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", "malformed"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1,1\r\n\r\na", "malformed"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\na", "malformed"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"},
      {"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", "malformed"},
  };
  for (const auto& sample : samples) {
    INFO(sample.text);
    auto x = read(sample.text);
    CHECK_FALSE(x.complete);
    CHECK(x.what == fault::malformed_request);
    INFO(x.detail);
    CHECK(x.detail.find(sample.detail) != std::string::npos);
  }
  using namespace std::string_view_literals;
  CHECK(read("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"sv).detail.find("zero byte")
        != std::string::npos);
}

TEST_CASE("request_reader: bounds have their own statuses") {
  request_limits limits;
  limits.max_header_bytes = 300;
  limits.max_body_bytes = 10;
  limits.header = {.max_target_bytes = 20, .max_fields = 3};
  auto what = [&](const std::string& text) { return read(text, 100'000, limits).what; };
  auto begin = std::string{"GET / HTTP/1.1\r\nHost: x\r\n"};
  CHECK(what("GET /" + std::string(20, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n")
        == fault::target_too_long);
  CHECK(what(begin + "A: b\r\nC: d\r\nE: f\r\n\r\n") == fault::header_too_large);
  CHECK(what(begin + "A: " + std::string(300, 'b')) == fault::header_too_large);
  CHECK(what("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n") == fault::body_too_large);
  CHECK(what("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\naaaaaa\r\n6\r\n"
             "aaaaaa\r\n")
        == fault::body_too_large);
  CHECK(what("GET / HTTP/2.0\r\nHost: x\r\n\r\n") == fault::http_version);
  CHECK(read(begin + "A: b\r\nC: d\r\n\r\n", 100'000, limits).complete);
}
