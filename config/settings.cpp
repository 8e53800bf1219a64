#include "config/settings.hpp"

#include "config/spelling.hpp"

namespace keyfold::config {

namespace {

std::chrono::milliseconds positive(const node& at, std::string_view key,
                                   std::chrono::milliseconds otherwise) {
  auto length = at.milliseconds_or(key, otherwise);
  if (length.count() == 0)
    at[key].complain(backquoted(key) + " must be longer than 0");
  return length;
}

} // namespace

serving_plan read_serving(const node& at) {
  serving_plan x;
  x.enabled = at.flag_or("enabled", x.enabled);
  x.address = at.text_or("address", x.address);
  x.port = at.whole_or("port", x.port);
  x.metrics_address = at.text_or("metrics_address", x.metrics_address);
  x.metrics_port = at.whole_or("metrics_port", x.metrics_port);
  x.threads = at.whole_or("threads", x.threads);
  x.max_connections = at.whole_or("max_connections", x.max_connections);
  x.max_connections_per_address =
      at.whole_or("max_connections_per_address", x.max_connections_per_address);
  x.max_body_bytes = at.size_or("max_body", x.max_body_bytes);
  if (x.max_body_bytes == 0 || x.max_body_bytes > 1u << 30)
    at["max_body"].complain("`max_body` must be from 1 byte to 1GiB");
  x.max_keys_per_request = at.whole_or("max_keys_per_request", x.max_keys_per_request);
  x.header_timeout = positive(at, "header_timeout", x.header_timeout);
  x.body_timeout = positive(at, "body_timeout", x.body_timeout);
  x.idle_timeout = positive(at, "idle_timeout", x.idle_timeout);
  x.write_timeout = positive(at, "write_timeout", x.write_timeout);
  x.drain_timeout = at.milliseconds_or("drain_timeout", x.drain_timeout);
  x.tokens_file = at.text_or("tokens_file", "");
  x.tls_certificate = at.text_or("tls_certificate", "");
  x.tls_key = at.text_or("tls_key", "");
  if (x.tls_certificate.empty() != x.tls_key.empty())
    at.complain("HTTPS needs both `tls_certificate` and `tls_key`");
  if (x.metrics_port != 0 && x.metrics_address.empty())
    at["metrics_port"].complain("`metrics_port` needs `metrics_address`, where to listen for "
                                "metrics");
  return x;
}

ledger_plan read_ledger(const node& at) {
  ledger_plan x;
  x.path = at.text_or("path", "keyfold.db");
  x.epoch_interval = positive(at, "epoch_interval", x.epoch_interval);
  x.max_epoch_interval = positive(at, "max_epoch_interval", x.max_epoch_interval);
  if (x.epoch_interval > x.max_epoch_interval)
    (at["epoch_interval"] ? at["epoch_interval"] : at["max_epoch_interval"])
        .complain("`epoch_interval` must not be longer than `max_epoch_interval`, which is "
                  + std::to_string(x.max_epoch_interval.count()) + "ms");
  x.reset_changed_views = at.text_or("on_change", "refuse") == "reset";
  return x;
}

limits_plan read_limits(const node& at) {
  limits_plan x;
  x.workers = at.whole_or("workers", x.workers);
  x.max_in_flight_rows = at.whole_or("max_in_flight_rows", x.max_in_flight_rows);
  x.max_resident_keys = at.whole_or("max_resident_keys", x.max_resident_keys);
  x.max_resident_bytes = at.size_or("max_resident_memory", x.max_resident_bytes);
  x.passivate_after = at.milliseconds_or("passivate_after", x.passivate_after);
  x.max_key_bytes = at.whole_or("max_key_bytes", x.max_key_bytes);
  return x;
}

} // namespace keyfold::config
