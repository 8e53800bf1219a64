#include "pattern_cases.hpp"

#include "case_fields.hpp"
#include "pattern_runs.hpp"

namespace keyfold::conformance {

json pattern_definition(const std::vector<json>& records, const std::vector<std::string>& key,
                        json view) {
  auto fields = fields_of(records);
  fields["event_at"] = {{"type", "timestamp"}, {"unit", "ms"}};
  view["name"] = "matches";
  view["type"] = "pattern";
  view["entity"] = "key";
  view["stream"] = "events";
  view["emits"] = "found";
  return {{"application", "conformance"},
          {"streams", json::array({{{"name", "events"},
                                    {"source", {{"type", "http_push"}}},
                                    {"fields", fields},
                                    {"event_time", "event_at"}}})},
          {"entities", json::array({{{"name", "key"}, {"key", key}}})},
          {"views", json::array({view})}};
}

std::vector<run> runs_of_pattern_case(const json& x) {
  auto kind = x.value("kind", x.contains("stages") ? "cep" : "match_recognize");
  if (kind == "cep")
    return cep_runs(x);
  if (kind == "match_recognize")
    return match_recognize_runs(x);
  throw unknown_notation{"cases of the kind `" + kind + "` are not known"};
}

} // namespace keyfold::conformance
