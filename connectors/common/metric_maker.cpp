#include "connectors/common/metric_maker.hpp"

#include <utility>

namespace keyfold {

namespace {

prometheus::Labels joined(prometheus::Labels a, const prometheus::Labels& b) {
  a.insert(b.begin(), b.end());
  return a;
}

} // namespace

metric_maker::metric_maker(std::shared_ptr<metrics_registry> registry, std::string prefix,
                           prometheus::Labels label)
    : registry_(std::move(registry)), prefix_(std::move(prefix) + "_"), label_(std::move(label)) {}

prometheus::Counter& metric_maker::counter(const std::string& what, const std::string& help,
                                           const prometheus::Labels& more) const {
  return make_counter(*registry_, prefix_ + what + "_total", help, joined(label_, more));
}

prometheus::Gauge& metric_maker::gauge(const std::string& what, const std::string& help) const {
  return make_gauge(*registry_, prefix_ + what, help, label_);
}

prometheus::Histogram& metric_maker::publish_seconds(const std::string& help) const {
  return prometheus::BuildHistogram()
      .Name(prefix_ + "publish_seconds")
      .Help(help)
      .Register(*registry_)
      .Add(label_, prometheus::Histogram::BucketBoundaries{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                           1, 2.5, 5, 10, 30});
}

prometheus::Family<prometheus::Gauge>& metric_maker::gauges(const std::string& what,
                                                            const std::string& help) const {
  return prometheus::BuildGauge().Name(prefix_ + what).Help(help).Register(*registry_);
}

partition_lag::partition_lag(const metric_maker& make, const std::string& help)
    : label_(make.label()), family_(make.gauges("lag_records", help)) {}

partition_lag::~partition_lag() {
  for (auto& [partition, gauge] : gauges_)
    family_.Remove(gauge);
}

void partition_lag::set(const std::string& partition, int64_t records) {
  auto& gauge = gauges_[partition];
  if (gauge == nullptr)
    gauge = &family_.Add(joined(label_, {{"partition", partition}}));
  gauge->Set(static_cast<double>(records));
}

void partition_lag::forget(const std::string& partition) {
  auto found = gauges_.find(partition);
  if (found == gauges_.end())
    return;
  family_.Remove(found->second);
  gauges_.erase(found);
}

} // namespace keyfold
