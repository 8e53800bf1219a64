#pragma once

#include "connectors/s2/requests.hpp"

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace keyfold::s2::test {

/// The real S2 of the tests: started once, wiped at the end. See tests/servers/s2.
class test_server {
public:
  static test_server& instance();
  /// The reason why there is none to be had; empty when it runs.
  std::string start();
  void stop_and_wipe();
  /// As by a power failure, and up again with its data on the same port.
  void kill();
  void up();
  /// It takes connections but answers nothing, and answers again.
  void pause();
  void resume();
  const std::string& url() const { return url_; }

private:
  std::string url_;
};

/// Another one that speaks TLS, with a certificate that signs itself.
class tls_server {
public:
  tls_server();
  ~tls_server();
  tls_server(const tls_server&) = delete;
  tls_server& operator=(const tls_server&) = delete;

  const std::string& url() const { return url_; }
  std::string certificate() const;

private:
  std::string url_;
};

/// The fault proxy before the server of the tests.
class test_proxy {
public:
  test_proxy();
  ~test_proxy();
  test_proxy(const test_proxy&) = delete;
  test_proxy& operator=(const test_proxy&) = delete;

  const std::string& url() const { return url_; }
  /// As tests/servers/fault_proxy says, e.g. `cut`.
  void fault(const std::string& what);

private:
  std::FILE* process_;
  int pid_ = 0;
  std::string url_;
  std::string control_;
};

/// A record as an outsider sees it.
struct plain_record {
  int64_t number = 0;
  int64_t timestamp_ms = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};

  std::string header(const std::string& name) const;
  bool command() const { return headers.size() == 1 && headers.front().first.empty(); }
};

/// A name that no other test and no earlier run uses.
std::string unique(const std::string& name);
basin_settings test_basin(const std::string& url = test_server::instance().url());
void create_stream(const std::string& name, const std::string& settings = "{}");
void delete_stream(const std::string& name);
/// Appends records, each with the body and timestamp given, none for 0.
void append(const std::string& stream, const std::vector<plain_record>& records);
/// A command: from here on no record before `number` is there.
void trim(const std::string& stream, int64_t number);
/// All records but commands.
std::vector<plain_record> read_all(const std::string& stream);
int64_t tail_of(const std::string& stream);

} // namespace keyfold::s2::test
