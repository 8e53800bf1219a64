#include "actors/stream_counters.hpp"

namespace keyfold {

stream_counters stream_counters::make(metrics_registry& registry, const stream_schema& stream) {
  prometheus::Labels labels{{"stream", stream.name}};
  auto counter = [&](const char* family, const char* help) {
    return &make_counter(registry, family, help, labels);
  };
  auto gauge = [&](const char* family, const char* help) {
    return &make_gauge(registry, family, help, labels);
  };
  std::vector<lookup> lookups;
  for (const auto& x : stream.lookups) {
    prometheus::Labels of{{"stream", stream.name}, {"table", x.table->name()}};
    lookups.push_back({&make_counter(registry, "keyfold_lookup_missing_total",
                                     "Rows whose key was null or not in the table.", of),
                       &make_counter(registry, "keyfold_lookup_dropped_total",
                                     "Rows left out because their key was not in the table.", of)});
  }
  return {
      counter("keyfold_source_rows_total", "Rows handed to the routers."),
      counter("keyfold_source_filtered_total",
              "Records left out by the stream's where, and tombstones."),
      counter("keyfold_source_null_keys_total",
              "Rows without an entity's key: left out for that entity."),
      counter("keyfold_source_long_keys_total",
              "Rows whose key exceeds limits.max_key_bytes: left out for that entity."),
      gauge("keyfold_stream_watermark_seconds",
            "Event time up to which the stream is complete, Unix time."),
      gauge("keyfold_stream_newest_event_seconds", "Newest event time seen, Unix time."),
      std::move(lookups),
  };
}

void stream_counters::add(const routing_losses& x) const {
  null_keys->Increment(static_cast<double>(x.null_key));
  long_keys->Increment(static_cast<double>(x.long_key));
}

void stream_counters::add(lookup_join& x) const {
  auto counts = x.take_counts();
  for (size_t i = 0; i < counts.size(); ++i) {
    lookups[i].missing->Increment(static_cast<double>(counts[i].missing));
    lookups[i].dropped->Increment(static_cast<double>(counts[i].dropped));
  }
  filtered->Increment(static_cast<double>(x.take_filtered()));
}

void stream_counters::show(prometheus::Gauge& gauge, event_time x) {
  auto unknown = x == beginning_of_time || x == end_of_time;
  gauge.Set(unknown ? 0 : std::chrono::duration<double>(x.time_since_epoch()).count());
}

} // namespace keyfold
