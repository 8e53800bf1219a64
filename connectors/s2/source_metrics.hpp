#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace keyfold::s2 {

/// The metrics of one S2 source. For the reader's thread.
class source_metrics {
public:
  source_metrics(std::shared_ptr<prometheus::Registry> registry, const std::string& stream);
  ~source_metrics();
  source_metrics(const source_metrics&) = delete;
  source_metrics& operator=(const source_metrics&) = delete;

  /// Records between what was read of a stream of the basin and its tail.
  void lag(const std::string& partition, int64_t records);
  void forget(const std::string& partition);

private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::string stream_;

public:
  prometheus::Counter& records;
  prometheus::Counter& bytes;
  prometheus::Counter& commands;
  prometheus::Counter& empty;
  prometheus::Counter& held_back;
  prometheus::Counter& unparsable;
  prometheus::Counter& errors;
  prometheus::Counter& connections;
  prometheus::Counter& lost_positions;
  prometheus::Gauge& streams;
  prometheus::Gauge& left_out;
  prometheus::Gauge& refused_streams;
  prometheus::Gauge& buffered;

private:
  prometheus::Family<prometheus::Gauge>& lag_family_;
  std::map<std::string, prometheus::Gauge*> lags_;
};

} // namespace keyfold::s2
