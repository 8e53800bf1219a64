#include "http/server.hpp"

#include "http/endpoints.hpp"
#include "http/io_thread.hpp"
#include "http/listener.hpp"

#include <algorithm>
#include <thread>

namespace keyfold::http {

server::server(server_settings settings, dependencies outside)
    : shared_(std::make_shared<service>(std::move(settings), std::move(outside))) {}

server::~server() {
  stop();
}

result<uint16_t> server::start() {
  if (shared_->tokens.enabled())
    if (auto done = shared_->tokens.load(); !done)
      return tl::unexpected{done.error()};
  if (shared_->tls.enabled())
    if (auto done = shared_->tls.load(); !done)
      return tl::unexpected{done.error()};
  shared_->definitions = definitions_body(*shared_);
  for (uint32_t i = 0; i < std::max(shared_->settings.threads, 1u); ++i)
    threads_.push_back(std::make_shared<io_thread>(shared_));
  auto port = listen();
  if (port)
    for (auto& thread : threads_)
      thread->start();
  else
    threads_.clear();
  return port;
}

result<uint16_t> server::listen() {
  const auto& settings = shared_->settings;
  auto port = settings.port;
  if (threads_.size() > 1 && port != 0) {
    // Sharing the port among our threads would also share it, unnoticed, with another process.
    listener probe{*threads_.front(), bind_kind::main};
    if (auto done = probe.open(settings.address, port, false); !done)
      return tl::unexpected{done.error()};
    probe.close();
  }
  for (auto& thread : threads_) {
    auto x = std::make_unique<listener>(*thread, bind_kind::main);
    if (auto done = x->open(settings.address, port, threads_.size() > 1); !done)
      return tl::unexpected{done.error()};
    port = x->port();
    thread->add_listener(std::move(x));
  }
  if (!settings.metrics_address.empty()) {
    auto x = std::make_unique<listener>(*threads_.front(), bind_kind::metrics);
    if (auto done = x->open(settings.metrics_address, settings.metrics_port, false); !done)
      return tl::unexpected{done.error()};
    metrics_port_ = x->port();
    threads_.front()->add_listener(std::move(x));
  }
  return port;
}

void server::begin_drain() {
  shared_->draining = true;
  for (auto& thread : threads_)
    thread->begin_drain();
}

void server::drain() {
  begin_drain();
  auto deadline = io_thread::clock::now() + shared_->settings.drain_timeout;
  auto idle = [](const auto& thread) { return thread->idle(); };
  while (!std::all_of(threads_.begin(), threads_.end(), idle) && io_thread::clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

void server::stop() {
  shared_->draining = true;
  for (auto& thread : threads_)
    thread->stop();
  threads_.clear();
}

} // namespace keyfold::http
