#include "../../support/scripted_server.hpp"
#include "connectors/dynamodb/credential_source.hpp"
#include "connectors/dynamodb/shared_file.hpp"
#include "features/timestamp_format.hpp"

#include "../file/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <random>

namespace keyfold::dynamodb {

namespace {

using testing::scripted_server;
using testing::temporary_folder;
using from = credential_settings::from;
using std::chrono::minutes;

using variables = std::map<std::string, std::string>;

/// Settings in an environment of a test's own.
credential_settings in(const variables& environment, from where = from::anywhere) {
  credential_settings out;
  out.where = where;
  out.pause = std::chrono::milliseconds{0};
  out.variable = [environment](const char* name) -> const char* {
    static thread_local std::string value;
    auto found = environment.find(name);
    if (found == environment.end())
      return nullptr;
    value = found->second;
    return value.c_str();
  };
  return out;
}

/// A file of AWS's tools.
std::string file_with(const temporary_folder& folder, const std::string& text) {
  auto path = folder / "credentials";
  testing::write_file(path, text);
  return path;
}

std::string endpoint_answer(const std::string& key, minutes valid) {
  auto end = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now() + valid);
  return R"({"AccessKeyId":")" + key
         + R"(","SecretAccessKey":"hidden","Token":"tok","Expiration":")"
         + format_rfc3339(event_time{end.time_since_epoch()}) + R"("})";
}

std::string problem(credential_source& source) {
  auto got = source.get();
  return got ? "" : got.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("dynamodb credentials: the environment", "[dynamodb]") {
  credential_source source{in(
      {{"AWS_ACCESS_KEY_ID", "AK"}, {"AWS_SECRET_ACCESS_KEY", "SK"}, {"AWS_SESSION_TOKEN", "T"}})};
  auto got = source.get();
  REQUIRE(got);
  CHECK(*got == credentials{"AK", "SK", "T"});
  credential_source half{in({{"AWS_ACCESS_KEY_ID", "AK"}}, from::environment)};
  CHECK(contains(problem(half), "only one is set"));
  credential_source none{in({}, from::environment)};
  CHECK(contains(problem(none), "no AWS credentials"));
}

TEST_CASE("dynamodb credentials: profiles of a shared file", "[dynamodb]") {
  std::string text = "# keys\n[default]\naws_access_key_id=AK1\naws_secret_access_key = SK=1 \n\n"
                     "[ team ]\r\nAWS_ACCESS_KEY_ID = AK2\r\naws_secret_access_key = SK2 # new\r\n"
                     "aws_session_token = T2\r\n"
                     "s3 =\n  aws_access_key_id = nested\n"
                     "[profile role]\nrole_arn = arn:aws:iam::1:role/x\n"
                     "[broken\nno equals\n= nothing\n";
  CHECK(read_profile(text, "default")
        == variables{{"aws_access_key_id", "AK1"}, {"aws_secret_access_key", "SK=1"}});
  CHECK(read_profile(text, "team")["aws_secret_access_key"] == "SK2");
  CHECK(read_profile(text, "team")["aws_access_key_id"] == "AK2");
  CHECK(read_profile(text, "role").contains("role_arn"));
  CHECK(read_profile(text, "none").empty());
  temporary_folder folder;
  auto path = file_with(folder, text);
  credential_source plain{
      in({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_CONFIG_FILE", "/none"}})};
  REQUIRE(plain.get());
  CHECK(*plain.get() == credentials{"AK1", "SK=1", ""});
  credential_source named{in({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "team"}})};
  REQUIRE(named.get());
  CHECK(*named.get() == credentials{"AK2", "SK2", "T2"});
  auto chosen = in({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "team"}}, from::file);
  chosen.profile = "role";
  credential_source role{chosen};
  CHECK(contains(problem(role), "`role_arn`, which keyfold does not follow"));
  chosen.profile = "nobody";
  credential_source nobody{chosen};
  CHECK(contains(problem(nobody), "no profile `nobody`"));
}

TEST_CASE("dynamodb credentials: any file at all", "[dynamodb]") {
  std::minstd_rand chance(7);
  std::string bytes = "[]=#; \n\r\tapdefult";
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto size = chance() % 40; size > 0; --size)
      text.push_back(bytes[chance() % bytes.size()]);
    read_profile(text, "default");
  }
}

