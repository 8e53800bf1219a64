#include "app/key_features.hpp"

#include "features/entity_state.hpp"
#include "features/timestamp_format.hpp"
#include "http/json_writer.hpp"
#include "http/value_json.hpp"

namespace keyfold {

namespace {

class collector final : public feature_sink {
public:
  collector(std::string view, std::vector<shown_feature>& into)
      : view_(std::move(view)), into_(into) {}

  void on_feature(std::string_view name, const feature_value& x) override {
    writer_.clear();
    http::write_value(writer_, x.value, http::value_dialect::plain);
    into_.push_back({view_, std::string{name}, std::string{writer_.view()},
                     std::string{http::status_name(x.status)},
                     is_timestamp(x.at) ? format_rfc3339(x.at) : ""});
  }

private:
  std::string view_;
  std::vector<shown_feature>& into_;
  http::json_writer writer_;
};

} // namespace

result<std::vector<shown_feature>>
read_key_features(const std::shared_ptr<const entity_definition>& entity, std::string_view state,
                  event_time as_of) {
  const entity_layout layout{entity};
  auto views = layout.view_count();
  std::vector<event_time> watermarks(views, beginning_of_time);
  std::vector<change_sink*> changes(views);
  std::vector<emission_sink*> emissions(views);
  std::vector<fold_counts> counts(views);
  arena scratch;
  fold_environment environment{watermarks, changes, emissions, counts, &scratch};
  entity_state decoded;
  event_time wake_at;
  if (!decoded.decode(layout, state, environment, wake_at))
    return fail(
        "its state cannot be decoded: is --definition the one that the ledger was written with?");
  std::vector<shown_feature> result;
  arena memory;
  for (uint32_t view = 0; view < views; ++view) {
    collector sink{entity->views[view]->name(), result};
    decoded.read_all(layout, view, as_of, memory, sink);
  }
  return result;
}

} // namespace keyfold
