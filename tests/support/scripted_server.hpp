#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace keyfold::testing {

/// An HTTP server on loopback that says what a test wants: for answers that a real registry gives
/// only when it is ill.
class scripted_server {
public:
  struct request {
    std::string line; ///< `GET /path`
    std::string head;
    std::string body;
  };
  struct answer {
    int status = 200;
    std::string body;
    std::string headers = {}; ///< lines, each with its end
  };
  using script = std::function<answer(const request&)>;

  explicit scripted_server(script says) : says_(std::move(says)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&place);
    socklen_t size = sizeof place;
    if (::bind(listener_, address, size) != 0 || ::listen(listener_, 8) != 0
        || ::getsockname(listener_, address, &size) != 0)
      std::abort();
    port_ = ntohs(place.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~scripted_server() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<request> requests() const {
    std::lock_guard guard{mutex_};
    return requests_;
  }

private:
  void serve() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) != 1)
        continue;
      auto socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0)
        continue;
      converse(socket);
      ::close(socket);
    }
  }

  void converse(int socket) {
    std::string text;
    char buffer[4096];
    size_t head = std::string::npos;
    size_t length = 0;
    while (head == std::string::npos || text.size() < head + 4 + length) {
      auto count = ::recv(socket, buffer, sizeof buffer, 0);
      if (count <= 0)
        return;
      text.append(buffer, static_cast<size_t>(count));
      head = text.find("\r\n\r\n");
      if (auto at = text.find("Content-Length: "); at < head && head != std::string::npos)
        length = std::stoul(text.substr(at + 16));
    }
    request asked{text.substr(0, text.find(" HTTP/")), text.substr(0, head), text.substr(head + 4)};
    auto said = says_(asked);
    {
      std::lock_guard guard{mutex_};
      requests_.push_back(std::move(asked));
    }
    auto out = "HTTP/1.1 " + std::to_string(said.status) + " X\r\nConnection: close\r\n"
               + said.headers + "Content-Length: " + std::to_string(said.body.size()) + "\r\n\r\n"
               + said.body;
    ::send(socket, out.data(), out.size(), MSG_NOSIGNAL);
  }

  script says_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<request> requests_;
  std::thread thread_;
};

} // namespace keyfold::testing
