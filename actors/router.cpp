#include "actors/router.hpp"
#include "actors/router_task.hpp"

#include "features/prefetch.hpp"
#include "store/ledger.hpp"

#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>

namespace keyfold {

// -- messages
// --------------------------------------------------------------------------------------------------------

class router::key_message final : public lean_message {
public:
  explicit key_message(router& owner) : owner_(&owner) {}

  void deliver(lean_actor& receiver, caf::mailbox_element_ptr&,
               caf::execution_unit* unit) override {
    actor = static_cast<entity_actor*>(&receiver);
    owner_->run_key(*this, unit);
  }
  /// The message stays in its pool; that nobody holds it any more means that the key is done.
  void request_deletion(bool) const noexcept override { owner_->key_done(); }

  entity_actor* actor = nullptr;
  std::span<const uint32_t> rows;
  event_time wake_at = end_of_time; // out: when the key wants to be advanced

private:
  router* owner_;
};

// -- construction
// ----------------------------------------------------------------------------------------------------

router::router(caf::actor_config& config, caf::actor_system& system,
               std::shared_ptr<const routing_table> table, std::shared_ptr<flow_gate> gate,
               std::shared_ptr<view_metrics> metrics)
    : lean_actor(config), system_(system), table_(std::move(table)), gate_(std::move(gate)),
      metrics_(std::move(metrics)), unit_(system), directories_(table_->entities.size()),
      timers_(table_->entities.size()), dirty_(table_->entities.size()),
      stream_watermarks_(table_->stream_count, beginning_of_time),
      stream_newest_(table_->stream_count, beginning_of_time),
      stream_silent_(table_->stream_count, false), view_watermarks_([this] {
        std::vector<std::vector<event_time>> result;
        for (const auto& entity : table_->entities)
          result.emplace_back(entity.layout->view_count(), beginning_of_time);
        return result;
      }()),
      entity_watermarks_(table_->entities.size(), beginning_of_time),
      told_(table_->derived.size(), beginning_of_time), cold_(table_->entities.size()),
      flow_(table_, gate_), own_(*table_, view_watermarks_), stray_(*table_, view_watermarks_) {}

router::~router() = default;

// -- for other threads
// -----------------------------------------------------------------------------------------------

void router::send_batch(routed_batch batch) {
  work next;
  next.kind = work_kind::fold;
  next.credit = batch.credit;
  next.batch = std::make_shared<const routed_batch>(std::move(batch));
  post_task([next = std::move(next)](router& self) mutable {
    self.queue_.push_back(std::move(next));
    self.run();
  });
}

void router::send_save(epoch_edge edge, std::function<void(epoch_share)> saved) {
  work next;
  next.edge = edge;
  next.kind = work_kind::save;
  next.saved = std::move(saved);
  post_task([next = std::move(next)](router& self) mutable {
    self.queue_.push_back(std::move(next));
    self.run();
  });
}

void router::send_read(std::shared_ptr<feature_query> query, uint32_t index,
                       caf::execution_unit* unit) {
  post(new read_message(std::move(query), index), unit);
}

// -- restoring
// -------------------------------------------------------------------------------------------------------

entity_actor* router::decode_key(uint32_t entity, uint64_t hash, std::string_view key,
                                 std::string_view state) {
  auto& actor = key_actor(entity, hash, key);
  auto wake_at = end_of_time;
  if (!actor.state.decode(*table_->entities[entity].layout, state, own_.environment(entity, key),
                          wake_at))
    return nullptr;
  arm(entity, actor, wake_at);
  return &actor;
}

void router::restore_time(uint32_t stream, event_time watermark, event_time newest) {
  routed_batch moment;
  moment.stream = stream;
  moment.watermark = watermark;
  moment.newest = newest;
  move_time(moment);
}

void router::connect(uint32_t own, const std::vector<caf::intrusive_ptr<router>>& all,
                     std::vector<stream_counters> counters) {
  std::vector<caf::weak_actor_ptr> routers;
  routers.reserve(all.size());
  for (const auto& x : all)
    routers.emplace_back(x->ctrl());
  flow_.connect(own, std::move(routers), std::move(counters));
}

// -- reading
// ---------------------------------------------------------------------------------------------------------

void router::read(read_message& message, caf::mailbox_element_ptr& self,
                  caf::execution_unit* unit) {
  const auto& query = message.query();
  auto as_of = query.as_of ? *query.as_of : reading_time(query.entity);
  auto* key = directories_[query.entity].find(directory_hash(message.key()), message.key());
  if (key == nullptr) {
    read_cold(message, self, as_of);
    return;
  }
  key->touched = epochs_;
  message.forward(*table_->entities[query.entity].layout, as_of);
  key->enqueue(std::move(self), unit);
}

// -- work
// ------------------------------------------------------------------------------------------------------------

void router::run() {
  if (waiting_)
    return;
  if (!busy_) {
    if (queue_.empty())
      return;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    begin(std::move(next));
  }
  if (current_.kind == work_kind::fold && fetch_cold_rows())
    return;
  if (current_.kind == work_kind::fold)
    prepare_rows();
  else
    prepare_keys();
  send_chunk();
  if (waiting_)
    return;
  settle_chunk();
}

void router::begin(work next) {
  current_ = std::move(next);
  busy_ = true;
  if (current_.kind == work_kind::save)
    current_.keys = std::exchange(dirty_[0], {});
}

entity_actor& router::key_actor(uint32_t entity, uint64_t hash, std::string_view key) {
  if (auto* known = directories_[entity].find(hash, key))
    return *known;
  auto made = make_lean_actor<entity_actor>(system_, key);
  auto& result = *made;
  directories_[entity].insert(hash, std::move(made));
  resident_.fetch_add(1, std::memory_order_relaxed);
  return result;
}

uint32_t router::slot_for(entity_actor& key) {
  if (key.slot >= keys_.size() || keys_[key.slot].actor != &key) {
    key.slot = static_cast<uint32_t>(keys_.size());
    keys_.push_back({&key});
  }
  return key.slot;
}

void router::prepare_rows() {
  keys_.clear();
  slots_.clear();
  if (current_.input >= current_.batch->inputs.size())
    return;
  const auto& input = current_.batch->inputs[current_.input];
  auto count = std::min(chunk_rows, input.rows.size() - current_.next);
  auto rows = std::span{input.rows}.subspan(current_.next, count);
  auto& directory = directories_[input.entity];
  // First all lookups, then all actors, then all states: each loop's misses overlap.
  for (const auto& row : rows)
    if (auto* likely = directory.find_hash(row.hash))
      prefetch_line(&likely->state);
  for (const auto& row : rows) {
    auto& key = key_actor(input.entity, row.hash, row.text());
    key.state.prefetch();
    key.touched = epochs_;
    auto slot = slot_for(key);
    ++keys_[slot].rows;
    slots_.push_back(slot);
  }
  const auto& layout = *table_->entities[input.entity].layout;
  uint32_t first = 0;
  for (auto& key : keys_) {
    key.actor->state.prefetch_parts(layout);
    key.first = first;
    first += key.rows;
    key.rows = 0;
  }
  rows_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    auto& key = keys_[slots_[i]];
    rows_[key.first + key.rows++] = rows[i].row;
  }
  current_.next += count;
}

