#pragma once

#include <string>

namespace keyfold::kafka::test {

/// The real schema registry of the tests: started once, wiped at the end. See
/// tests/servers/registry.
class test_registry {
public:
  static test_registry& instance();
  /// The reason why there is no registry to be had, or nothing to check it with; empty when it
  /// runs.
  std::string start();
  void stop_and_wipe();
  /// It takes connections but answers nothing, and answers again.
  void pause();
  void resume();
  const std::string& url() const { return url_; }

private:
  std::string url_;
};

} // namespace keyfold::kafka::test
