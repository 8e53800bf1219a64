#pragma once

#include "server.hpp"

#include "connectors/s2/s2_output.hpp"

#include <memory>
#include <string>

namespace keyfold::s2::test {

/// An output with a stream of its own; rows are (user) → (count, note).
output_settings test_output(const std::string& url = test_server::instance().url());

/// An output and the log of the next epoch.
class publishing {
public:
  explicit publishing(const output_settings& settings);

  /// The marker; throws on an error.
  uint64_t open();
  void upsert(const std::string& user, int64_t count, const std::string& note = "");
  void erase(const std::string& user);
  /// `count` upserts of users from `first` on.
  void upserts(int64_t first, int64_t count, const std::string& note = "");
  /// The log so far; the next one is empty.
  std::string take();
  /// Publishes the log so far; the error's text, empty when it worked.
  std::string publish(uint64_t epoch);
  /// Opens and publishes again until it works, as the engine does; the number of attempts.
  int insist(uint64_t epoch, const std::string& log);
  event_output& target() { return *target_; }
  double metric(const std::string& name) const;

private:
  std::shared_ptr<prometheus::Registry> registry_ = std::make_shared<prometheus::Registry>();
  std::unique_ptr<event_output> target_;
  std::string log_;
};

} // namespace keyfold::s2::test
