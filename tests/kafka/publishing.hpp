#pragma once

#include "broker.hpp"

#include "connectors/kafka/kafka_output.hpp"

#include <memory>
#include <string>

namespace keyfold::kafka::test {

/// An output with a topic and a transactional id of its own; rows are (user) → (count, sum).
output_settings test_output();

/// An output and the log of the next epoch.
class publishing {
public:
  explicit publishing(const output_settings& settings);

  /// The marker; throws on an error.
  uint64_t open();
  void upsert(const std::string& user, int64_t count, double sum);
  void erase(const std::string& user);
  void append(const change& x);
  /// The log so far; the next one is empty.
  std::string take();
  /// Publishes the log so far; the error's text, empty when it worked.
  std::string publish(uint64_t epoch);
  event_output& target() { return *target_; }

private:
  std::unique_ptr<event_output> target_;
  std::string log_;
};

} // namespace keyfold::kafka::test
