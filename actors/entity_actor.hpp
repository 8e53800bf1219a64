#pragma once

#include "actors/lean_actor.hpp"
#include "actors/routing.hpp"
#include "features/short_text.hpp"
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
/// Memory is what it is made for: all that a fold touches is in the one cache line behind CAF's own
/// part. What keys of an entity share comes with each message.
class entity_actor final : public lean_actor {
  // Before the rest: `memchr` and `memcmp` read 32 bytes, which at the line's end would be of the
  // next one, of another key.
  short_text key_;

public:
  entity_actor(caf::actor_config& config, std::string_view key);
  ~entity_actor() override;
  const char* name() const override { return "keyfold.entity"; }

  std::string_view key() const noexcept { return key_; }

  /// Returns when the key wants to be advanced.
  event_time fold(const entity_layout& layout, uint32_t input, const event_batch& batch,
                  std::span<const uint32_t> rows, const fold_environment& environment);
  /// Returns when the key wants to be advanced next.
  event_time advance(const entity_layout& layout, const fold_environment& environment);
  /// Writes the changes that are due at the end of an epoch and the state into `part`.
  void save(const entity_layout& layout, uint32_t entity, fold_part& part);
  void answer(const entity_layout& layout, const feature_query& query, key_answer& out,
              event_time as_of) const;

  entity_state state;

  // The router's notes on the key; only the router, and the key while it works for it, touch them.
  event_time timer_at = end_of_time; ///< when the router will advance it
  uint32_t slot = 0;                 ///< its place in the chunk under way, if it is in it
  uint32_t touched = 0;              ///< the router's epoch of the last row or read
  uint32_t saved = 0;                ///< and of the last change that went to the ledger
  bool dirty = false;                ///< changed since the last epoch
  bool listed = false;               ///< among the router's changed keys
  bool gone = false;                 ///< kept nothing at the last epoch: the router forgets it
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
  void forward(const entity_layout& layout, event_time as_of) {
    layout_ = &layout;
    as_of_ = as_of;
  }

private:
  void complete();

  std::shared_ptr<feature_query> query_;
  uint32_t index_;
  const entity_layout* layout_ = nullptr; // null: on the way to the router
  event_time as_of_ = beginning_of_time;
};

} // namespace keyfold
