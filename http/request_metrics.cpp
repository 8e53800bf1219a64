#include "http/request_metrics.hpp"

#include <limits>

namespace keyfold::http {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

size_t place_of(unsigned status) noexcept {
  for (size_t i = 0; i < thread_metrics::statuses.size(); ++i)
    if (thread_metrics::statuses[i] == status)
      return i;
  return place_of(500);
}

uint64_t value(const std::atomic<uint64_t>& x) noexcept {
  return x.load(std::memory_order_relaxed);
}

MetricFamily family(std::string name, std::string help, MetricType type) {
  MetricFamily result;
  result.name = std::move(name);
  result.help = std::move(help);
  result.type = type;
  return result;
}

void add_counter(MetricFamily& to, std::vector<ClientMetric::Label> labels, uint64_t count) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(count);
  to.metric.push_back(std::move(metric));
}

} // namespace

std::string_view name_of(endpoint x) noexcept {
  switch (x) {
  case endpoint::entity:
    return "entity";
  case endpoint::online_features:
    return "get_online_features";
  case endpoint::push:
    return "push";
  case endpoint::write:
    return "write_to_online_store";
  case endpoint::definitions:
    return "definitions";
  case endpoint::health:
    return "health";
  case endpoint::ready:
    return "ready";
  case endpoint::metrics:
    return "metrics";
  case endpoint::other:
    return "other";
  }
  return "other";
}

void thread_metrics::request(endpoint what, unsigned status,
                             std::chrono::nanoseconds took) noexcept {
  auto i = static_cast<size_t>(what);
  bump(requests_[i][place_of(status)]);
  auto us = static_cast<uint64_t>(took.count()) / 1000;
  size_t bucket = 0;
  while (bucket < bounds_us.size() && us > bounds_us[bucket])
    ++bucket;
  bump(latency_[i][bucket]);
  auto& sum = nanoseconds_[i];
  sum.store(value(sum) + static_cast<uint64_t>(took.count()), std::memory_order_relaxed);
}

thread_metrics& request_metrics::add_thread() {
  return *threads_.emplace_back(std::make_unique<thread_metrics>());
}

template <class Select>
uint64_t request_metrics::sum(Select&& select) const {
  uint64_t result = 0;
  for (const auto& thread : threads_)
    result += value(select(*thread));
  return result;
}

void request_metrics::collect_endpoint(size_t number, MetricFamily& requests,
                                       MetricFamily& latency) const {
  auto name = std::string{name_of(static_cast<endpoint>(number))};
  for (size_t s = 0; s < thread_metrics::statuses.size(); ++s)
    if (auto count = sum([&](auto& t) -> auto& { return t.requests_[number][s]; }))
      add_counter(requests,
                  {{"endpoint", name}, {"status", std::to_string(thread_metrics::statuses[s])}},
                  count);
  ClientMetric metric;
  metric.label = {{"endpoint", name}};
  uint64_t seen = 0;
  for (size_t b = 0; b <= thread_metrics::bounds_us.size(); ++b) {
    seen += sum([&](auto& t) -> auto& { return t.latency_[number][b]; });
    auto bound = b == thread_metrics::bounds_us.size() ? std::numeric_limits<double>::infinity()
                                                       : thread_metrics::bounds_us[b] / 1e6;
    metric.histogram.bucket.push_back({seen, bound});
  }
  metric.histogram.sample_count = seen;
  metric.histogram.sample_sum =
      static_cast<double>(sum([&](auto& t) -> auto& { return t.nanoseconds_[number]; })) / 1e9;
  if (seen != 0)
    latency.metric.push_back(std::move(metric));
}

std::vector<MetricFamily> request_metrics::Collect() const {
  auto requests = family("keyfold_http_requests_total", "Answers sent, by endpoint and status.",
                         MetricType::Counter);
  auto latency = family("keyfold_http_request_duration_seconds",
                        "From a request's last byte to its answer being handed to the socket.",
                        MetricType::Histogram);
  auto rejected = family("keyfold_http_rejected_total",
                         "Requests and connections refused, by reason.", MetricType::Counter);
  auto accepted =
      family("keyfold_http_connections_total", "Connections accepted.", MetricType::Counter);
  auto errors = family("keyfold_http_accept_errors_total",
                       "Failed accepts; each pauses accepting for a moment.", MetricType::Counter);
  auto timeouts = family("keyfold_http_connection_timeouts_total",
                         "Connections closed by a deadline.", MetricType::Counter);
  auto open = family("keyfold_http_connections", "Connections open.", MetricType::Gauge);
  for (size_t e = 0; e < endpoint_count; ++e)
    collect_endpoint(e, requests, latency);
  for (size_t f = 0; f <= static_cast<size_t>(fault::http_version); ++f)
    if (auto count = sum([&](auto& t) -> auto& { return t.rejected_[f]; }))
      add_counter(rejected, {{"reason", std::string{code_of(static_cast<fault>(f))}}}, count);
  add_counter(accepted, {}, sum([](auto& t) -> auto& { return t.accepted; }));
  add_counter(errors, {}, sum([](auto& t) -> auto& { return t.accept_errors; }));
  add_counter(timeouts, {}, sum([](auto& t) -> auto& { return t.timed_out; }));
  ClientMetric gauge;
  for (const auto& thread : threads_)
    gauge.gauge.value += static_cast<double>(thread->open.load(std::memory_order_relaxed));
  open.metric.push_back(std::move(gauge));
  return {requests, latency, rejected, accepted, errors, timeouts, open};
}

} // namespace keyfold::http