void router::prepare_keys() {
  keys_.clear();
  auto count = std::min(chunk_rows, current_.keys.size() - current_.next);
  for (auto* key : std::span{current_.keys}.subspan(current_.next, count))
    prefetch_line(&key->state);
  for (auto* key : std::span{current_.keys}.subspan(current_.next, count)) {
    key->state.prefetch();
    keys_.push_back({key});
  }
  for (const auto& key : keys_)
    key.actor->state.prefetch_parts(*table_->entities[current_.entity].layout);
  current_.next += count;
}

void router::send_chunk() {
  while (pool_.size() < keys_.size())
    pool_.push_back(std::make_unique<key_message>(*this));
  pending_.store(static_cast<uint32_t>(keys_.size()) + 1, std::memory_order_relaxed);
  awakened_.clear();
  for (size_t i = 0; i < keys_.size(); ++i) {
    pool_[i]->rows = {rows_.data() + keys_[i].first, keys_[i].rows};
    if (keys_[i].actor->push(pool_[i].get()))
      awakened_.push_back(keys_[i].actor);
  }
  for (auto* key : awakened_) {
    constexpr size_t most_messages =
        64; // a key that others write to at the same time must not hold up the rest
    if (key->resume(&unit_, most_messages) != caf::resumable::resume_later)
      continue;
    key->intrusive_ptr_add_ref_impl();
    system_.scheduler().enqueue(key);
  }
  for (auto* other : std::exchange(unit_.ready, {}))
    system_.scheduler().enqueue(other);
  waiting_ = pending_.fetch_sub(1, std::memory_order_acq_rel) != 1;
}

