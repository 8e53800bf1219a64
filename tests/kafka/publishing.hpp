#pragma once

#include "broker.hpp"

#include "../support/output_publishing.hpp"
#include "connectors/kafka/kafka_output.hpp"

#include <memory>
#include <string>

namespace keyfold::kafka::test {

/// An output with a topic and a transactional id of its own; rows are (user) → (count, sum).
output_settings test_output();

/// An output and the log of the next epoch.
class publishing : public testing::output_publishing {
public:
  explicit publishing(const output_settings& settings);

  void upsert(const std::string& user, int64_t count, double sum);

private:
  publishing(const output_settings& settings, std::shared_ptr<metrics_registry> metrics);
};

} // namespace keyfold::kafka::test
