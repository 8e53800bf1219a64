#include "http/endpoints.hpp"

#include <prometheus/text_serializer.h>

namespace keyfold::http {

void get_health(const request&, responder to) {
  to.send({.content_type = {}, .body = {}});
}

void get_ready(const request&, responder to) {
  auto reasons = to.shared().outside.ready.reasons();
  if (to.shared().draining.load(std::memory_order_relaxed))
    reasons.emplace_back("http", "the server is stopping");
  auto& out = to.thread().out;
  out.clear();
  out.raw(R"({"ready":)");
  out.boolean(reasons.empty());
  out.raw(R"(,"reasons":[)");
  for (const auto& [component, reason] : reasons) {
    out.raw(R"({"component":)");
    out.string(component);
    out.raw(R"(,"reason":)");
    out.string(reason);
    out.raw("},");
  }
  out.drop_comma();
  out.raw("]}");
  to.send({.status = reasons.empty() ? 200u : 503u, .body = out.view()});
}

void get_metrics(const request&, responder to) {
  auto families = to.shared().outside.metrics->Collect();
  for (auto& family : to.shared().metrics.Collect())
    families.push_back(std::move(family));
  auto text = prometheus::TextSerializer{}.Serialize(families);
  to.send({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = text});
}

} // namespace keyfold::http
