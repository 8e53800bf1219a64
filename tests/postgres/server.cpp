#include "server.hpp"

#include <fmt/format.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace keyfold::postgres::test {

namespace {

/// Status and output of a shell command.
std::pair<int, std::string> output_of(const std::string& command) {
  std::string out;
  auto* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr)
    throw std::runtime_error{"no shell"};
  std::array<char, 4096> part{};
  for (size_t size = 0; (size = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    out.append(part.data(), size);
  auto status = ::pclose(pipe);
  while (!out.empty() && out.back() == '\n')
    out.pop_back();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 1, out};
}

std::pair<int, std::string> script(const std::string& arguments) {
  return output_of(
      fmt::format("POSTGRES_DIR='{}/postgres-test' '{}/tests/servers/postgres' {} 2>&1",
                  KEYFOLD_BINARY_DIR, KEYFOLD_SOURCE_DIR, arguments));
}

std::string script_or_throw(const std::string& arguments) {
  auto [status, said] = script(arguments);
  if (status != 0)
    throw std::runtime_error{said};
  return said;
}

int free_port() {
  auto descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (::bind(descriptor, address, size) != 0 || ::getsockname(descriptor, address, &size) != 0)
    throw std::runtime_error{"no port is free"};
  ::close(descriptor);
  return ntohs(at.sin_port);
}

} // namespace

test_server& test_server::instance() {
  static test_server out;
  return out;
}

std::string test_server::start() {
  auto [status, said] = script(fmt::format("start {}", free_port()));
  if (status == 77)
    return said;
  if (status != 0)
    throw std::runtime_error{said};
  port_ = said.substr(said.rfind(':') + 1);
  return "";
}

void test_server::stop_and_wipe() {
  script_or_throw("stop --wipe");
}

void test_server::down(bool hard) {
  script_or_throw(hard ? "kill" : "stop");
}

void test_server::up() {
  script_or_throw("start " + port_);
}

connection_settings test_server::settings() const {
  return {fmt::format("postgresql://keyfold@127.0.0.1:{}/keyfold", port_), "keyfold-secret"};
}

std::string test_server::sql(const std::string& text) const {
  auto path = fmt::format("{}/postgres-test/statement.sql", KEYFOLD_BINARY_DIR);
  std::ofstream{path} << text;
  return script_or_throw(fmt::format("psql -qAt -v ON_ERROR_STOP=1 -f '{}'", path));
}

std::string new_schema() {
  static int number = 0;
  auto name = fmt::format("t{}_{}", ::getpid(), ++number);
  test_server::instance().sql("CREATE SCHEMA " + name);
  return name;
}

} // namespace keyfold::postgres::test
