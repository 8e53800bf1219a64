#include "http/tokens.hpp"
#include "server_fixture.hpp"

#include <openssl/evp.h>

#include <filesystem>
#include <fstream>

using namespace keyfold;
using namespace keyfold::http;
using namespace keyfold::http::test;

namespace {

std::string digest(std::string_view token) {
  unsigned char bytes[32];
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), bytes, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (auto byte : bytes)
    hex += fmt::format("{:02x}", byte);
  return hex;
}

struct token_file {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("keyfold-tokens-{}", ::getpid());
  ~token_file() { std::filesystem::remove(path); }
  void write(const std::string& text) const {
    std::ofstream{path} << text;
    // Two writes within the clock's resolution must still look different.
    static int seconds = 0;
    std::filesystem::last_write_time(path, std::filesystem::last_write_time(path)
                                               + std::chrono::seconds{++seconds});
  }
};

} // namespace

TEST_CASE("tokens: a token is known by its digest and allows its scopes") {
  auto table = token_table::parse("# readers\n" + digest("r") + " read\n\n" + digest("w")
                                  + "\tpush,admin\r\n");
  REQUIRE(table);
  using verdict = token_table::verdict;
  CHECK(table->check("r", permission::read) == verdict::granted);
  CHECK(table->check("r", permission::push) == verdict::insufficient);
  CHECK(table->check("w", permission::push) == verdict::granted);
  CHECK(table->check("w", permission::admin) == verdict::granted);
  CHECK(table->check("x", permission::read) == verdict::unknown);
  CHECK(table->check("", permission::read) == verdict::unknown);
}

TEST_CASE("tokens: malformed files are refused by line, without repeating it") {
  for (const auto& text :
       {std::string{"abc read"}, digest("r"), digest("r") + " ", digest("r") + " write",
        digest("r") + "0 read", digest("r").substr(1) + "g read"}) {
    auto table = token_table::parse("# x\n" + text);
    REQUIRE_FALSE(table);
    CHECK(table.error().message.starts_with("line 2: "));
    CHECK(table.error().message.find(text.substr(0, 8)) == std::string::npos);
  }
  std::string many;
  for (int i = 0; i <= 1000; ++i)
    many += digest("r") + " read\n";
  CHECK_FALSE(token_table::parse(many));
}

TEST_CASE("tokens: the server asks for them, tells 401 from 403, and reads the file again") {
  token_file file;
  file.write(digest("r") + " read\n");
  server_settings settings;
  settings.tokens_file = file.path;
  server_fixture fixture{settings};
  auto status = [&](const char* token, const char* target) {
    raw_client client{fixture.port};
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target,
                            *token == '\0' ? std::string{}
                                           : fmt::format("Authorization: bearer {}\r\n", token)));
    return client.receive();
  };
  CHECK(status("", "/health").status == 200);
  CHECK(status("", "/ready").status == 200);
  auto missing = status("", "/v1/entities/user/1");
  CHECK(missing.status == 401);
  CHECK(missing.has("WWW-Authenticate: Bearer"));
  CHECK(status("wrong", "/v1/entities/user/1").status == 401);
  CHECK(status("r", "/v1/entities/user/1").status == 200);
  CHECK(status("r", "/metrics").status == 403);
  file.write("nonsense\n");
  std::this_thread::sleep_for(std::chrono::milliseconds{1200});
  CHECK(status("r", "/v1/entities/user/1").status == 200);
  file.write(digest("n") + " read,admin\n");
  for (int tries = 0; status("n", "/metrics").status != 200; ++tries) {
    REQUIRE(tries < 60);
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  CHECK(status("r", "/v1/entities/user/1").status == 401);
}

TEST_CASE("tokens: a refused push is refused before its body") {
  token_file file;
  file.write(digest("r") + " read\n");
  server_settings settings;
  settings.tokens_file = file.path;
  server_fixture fixture{settings};
  raw_client client{fixture.port};
  client.send("POST /push HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer r\r\nContent-Length: "
              "1000\r\n\r\n");
  CHECK(client.receive().status == 403);
  CHECK(client.ended());
}

TEST_CASE("tokens: a file that is not there keeps the server from starting") {
  server_settings settings;
  settings.tokens_file = "/nowhere/tokens";
  fake_gateway gateway;
  readiness ready;
  server_fixture::quiet_config config;
  caf::actor_system system{config};
  server x{settings, dependencies{system, gateway, make_catalog(), nullptr, ready,
                                  std::make_shared<prometheus::Registry>()}};
  auto started = x.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message.find("serving.tokens_file") != std::string::npos);
}
