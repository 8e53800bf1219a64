#pragma once

#include "http/io_thread.hpp"
#include "http/reply.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace keyfold::http {

/// The way back for the answer to one request. A value; may be kept and passed between threads.
class responder {
public:
  responder(std::shared_ptr<io_thread> thread, std::weak_ptr<connection> to, uint64_t number)
      : thread_(std::move(thread)), to_(std::move(to)), number_(number) {}

  io_thread& thread() const noexcept { return *thread_; }
  service& shared() const noexcept { return thread_->shared(); }

  /// Answers. On the I/O thread; what comes after the first answer, or after the connection's end,
  /// has no effect.
  void send(const reply& x) const;
  /// Answers with problem+json.
  /// @param fields further header lines, each with its CR LF
  void problem(fault what, std::string_view detail, std::string_view fields = {}) const;

private:
  std::shared_ptr<io_thread> thread_;
  std::weak_ptr<connection> to_;
  uint64_t number_;
};

} // namespace keyfold::http
