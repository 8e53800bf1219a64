#pragma once

#include "server.hpp"

#include "../support/output_publishing.hpp"
#include "connectors/s2/s2_output.hpp"

#include <memory>
#include <string>

namespace keyfold::s2::test {

/// An output with a stream of its own; rows are (user) → (count, note).
output_settings test_output(const std::string& url = test_server::instance().url());

/// An output and the log of the next epoch.
class publishing : public testing::output_publishing {
public:
  explicit publishing(const output_settings& settings);

  void upsert(const std::string& user, int64_t count, const std::string& note = "");
  /// `count` upserts of users from `first` on.
  void upserts(int64_t first, int64_t count, const std::string& note = "");
  /// Opens and publishes again until it works, as the engine does; the number of attempts.
  int insist(uint64_t epoch, const std::string& log);

private:
  publishing(const output_settings& settings, std::shared_ptr<metrics_registry> metrics);
};

} // namespace keyfold::s2::test
