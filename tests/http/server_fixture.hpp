#pragma once

#include "fake_catalog.hpp"
#include "fake_gateway.hpp"
#include "http/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

namespace keyfold::http::test {

struct answer {
  int status = 0;     ///< 0: the connection ended without one
  std::string header; ///< with the status line
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
  bool has(std::string_view text) const { return header.find(text) != std::string::npos; }
};

/// A client that sends bytes as given and reads answers one by one.
class raw_client {
public:
  explicit raw_client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
    timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~raw_client() { ::close(socket_); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool send(std::string_view text) {
    while (!text.empty()) {
      auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(socket_, SHUT_WR); }

  answer receive(bool head = false) {
    answer x;
    size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!more())
        return x;
    x.header = pending_.substr(0, end + 4);
    pending_.erase(0, end + 4);
    x.status = std::atoi(x.header.c_str() + 9);
    auto place = x.header.find("Content-Length: ");
    auto size = place == std::string::npos || head
                    ? size_t{0}
                    : static_cast<size_t>(std::atoll(x.header.c_str() + place + 16));
    while (pending_.size() < size)
      if (!more())
        return {};
    x.body = pending_.substr(0, size);
    pending_.erase(0, size);
    return x;
  }
  /// Whether the server has ended the connection, in whatever way.
  bool ended() {
    char byte = 0;
    return pending_.empty() && ::recv(socket_, &byte, 1, 0) <= 0;
  }
  answer get(std::string_view target) {
    send("GET " + std::string{target} + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return receive();
  }
  answer post(std::string_view target, std::string_view body, std::string_view fields = {}) {
    send("POST " + std::string{target} + " HTTP/1.1\r\nHost: x\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n" + std::string{fields} + "\r\n" + std::string{body});
    return receive();
  }

  bool connected = false;

private:
  bool more() {
    char buffer[65536];
    auto size = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (size <= 0)
      return false;
    pending_.append(buffer, static_cast<size_t>(size));
    return true;
  }

  int socket_;
  std::string pending_;
};

/// A server over the fakes on a free port.
struct server_fixture {
  explicit server_fixture(server_settings settings = {},
                          fake_gateway::manner how = fake_gateway::manner::at_once)
      : gateway(how) {
    settings.port = 0;
    served.emplace(settings, dependencies{system, gateway, make_catalog(), &pushes, ready,
                                          std::make_shared<prometheus::Registry>()});
    auto started = served->start();
    INFO((started ? std::string{} : started.error().message));
    REQUIRE(started);
    port = *started;
  }

  struct quiet_config : caf::actor_system_config {
    quiet_config() { set("scheduler.max-threads", 1); }
  };

  quiet_config config;
  caf::actor_system system{config};
  fake_gateway gateway;
  fake_push pushes;
  readiness ready;
  std::optional<server> served;
  uint16_t port = 0;
};

} // namespace keyfold::http::test
