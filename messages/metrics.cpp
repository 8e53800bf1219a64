#include "messages/metrics.hpp"

namespace keyfold {

void view_counters::add(const fold_counts& x) const {
  auto raise = [](prometheus::Counter* counter, uint64_t by) {
    if (by != 0)
      counter->Increment(static_cast<double>(by));
  };
  raise(rows, x.rows);
  raise(late, x.late);
  raise(late_dropped, x.late_dropped);
  raise(skipped, x.skipped);
  raise(bound_reached, x.bound_reached);
  raise(expired, x.expired);
  raise(emitted, x.emitted);
}

prometheus::Counter& make_counter(metrics_registry& registry, const std::string& name,
                                  const std::string& help, const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Gauge& make_gauge(metrics_registry& registry, const std::string& name,
                              const std::string& help, const prometheus::Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

std::shared_ptr<view_metrics>
view_metrics::make(metrics_registry& registry,
                   const std::vector<std::shared_ptr<const entity_definition>>& entities) {
  auto result = std::make_shared<view_metrics>();
  for (const auto& entity : entities) {
    auto& counters = result->views.emplace_back();
    for (const auto& view : entity->views) {
      prometheus::Labels labels{{"view", view->name()}};
      auto counter = [&](const char* name, const char* help) {
        return &make_counter(registry, name, help, labels);
      };
      counters.push_back({
          counter("keyfold_view_rows_total", "Rows folded by the view."),
          counter("keyfold_view_late_rows_total",
                  "Rows behind the view's watermark, whatever was done with them."),
          counter("keyfold_view_late_rows_dropped_total", "Late rows the view's policy left out."),
          counter(
              "keyfold_view_rows_skipped_total",
              "Rows the view could not fold: a null or non-finite measure, a group not listed."),
          counter("keyfold_view_bound_reached_total",
                  "Times a bound on a key's state refused or evicted something."),
          counter("keyfold_view_groups_expired_total",
                  "Groups removed because their TTL was over."),
          counter("keyfold_view_emitted_total", "Events the view emitted into its stream."),
      });
    }
  }
  return result;
}

} // namespace keyfold
