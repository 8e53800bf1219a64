#include "http/tls.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::http {

namespace ssl = boost::asio::ssl;

namespace {

boost::system::error_code prepare(ssl::context& context, const std::string& certificate,
                                  const std::string& key) {
  boost::system::error_code problem;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2
                          | ssl::context::no_sslv3 | ssl::context::no_tlsv1
                          | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                      problem);
  if (!problem)
    context.use_certificate_chain_file(certificate, problem);
  if (!problem)
    context.use_private_key_file(key, ssl::context::pem, problem);
  if (!problem && SSL_CTX_check_private_key(context.native_handle()) != 1)
    problem = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
  return problem;
}

} // namespace

std::filesystem::file_time_type tls_store::newest() const {
  std::error_code problem;
  auto a = std::filesystem::last_write_time(certificate_, problem);
  auto b = std::filesystem::last_write_time(key_, problem);
  return std::max(a, b);
}

result<void> tls_store::load() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto written = newest();
  auto problem = prepare(*context, certificate_, key_);
  std::lock_guard guard{mutex_};
  read_at_ = written;
  if (problem)
    return fail(fmt::format("{} with {}: {}: correct serving.tls_certificate and serving.tls_key",
                            certificate_, key_, problem.message()));
  context_ = std::move(context);
  return {};
}

result<void> tls_store::reload_if_changed() {
  auto written = newest();
  {
    std::lock_guard guard{mutex_};
    if (written == read_at_)
      return {};
  }
  return load();
}

std::shared_ptr<ssl::context> tls_store::current() const {
  std::lock_guard guard{mutex_};
  return context_;
}

} // namespace keyfold::http