void router::run_key(key_message& message, caf::execution_unit* by) {
  std::unique_lock<std::mutex> guard;
  auto* part = &own_;
  if (by != &unit_) {
    guard = std::unique_lock{stray_mutex_};
    part = &stray_;
    strayed_ = true;
  }
  auto& key = *message.actor;
  switch (current_.kind) {
  case work_kind::fold: {
    const auto& input = current_.batch->inputs[current_.input];
    message.wake_at =
        key.fold(*table_->entities[input.entity].layout, input.input, *current_.batch->events,
                 message.rows, part->environment(input.entity, key.key()));
    break;
  }
  case work_kind::advance:
    message.wake_at = key.advance(*table_->entities[current_.entity].layout,
                                  part->environment(current_.entity, key.key()));
    break;
  case work_kind::save:
    message.wake_at = end_of_time;
    key.save(*table_->entities[current_.entity].layout, current_.entity, *part);
    break;
  }
}

void router::key_done() {
  if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    post_task([](router& self) {
      self.waiting_ = false;
      self.settle_chunk();
    });
}

void router::settle_chunk() {
  auto entity = current_.kind == work_kind::fold && current_.input < current_.batch->inputs.size()
                    ? current_.batch->inputs[current_.input].entity
                    : current_.entity;
  auto saving = current_.kind == work_kind::save;
  for (size_t i = 0; i < keys_.size(); ++i) {
    auto& actor = *keys_[i].actor;
    if (saving && actor.gone) {
      forget(entity, actor);
      continue;
    }
    arm(entity, actor, pool_[i]->wake_at);
    if (saving) {
      actor.listed = false;
      actor.saved = epochs_;
    } else if (actor.dirty && !std::exchange(actor.listed, true))
      dirty_[entity].push_back(&actor);
  }
  keys_.clear();
  if (std::exchange(strayed_, false))
    own_.take(stray_);
  if (own_.emitted_rows() > most_emitted_rows)
    flow_.send_rows(own_);
  if (!next_section())
    finish();
  if (busy_ || !queue_.empty())
    post_task([](router& self) { self.run(); });
}

/// Moves on to the next input of the batch, or the next entity of the epoch. False at the end of
/// the work.
bool router::next_section() {
  if (current_.kind == work_kind::fold) {
    const auto& inputs = current_.batch->inputs;
    if (current_.input < inputs.size() && current_.next == inputs[current_.input].rows.size()) {
      ++current_.input;
      current_.next = 0;
    }
    return current_.input < inputs.size();
  }
  while (current_.next == current_.keys.size()) {
    if (current_.kind == work_kind::advance || current_.entity + 1 >= dirty_.size())
      return false;
    ++current_.entity;
    current_.next = 0;
    current_.keys = std::exchange(dirty_[current_.entity], {});
  }
  return true;
}

void router::finish() {
  publish_counts();
  flow_.send_rows(own_);
  switch (current_.kind) {
  case work_kind::fold:
    move_time(*current_.batch);
    wake_keys();
    break;
  case work_kind::advance:
    --advances_;
    pass_time_on();
    break;
  case work_kind::save:
    finish_save();
    break;
  }
  size_t dirty = 0;
  for (const auto& keys : dirty_)
    dirty += keys.size();
  dirty_count_.store(dirty, std::memory_order_relaxed);
  log_bytes_.store(own_.log_bytes(), std::memory_order_relaxed);
  auto credit = current_.credit;
  current_ = {};
  busy_ = false;
  if (credit != 0)
    gate_->release(credit);
}

void router::finish_save() {
  epoch_share share{std::exchange(own_.logs, std::vector<std::string>(own_.logs.size())),
                    std::exchange(own_.states, std::vector<std::string>(own_.states.size()))};
  current_.saved(std::move(share));
  passivate(current_.edge);
  if (keys_wait_for_room())
    wake_keys();
}

void router::publish_counts() {
  for (size_t entity = 0; entity < own_.counts.size(); ++entity)
    for (size_t view = 0; view < own_.counts[entity].size(); ++view) {
      metrics_->views[entity][view].add(own_.counts[entity][view]);
      own_.counts[entity][view] = {};
    }
}

} // namespace keyfold
