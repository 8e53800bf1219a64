#include "http/connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace keyfold::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

class plain_connection final : public connection {
public:
  plain_connection(io_thread& thread, tcp::socket socket, bind_kind bind, std::string address)
      : connection(thread, bind, std::move(address)), socket_(std::move(socket)) {}

  void start() override { begin_reading(); }

protected:
  void read_some(asio::mutable_buffer to) override {
    socket_.async_read_some(to, [self = shared_from_this(), this](error_code problem, size_t size) {
      on_read(problem, size);
    });
  }

  bool write_all(asio::const_buffer from) override {
    // An answer nearly always fits into the socket's buffer: no handler, no turn of the loop.
    error_code problem;
    auto sent = socket_.write_some(asio::buffer(from), problem);
    if (!problem && sent == from.size())
      return true;
    asio::async_write(
        socket_, asio::buffer(from + sent),
        [self = shared_from_this(), this](error_code outcome, size_t) { on_written(outcome); });
    return false;
  }

  void end_writing() override {
    error_code problem;
    socket_.shutdown(tcp::socket::shutdown_send, problem);
  }

  void close_socket() override {
    error_code problem;
    socket_.close(problem);
  }

private:
  tcp::socket socket_;
};

class tls_connection final : public connection {
public:
  tls_connection(io_thread& thread, tcp::socket socket, std::shared_ptr<asio::ssl::context> context,
                 bind_kind bind, std::string address)
      : connection(thread, bind, std::move(address)), context_(std::move(context)),
        stream_(std::move(socket), *context_) {}

  void start() override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this(), this](error_code problem) {
                              if (problem)
                                close();
                              else
                                begin_reading();
                            });
  }

protected:
  void read_some(asio::mutable_buffer to) override {
    stream_.async_read_some(to, [self = shared_from_this(), this](error_code problem, size_t size) {
      // Many clients close without TLS's goodbye; lengths are explicit, nothing can be cut off.
      if (problem == asio::ssl::error::stream_truncated)
        problem = asio::error::eof;
      on_read(problem, size);
    });
  }

  bool write_all(asio::const_buffer from) override {
    asio::async_write(
        stream_, asio::buffer(from),
        [self = shared_from_this(), this](error_code outcome, size_t) { on_written(outcome); });
    return false;
  }

  void end_writing() override {
    stream_.async_shutdown([self = shared_from_this(), this](error_code) { close(); });
  }

  void close_socket() override {
    error_code problem;
    stream_.next_layer().close(problem);
  }

private:
  std::shared_ptr<asio::ssl::context> context_;
  boost::beast::ssl_stream<tcp::socket> stream_;
};

} // namespace

std::shared_ptr<connection> make_plain_connection(io_thread& thread, tcp::socket socket,
                                                  bind_kind bind, std::string address) {
  return std::make_shared<plain_connection>(thread, std::move(socket), bind, std::move(address));
}

std::shared_ptr<connection> make_tls_connection(io_thread& thread, tcp::socket socket,
                                                std::shared_ptr<asio::ssl::context> context,
                                                bind_kind bind, std::string address) {
  return std::make_shared<tls_connection>(thread, std::move(socket), std::move(context), bind,
                                          std::move(address));
}

} // namespace keyfold::http
