#include "connectors/dynamodb/answer.hpp"
#include "connectors/http_client/retry_queue.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace keyfold::dynamodb {

namespace {

judgement of(long status, const std::string& body) {
  http_exchange_answer answer;
  answer.status = status;
  answer.body = body;
  return judge(answer);
}

judgement refused(const std::string& type, const std::string& message = "because") {
  return of(400, R"({"__type":")" + type + R"(","message":")" + message + R"("})");
}

} // namespace

TEST_CASE("dynamodb answer: errors by what is behind the hash", "[dynamodb]") {
  const std::string old = "com.amazonaws.dynamodb.v20120810#";
  CHECK(refused(old + "ProvisionedThroughputExceededException").what == verdict::throttled);
  CHECK(refused("com.amazon.coral.availability#ThrottlingException").what == verdict::throttled);
  CHECK(refused("RequestLimitExceeded").what == verdict::throttled);
  CHECK(refused("com.amazon.coral.validate#ValidationException").what == verdict::bad_row);
  CHECK(refused(old + "ItemCollectionSizeLimitExceededException").what == verdict::bad_row);
  CHECK(refused(old + "ConditionalCheckFailedException").what == verdict::held);
  CHECK(refused(old + "ResourceNotFoundException").what == verdict::no_table);
  CHECK(refused(old + "ResourceInUseException").what == verdict::busy_table);
  CHECK(refused("com.amazon.coral.service#AccessDeniedException").what == verdict::forbidden);
  CHECK(refused("com.amazon.coral.service#UnrecognizedClientException").what == verdict::bad_keys);
  CHECK(refused("com.amazon.coral.service#ExpiredTokenException").what == verdict::stale_keys);
  CHECK(refused(old + "InternalServerError").what == verdict::failing);
  CHECK(refused(old + "NeverHeardOf").what == verdict::unknown);
  CHECK(refused(old + "NeverHeardOf").why == "NeverHeardOf: because");
}

TEST_CASE("dynamodb answer: a wrong time is not a wrong key", "[dynamodb]") {
  const std::string type = "com.amazon.coral.service#InvalidSignatureException";
  CHECK(refused(type, "Signature expired: 20241008T195522Z is now earlier than …").what
        == verdict::wrong_time);
  CHECK(refused(type, "Signature not yet current: …").what == verdict::wrong_time);
  auto wrong = refused(type, "The request signature we calculated does not match. "
                             "The Canonical String for this request should have been "
                             "'POST x-amz-security-token:SECRETTOKEN'");
  CHECK(wrong.what == verdict::bad_keys);
  CHECK(wrong.why.find("SECRETTOKEN") == std::string::npos);
}

TEST_CASE("dynamodb answer: what a batch left", "[dynamodb]") {
  CHECK(of(200, "{}").what == verdict::done);
  CHECK(of(200, R"({"UnprocessedItems":{}})").what == verdict::done);
  auto rest = of(200, R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"k":{"S":"ü"}}}},
                         {"DeleteRequest":{"Key":{"k":{"N":"1"}}}}]}})");
  CHECK(rest.what == verdict::rest);
  REQUIRE(rest.unprocessed.size() == 2);
  CHECK(rest.unprocessed[0] == R"({"PutRequest":{"Item":{"k":{"S":"ü"}}}})");
  CHECK(rest.unprocessed[1] == R"({"DeleteRequest":{"Key":{"k":{"N":"1"}}}})");
}

TEST_CASE("dynamodb answer: others than DynamoDB's", "[dynamodb]") {
  CHECK(judge(fail("connection refused")).what == verdict::failing);
  CHECK(judge(fail("connection refused")).why == "connection refused");
  CHECK(of(200, "<html>").what == verdict::failing);
  CHECK(of(503, "<html>").what == verdict::failing);
  CHECK(of(408, "").what == verdict::failing);
  CHECK(of(429, "").what == verdict::throttled);
  CHECK(of(413, "").what == verdict::too_large);
  CHECK(of(404, "nothing here").what == verdict::unknown);
  CHECK(of(400, R"({"__type":7,"message":[]})").what == verdict::unknown);
  CHECK(of(200, R"({"UnprocessedItems":{"t":{"no":"list"}}})").what == verdict::done);
}

TEST_CASE("dynamodb answer: any bytes at all", "[dynamodb]") {
  auto seed = GENERATE(take(3, random(0, 1'000'000)));
  INFO("seed " << seed);
  std::minstd_rand chance(static_cast<unsigned>(seed));
  std::string valid = R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"k":{"S":"x"}}}}]}})";
  for (int i = 0; i < 500; ++i) {
    auto text = valid;
    for (int change = 0; change < 3; ++change)
      text[chance() % text.size()] = static_cast<char>(chance() % 256);
    of(chance() % 2 ? 200 : 400, text);
  }
}

TEST_CASE("dynamodb: the pause before a retry", "[dynamodb]") {
  using std::chrono::milliseconds;
  CHECK(retry_pause(0, 1) == milliseconds{50});
  CHECK(retry_pause(1, 1) == milliseconds{100});
  CHECK(retry_pause(3, 0.5) == milliseconds{200});
  CHECK(retry_pause(3, 0) == milliseconds{0});
  CHECK(retry_pause(9, 1) == milliseconds{20'000});
  CHECK(retry_pause(1'000'000, 1) == milliseconds{20'000});
}

} // namespace keyfold::dynamodb
