#pragma once

#include "features/result.hpp"

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace keyfold::http {

/// The certificate and key that new connections are served with; read again when a file changes.
/// TLS 1.2 and later. Thread-safe.
class tls_store {
public:
  tls_store(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  bool enabled() const noexcept { return !certificate_.empty(); }
  result<void> load();
  /// On an error the certificate before stays in use.
  result<void> reload_if_changed();
  /// The present context; a connection keeps the one it began with.
  std::shared_ptr<boost::asio::ssl::context> current() const;

private:
  std::filesystem::file_time_type newest() const;

  std::string certificate_;
  std::string key_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::filesystem::file_time_type read_at_{};
};

} // namespace keyfold::http
