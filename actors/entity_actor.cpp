#include "actors/entity_actor.hpp"

#include "actors/fold_part.hpp"
#include "actors/router.hpp"
#include "store/ledger.hpp"

#include <algorithm>

namespace keyfold {

entity_actor::entity_actor(caf::actor_config& config, std::string_view key)
    : lean_actor(config), key_(key) {
  static_assert(sizeof(caf::actor_storage<entity_actor>) <= 256);
}

entity_actor::~entity_actor() = default;

event_time entity_actor::fold(const entity_layout& layout, uint32_t input, const event_batch& batch,
                              std::span<const uint32_t> rows, const fold_environment& environment) {
  dirty = true;
  return state.fold(layout, input, batch, rows, environment);
}

event_time entity_actor::advance(const entity_layout& layout, const fold_environment& environment) {
  dirty = true;
  return state.advance(layout, environment);
}

void entity_actor::save(const entity_layout& layout, uint32_t entity, fold_part& part) {
  state.collect_changes(layout, part.watermarks(entity), part.last_changes(entity, key()));
  gone = state.empty(layout);
  part.state_bytes.clear();
  if (!gone)
    state.encode(layout, part.state_bytes);
  store::append_key_state(part.states[entity], key(), part.state_bytes);
  dirty = false;
}

namespace {

/// Keeps the features of open groups of an answer.
class open_collector final : public feature_sink {
public:
  open_collector(const view& of, uint32_t number, key_answer& out)
      : view_(of), number_(number), out_(out) {}
  void on_feature(std::string_view name, const feature_value& value) override {
    auto named = view_.features();
    if (std::none_of(named.begin(), named.end(),
                     [&](const auto& known) { return known.name == name; }))
      out_.open.push_back({number_, std::string{name}, value});
  }

private:
  const view& view_;
  uint32_t number_;
  key_answer& out_;
};

} // namespace

void entity_actor::answer(const entity_layout& layout, const feature_query& query, key_answer& out,
                          event_time as_of) const {
  out.found = dirty || !gone;
  out.as_of = as_of;
  out.values.resize(query.wanted.size());
  state.read(layout, as_of, query.wanted, out.values, out.memory);
  const auto& views = layout.definition().views;
  for (uint32_t i = 0; query.with_open && i < views.size(); ++i) {
    if (!views[i]->open())
      continue;
    open_collector sink{*views[i], i, out};
    state.read_all(layout, i, as_of, out.memory, sink);
  }
}

void read_message::deliver(lean_actor& receiver, caf::mailbox_element_ptr& self,
                           caf::execution_unit* unit) {
  if (layout_ == nullptr) {
    static_cast<router&>(receiver).read(*this, self, unit);
    return;
  }
  static_cast<entity_actor&>(receiver).answer(*layout_, *query_, query_->answers[index_], as_of_);
  complete();
}

void read_message::answer_missing(event_time as_of) {
  auto& out = query_->answers[index_];
  out.as_of = as_of;
  out.values.assign(query_->wanted.size(), feature_value{});
  complete();
}

void read_message::complete() {
  if (query_->open_answers.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  query_->watermark = end_of_time;
  for (const auto& answer : query_->answers)
    query_->watermark = std::min(query_->watermark, answer.as_of);
  query_->done(*query_);
}

} // namespace keyfold
