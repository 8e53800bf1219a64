#pragma once

#include "actors/lean_actor.hpp"
#include "actors/routing.hpp"
#include "messages/feature_query.hpp"

#include <caf/actor_system.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace keyfold {

class fold_part;
class router;

/// The actor of one key: holds the states of all views of its entity, folds its rows, answers
/// reads. Its router made it and lets go of it; whatever else runs here must not block.
///
/// Fields below `state` are the router's notes on the key; only the router, and the key while it
/// works for it, touch them.
class entity_actor final : public lean_actor {
public:
  entity_actor(caf::actor_config& config, const entity_layout& layout, std::string_view key);
  ~entity_actor() override;
  const char* name() const override { return "keyfold.entity"; }

  std::string_view key() const noexcept {
    return {key_size_ <= sizeof key_ ? key_.inside : key_.outside, key_size_};
  }
  const entity_layout& layout() const noexcept { return *layout_; }

  void fold(uint32_t input, const event_batch& batch, std::span<const uint32_t> rows,
            fold_part& part, uint32_t entity);
  void advance(fold_part& part, uint32_t entity);
  /// Writes the changes that are due at the end of an epoch and the state into `part`.
  void save(fold_part& part, uint32_t entity);
  void answer(const feature_query& query, key_answer& out, event_time as_of) const;

  entity_state state;
  event_time wake_at = end_of_time;  ///< when the state wants to be advanced
  event_time timer_at = end_of_time; ///< when the router will do so
  uint32_t slot = 0;                 ///< the key's message in the chunk being prepared
  uint32_t chunk = 0;                ///< the chunk `slot` is of
  uint32_t listed = 0;               ///< the epoch in whose list of changed keys it is
  bool dirty = false;                ///< changed since the last epoch
  bool gone = false;                 ///< kept nothing at the last epoch: the router forgets it

private:
  const entity_layout* layout_;
  union {
    char inside[16];
    char* outside;
  } key_;
  uint32_t key_size_;
};

/// A read of one key on its way: to the router, and on to the key's actor.
class read_message final : public lean_message {
public:
  read_message(std::shared_ptr<feature_query> query, uint32_t index)
      : query_(std::move(query)), index_(index) {}
  void deliver(lean_actor& receiver, caf::mailbox_element_ptr& self,
               caf::execution_unit* unit) override;

  const feature_query& query() const noexcept { return *query_; }
  std::string_view key() const noexcept { return query_->keys[index_]; }
  /// Answers that there is no such key.
  void answer_missing(event_time as_of);
  /// From now on the message is for the key's actor. @param as_of the moment to read at
  void forward(event_time as_of) {
    as_of_ = as_of;
    at_router_ = false;
  }

private:
  void complete();

  std::shared_ptr<feature_query> query_;
  uint32_t index_;
  bool at_router_ = true;
  event_time as_of_ = beginning_of_time;
};

} // namespace keyfold
