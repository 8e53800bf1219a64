#pragma once

#include "connectors/postgres/connection.hpp"

#include <string>

namespace keyfold::postgres::test {

/// The real server of the tests: started once, wiped at the end. See tests/servers/postgres.
class test_server {
public:
  static test_server& instance();
  /// The reason why there is no server to be had; empty when it runs.
  std::string start();
  void stop_and_wipe();
  /// For the tests of a server that is away: down, and up again with its data on the same port.
  void down(bool hard = false);
  void up();

  /// As the superuser.
  connection_settings settings() const;
  /// Runs SQL as an outsider, with psql; what it prints, a line a row, columns separated by `|`.
  std::string sql(const std::string& text) const;

private:
  std::string port_;
};

/// A schema that no other test and no earlier run uses; its name.
std::string new_schema();

} // namespace keyfold::postgres::test