TEST_CASE("dynamodb credentials: what an endpoint answers", "[dynamodb]") {
  auto good = parse_endpoint_answer(R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T",
                                        "Expiration":"2024-01-01T00:00:00Z"})");
  REQUIRE(good);
  CHECK(good->keys == credentials{"A", "S", "T"});
  CHECK(good->until == std::chrono::system_clock::time_point{std::chrono::seconds{1'704'067'200}});
  CHECK(!parse_endpoint_answer(R"({"AccessKeyId":"A","SecretAccessKey":"S"})")->until);
  auto late = parse_endpoint_answer(R"({"AccessKeyId":"A","SecretAccessKey":"S",
                                        "Expiration":"9999-01-01T00:00:00Z"})");
  REQUIRE(late);
  CHECK(late->until > std::chrono::system_clock::now() + std::chrono::hours{24 * 365 * 100});
  CHECK(contains(parse_endpoint_answer(R"({"AccessKeyId":"A"})").error().message, "SecretAccess"));
  CHECK(contains(parse_endpoint_answer("<html>").error().message, "no `AccessKeyId`"));
  CHECK(contains(
      parse_endpoint_answer(R"({"AccessKeyId":"A","SecretAccessKey":"S3","Expiration":"soon"})")
          .error()
          .message,
      "no RFC 3339 time"));
}

// These endpoints exist on AWS alone: here a server plays them.
TEST_CASE("dynamodb credentials: a container's endpoint", "[dynamodb]") {
  std::string key = "AK1";
  scripted_server server{[&](const scripted_server::request&) {
    return scripted_server::answer{200, endpoint_answer(key, minutes{60})};
  }};
  variables environment{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/v1"},
                        {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "pass"}};
  credential_source source{in(environment, from::container)};
  REQUIRE(source.get());
  CHECK(*source.get() == credentials{"AK1", "hidden", "tok"});
  CHECK(server.requests().size() == 1);
  CHECK(server.requests()[0].line == "GET /v1");
  CHECK(contains(server.requests()[0].head, "Authorization: pass"));
  key = "AK2";
  CHECK(source.get()->access_key == "AK1");
  source.forget();
  CHECK(source.get()->access_key == "AK2");
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.2.example.com/";
  credential_source remote{in(environment, from::container)};
  CHECK(contains(problem(remote), "in the clear"));
}

TEST_CASE("dynamodb credentials: temporary ones are fetched again before they end", "[dynamodb]") {
  int asked = 0;
  bool well = true;
  auto valid = minutes{4}; // less than five: another is wanted each time
  scripted_server server{[&](const scripted_server::request&) {
    auto key = "AK" + std::to_string(++asked);
    return well ? scripted_server::answer{200, endpoint_answer(key, valid)}
                : scripted_server::answer{500, "hidden"};
  }};
  credential_source source{
      in({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()}}, from::container)};
  CHECK(source.get()->access_key == "AK1");
  CHECK(source.get()->access_key == "AK2");
  well = false;
  CHECK(source.get()->access_key == "AK2"); // the old ones serve to their end
  well = true;
  valid = minutes{-1};
  CHECK(source.get()->access_key == "AK4");
  well = false;
  CHECK(contains(problem(source), "answers 500"));
  CHECK(!contains(problem(source), "hidden"));
}

TEST_CASE("dynamodb credentials: the metadata of an instance, version 2", "[dynamodb]") {
  scripted_server server{[](const scripted_server::request& x) -> scripted_server::answer {
    if (x.line == "PUT /latest/api/token")
      return {x.head.find("token-ttl-seconds") != std::string::npos ? 200 : 400, "session"};
    if (x.head.find("X-aws-ec2-metadata-token: session") == std::string::npos)
      return {401, ""};
    const std::string path = "GET /latest/meta-data/iam/security-credentials/";
    if (x.line == path)
      return {200, "my role\n"};
    return {x.line == path + "my%20role" ? 200 : 404, endpoint_answer("AK", minutes{60})};
  }};
  variables environment{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url() + "/"}};
  credential_source source{in(environment, from::instance)};
  REQUIRE(source.get());
  CHECK(*source.get() == credentials{"AK", "hidden", "tok"});
  CHECK(server.requests().size() == 3);
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  credential_source off{in(environment, from::instance)};
  CHECK(contains(problem(off), "no AWS credentials"));
  scripted_server without{[](const scripted_server::request& x) -> scripted_server::answer {
    return {x.line.starts_with("PUT") ? 200 : 404, "session"};
  }};
  credential_source bare{in({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", without.url()}})};
  auto sentence = problem(bare);
  CHECK(contains(sentence, "no AWS credentials found: set AWS_ACCESS_KEY_ID"));
  CHECK(contains(sentence, "has the instance a role?"));
}

} // namespace keyfold::dynamodb
