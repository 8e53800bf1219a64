#include "http/listener.hpp"

#include "http/connection.hpp"
#include "http/reply.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sys/socket.h>

namespace keyfold::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr auto pause_after_error = std::chrono::milliseconds{100};

} // namespace

listener::listener(io_thread& thread, bind_kind kind)
    : thread_(thread), kind_(kind), acceptor_(thread.context()), retry_(thread.context()) {}

result<void> listener::open(const std::string& address, uint16_t port, bool shared) {
  error_code problem;
  auto host = asio::ip::make_address(address, problem);
  if (problem)
    return fail(
        fmt::format("serving address `{}` is no IP address: write e.g. 127.0.0.1 or ::", address));
  auto at = tcp::endpoint{host, port};
  acceptor_.open(at.protocol(), problem);
  if (!problem)
    acceptor_.set_option(asio::socket_base::reuse_address{true}, problem);
  if (!problem && shared)
    acceptor_.set_option(reuse_port{true}, problem);
  if (!problem)
    acceptor_.bind(at, problem);
  if (!problem)
    acceptor_.listen(asio::socket_base::max_listen_connections, problem);
  if (problem)
    return fail(fmt::format("cannot listen on {}:{}: {}; choose another serving port or address",
                            address, port, problem.message()));
  return {};
}

uint16_t listener::port() const {
  error_code problem;
  return acceptor_.local_endpoint(problem).port();
}

void listener::accept() {
  if (!acceptor_.is_open())
    return;
  acceptor_.async_accept(peer_, [this](error_code problem, tcp::socket socket) {
    if (problem == asio::error::operation_aborted || !acceptor_.is_open())
      return;
    if (problem) {
      // Out of descriptors or memory: accepting again at once would spin.
      thread_metrics::bump(thread_.metrics.accept_errors);
      spdlog::warn("accepting paused for {} ms: {}", pause_after_error.count(), problem.message());
      pause();
      return;
    }
    accepted(std::move(socket));
    accept();
  });
}

void listener::accepted(tcp::socket socket) {
  thread_metrics::bump(thread_.metrics.accepted);
  auto address = peer_.address().to_string();
  error_code problem;
  socket.non_blocking(true, problem);
  socket.set_option(tcp::no_delay{true}, problem);
  if (!thread_.shared().connections.enter(address)) {
    refuse(socket);
    return;
  }
  auto& tls = thread_.shared().tls;
  auto x = kind_ == bind_kind::main && tls.enabled()
               ? make_tls_connection(thread_, std::move(socket), tls.current(), kind_, address)
               : make_plain_connection(thread_, std::move(socket), kind_, address);
  thread_.add(x);
  x->start();
}

void listener::refuse(tcp::socket& socket) {
  thread_.metrics.rejected(fault::too_many_connections);
  if (kind_ == bind_kind::main && thread_.shared().tls.enabled())
    return;
  auto body = problem_body(fault::too_many_connections,
                           "the server has as many connections as it may; come back later");
  std::string text;
  append_reply(text,
               {.status = status_of(fault::too_many_connections),
                .content_type = problem_content,
                .body = body,
                .fields = "Retry-After: 1\r\n"},
               {.date = thread_.date(), .keep_alive = false});
  // As far as the socket takes it: nobody waits for this peer.
  error_code problem;
  socket.write_some(asio::buffer(text), problem);
  socket.shutdown(tcp::socket::shutdown_send, problem);
}

void listener::pause() {
  retry_.expires_after(pause_after_error);
  retry_.async_wait([this](error_code problem) {
    if (!problem)
      accept();
  });
}

void listener::close() {
  error_code problem;
  acceptor_.close(problem);
  retry_.cancel();
}

} // namespace keyfold::http
