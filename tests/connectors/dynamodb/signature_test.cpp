#include "connectors/dynamodb/signature.hpp"

#include <catch2/catch.hpp>

namespace keyfold::dynamodb {

namespace {

// The published test vectors of AWS Signature Version 4 (aws-sig-v4-test-suite, as in
// https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-sig-v4-test-suite): those without a
// path and a query, which DynamoDB's requests do not have.
const credentials example{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
constexpr std::string_view date = "20150830T123600Z";

std::string signed_with(const std::string& names, const std::string& signature) {
  return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
         "SignedHeaders="
         + names + ", Signature=" + signature;
}

std::string sign(std::string_view method,
                 std::vector<std::pair<std::string, std::string>> more = {},
                 std::string_view body = {}) {
  request_signer signer{"us-east-1", "service"};
  more.emplace_back("host", "example.amazonaws.com");
  more.emplace_back("x-amz-date", std::string{date});
  return signer.authorization(example, date, {method, std::move(more), body});
}

} // namespace

TEST_CASE("dynamodb signature: the published vectors", "[dynamodb]") {
  CHECK(sign("GET") // get-vanilla
        == signed_with("host;x-amz-date",
                       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
  CHECK(sign("POST") // post-vanilla
        == signed_with("host;x-amz-date",
                       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
  CHECK(sign("POST", {{"my-header1", "VALUE1"}}) // post-header-value-case
        == signed_with("host;my-header1;x-amz-date",
                       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"));
  CHECK(sign("GET", {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}) // …-value-trim
        == signed_with("host;my-header1;my-header2;x-amz-date",
                       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"));
  CHECK(sign("POST", {{"content-type", "application/x-www-form-urlencoded"}}, // post-x-www-form-…
             "Param1=value1")
        == signed_with("content-type;host;x-amz-date",
                       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST_CASE("dynamodb signature: a session token is signed", "[dynamodb]") {
  // post-sts-header-before
  CHECK(
      sign("POST",
           {{"x-amz-security-token",
             "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMic"
             "RXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
             "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q"
             "6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
             "scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="}})
      == signed_with("host;x-amz-date;x-amz-security-token",
                     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"));
}

TEST_CASE("dynamodb signature: the key is that of the day and of the secret", "[dynamodb]") {
  request_signer one{"us-east-1", "service"};
  auto sign_with = [](request_signer& signer, const credentials& by, std::string_view at) {
    return signer.authorization(by, at, {"POST", {{"host", "h"}}, "body"});
  };
  auto first = sign_with(one, example, date);
  auto another_day = sign_with(one, example, "20150831T123600Z");
  auto another_key = sign_with(one, {"AKIDEXAMPLE", "other", ""}, date);
  CHECK(another_day != first);
  CHECK(another_key != first);
  CHECK(sign_with(one, example, date) == first);
  request_signer other{"us-east-1", "service"};
  CHECK(sign_with(other, {"AKIDEXAMPLE", "other", ""}, date) == another_key);
}

TEST_CASE("dynamodb signature: dates", "[dynamodb]") {
  CHECK(signing_date(std::chrono::sys_seconds{std::chrono::seconds{1'440'938'160}}) == date);
  CHECK(signing_date(std::chrono::sys_seconds{}) == "19700101T000000Z");
}

} // namespace keyfold::dynamodb
