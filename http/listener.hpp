#pragma once

#include "features/result.hpp"
#include "http/io_thread.hpp"
#include "http/router.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>

namespace keyfold::http {

/// An acceptor of one I/O thread; several may listen on the same port, and the kernel spreads the
/// connections.
class listener {
public:
  listener(io_thread& thread, bind_kind kind);

  /// Binds and listens.
  /// @param port 0: any free one
  /// @param shared other threads' listeners have the same port
  result<void> open(const std::string& address, uint16_t port, bool shared);
  uint16_t port() const;
  /// Begins accepting. On the I/O thread.
  void accept();
  void close();

private:
  void accepted(boost::asio::ip::tcp::socket socket);
  void refuse(boost::asio::ip::tcp::socket& socket);
  void pause();

  io_thread& thread_;
  bind_kind kind_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::endpoint peer_;
  boost::asio::steady_timer retry_;
};

} // namespace keyfold::http
