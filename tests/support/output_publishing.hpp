#pragma once

#include "messages/change_log.hpp"
#include "messages/event_output.hpp"
#include "metric_value.hpp"

#include <memory>
#include <string>

namespace keyfold::testing {

/// An output whose rows have the key (user), and the log of the next epoch. For one thread.
class output_publishing {
public:
  /// Throws what speaks against the output.
  output_publishing(result<std::unique_ptr<event_output>> output,
                    std::shared_ptr<metrics_registry> metrics);

  /// The marker; throws on an error.
  uint64_t open();
  void append(const change& x);
  void erase(const std::string& user);
  /// The log so far; the next one is empty.
  std::string take();
  /// Publishes the log so far; the error's text, empty when it worked.
  std::string publish(uint64_t epoch);
  event_output& target() { return *target_; }
  double metric(const std::string& name) const { return metric_value(*registry_, name); }

private:
  std::shared_ptr<metrics_registry> registry_;
  std::unique_ptr<event_output> target_;
  std::string log_;
};

} // namespace keyfold::testing
