#include "actors/router.hpp"
#include "actors/router_task.hpp"

#include <algorithm>
#include <unordered_set>

/// Keys that leave memory and come back.
namespace keyfold {

void router::set_residency(residency_settings settings, key_loader& loader,
                           prometheus::Counter& passivated) {
  residency_ = settings;
  loader_ = &loader;
  passivated_ = &passivated;
  set_bound(key_bound());
}

void router::set_bound(uint64_t keys) {
  constexpr uint64_t least_surplus = 16'384; // the sources do not wait for fewer
  bound_ = keys;
  most_keys_.store(keys < UINT64_MAX / 4 ? 2 * keys + least_surplus : UINT64_MAX,
                   std::memory_order_relaxed);
}

bool router::restore(uint32_t entity, std::string_view key, std::string_view state) {
  constexpr uint64_t keys_between_estimates = 4096;
  auto hash = directory_hash(key);
  auto* actor = decode_key(entity, hash, key, state);
  if (actor == nullptr)
    return false;
  if (loader_ != nullptr && ++restored_ % keys_between_estimates == 0)
    set_bound(key_bound());
  if (resident_keys() > bound_)
    let_go(entity, hash, *actor);
  return true;
}

/// Asks for those keys of the chunk that may be in the ledger only. True: the chunk waits for them.
bool router::fetch_cold_rows() {
  if (current_.input >= current_.batch->inputs.size())
    return false;
  const auto& input = current_.batch->inputs[current_.input];
  const auto& cold = cold_[input.entity];
  if (!cold.any())
    return false;
  auto count = std::min(chunk_rows, input.rows.size() - current_.next);
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> keys;
  for (const auto& row : std::span{input.rows}.subspan(current_.next, count))
    if (cold.may_contain(row.hash)
        && directories_[input.entity].find(row.hash, row.text()) == nullptr
        && seen.insert(row.text()).second)
      keys.emplace_back(row.text());
  if (keys.empty())
    return false;
  waiting_ = true;
  auto entity = input.entity;
  auto wanted = keys;
  loader_->load(entity, std::move(keys),
                [this, entity, wanted = std::move(wanted)](key_loader::states found) {
                  post_task([entity, wanted, found = std::move(found)](router& self) {
                    self.warm(entity, wanted, found);
                    self.waiting_ = false;
                    self.run();
                  });
                });
  return true;
}

/// Puts loaded keys back; those that the ledger does not have begin anew.
void router::warm(uint32_t entity, const std::vector<std::string>& keys,
                  const key_loader::states& found) {
  for (size_t i = 0; i < keys.size(); ++i) {
    auto hash = directory_hash(keys[i]);
    if (directories_[entity].find(hash, keys[i]) != nullptr)
      continue;
    cold_[entity].remove_timer(hash, keys[i]);
    if (found[i])
      decode_key(entity, hash, keys[i], *found[i]);
    else
      key_actor(entity, hash, keys[i]);
  }
}

void router::read_cold(read_message& message, caf::mailbox_element_ptr& self, event_time as_of) {
  auto entity = message.query().entity;
  if (!cold_[entity].may_contain(directory_hash(message.key()))) {
    message.answer_missing(as_of);
    return;
  }
  std::vector<std::string> keys{std::string{message.key()}};
  auto wanted = keys;
  // Shared, because a std::function must be copyable.
  auto parked = std::make_shared<caf::mailbox_element_ptr>(std::move(self));
  loader_->load(
      entity, std::move(keys), [this, entity, wanted, parked, as_of](key_loader::states found) {
        post_task([entity, wanted, parked, as_of, found = std::move(found)](router& self_router) {
          auto& waiting = static_cast<read_message&>(**parked);
          auto known = self_router.directories_[entity].find(directory_hash(wanted[0]), wanted[0])
                       != nullptr;
          if (!known && !found[0]) {
            waiting.answer_missing(as_of);
            return;
          }
          self_router.warm(entity, wanted, found);
          self_router.read(waiting, *parked, nullptr);
        });
      });
}

/// Brings back keys that are only in the ledger but want to be advanced: being restored they are
/// due. The router waits for them: they would emit into a past that it has passed on. Where there
/// is no room it does not tell the time on until there is.
void router::fetch_cold_due() {
  constexpr size_t most_at_once = 4096;
  auto waiting = false;
  for (uint32_t entity = 0; entity < cold_.size(); ++entity) {
    if (!cold_[entity].any_due(entity_watermarks_[entity]))
      continue;
    if (crowded()) {
      waiting = true;
      continue;
    }
    auto keys = cold_[entity].take_due(entity_watermarks_[entity], most_at_once);
    gate_->admit(1);
    ++cold_loads_;
    waiting_ = true;
    auto wanted = keys;
    loader_->load(entity, std::move(keys),
                  [this, entity, wanted = std::move(wanted)](key_loader::states found) {
                    post_task([entity, wanted, found = std::move(found)](router& self) {
                      self.warm(entity, wanted, found);
                      self.cold_due_loaded();
                    });
                  });
  }
  keys_wait_for_room_.store(waiting);
}

void router::cold_due_loaded() {
  if (--cold_loads_ == 0) {
    waiting_ = false;
    wake_keys();
  }
  gate_->release(1);
  run();
}

/// How many keys may stay; a bound in bytes is turned into one of keys by the size of a sample.
uint64_t router::key_bound() const {
  auto bound = residency_.max_keys == 0 ? UINT64_MAX : residency_.max_keys;
  if (residency_.max_bytes == 0)
    return bound;
  constexpr size_t sample_size = 512;
  constexpr uint64_t actor_and_directory = 256 + 27;
  uint64_t bytes = 0;
  uint64_t keys = 0;
  for (uint32_t entity = 0; entity < directories_.size(); ++entity)
    directories_[entity].sample(sample_size, [&](const entity_actor& key) {
      bytes += actor_and_directory + key.state.memory(*table_->entities[entity].layout);
      ++keys;
    });
  return keys == 0 ? bound : std::min(bound, residency_.max_bytes * keys / bytes);
}

void router::let_go(uint32_t entity, uint64_t hash, entity_actor& key) {
  cold_[entity].add(hash);
  if (key.timer_at != end_of_time)
    cold_[entity].add_timer(timer_for(entity, key.timer_at), hash, std::string{key.key()});
  remove(entity, hash, key);
}

void router::remove(uint32_t entity, uint64_t hash, entity_actor& key) {
  resident_.fetch_sub(1, std::memory_order_relaxed);
  std::string text{key.key()}; // the key goes with its actor
  directories_[entity].erase(hash, text);
}

/// Lets go of a key that keeps nothing. Where keys are read back from the ledger it stays until its
/// end is compacted: until then the ledger would give back what it was before.
void router::forget(uint32_t entity, entity_actor& key) {
  auto hash = directory_hash(key.key());
  if (loader_ == nullptr) {
    remove(entity, hash, key);
    return;
  }
  key.listed = false;
  key.saved = epochs_;
  gone_keys_.push_back({epochs_, entity, hash});
}

void router::forget_gone(uint32_t readable) {
  std::vector<entity_actor*> keys;
  for (; !gone_keys_.empty() && gone_keys_.front().number <= readable; gone_keys_.pop_front()) {
    const auto& x = gone_keys_.front();
    keys.clear();
    directories_[x.entity].for_hash(x.hash, [&](entity_actor& key) {
      if (key.gone && !key.dirty && key.saved <= readable)
        keys.push_back(&key);
    });
    for (auto* key : keys)
      remove(x.entity, x.hash, *key);
  }
}

/// At the end of an epoch: lets go of keys that have been silent for long and, over the bound, of
/// those silent longest. Only of keys whose last change has been compacted: the others could not be
/// read back.
void router::passivate(const epoch_edge& edge) {
  if (loader_ == nullptr || !residency_.bounded())
    return;
  saved_epochs_.push_back({epochs_++, edge.epoch, edge.wall_time});
  uint32_t readable = 0; // keys saved last up to this number can be read back
  uint32_t old = 0;      // keys touched last up to this number have been silent for long
  for (const auto& saved : saved_epochs_) {
    if (saved.epoch <= edge.compacted_epoch)
      readable = saved.number;
    if (residency_.passivate_after.count() != 0
        && edge.wall_time - saved.wall_time >= residency_.passivate_after)
      old = saved.number;
  }
  auto done_with = residency_.passivate_after.count() == 0 ? readable : std::min(readable, old);
  while (!saved_epochs_.empty() && saved_epochs_.front().number < done_with)
    saved_epochs_.pop_front();
  forget_gone(readable);
  set_bound(key_bound());
  auto bound = bound_;
  auto resident = resident_keys();
  overfull_.store(resident > bound, std::memory_order_relaxed);
  if (resident <= bound && old == 0)
    return;
  struct candidate {
    uint32_t touched;
    uint32_t entity;
    uint64_t hash;
    entity_actor* key;
  };
  std::vector<candidate> candidates;
  for (uint32_t entity = 0; entity < directories_.size(); ++entity)
    directories_[entity].for_each([&](uint64_t hash, entity_actor& key) {
      if (!key.dirty && !key.listed && !key.gone && key.saved <= readable)
        candidates.push_back({key.touched, entity, hash, &key});
    });
  // A tenth more than needed, so that the sweep is not made again at once.
  auto surplus =
      resident > bound ? std::min<uint64_t>(resident - bound + bound / 10, candidates.size()) : 0;
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(surplus),
                   candidates.end(),
                   [](const auto& a, const auto& b) { return a.touched < b.touched; });
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto& x = candidates[i];
    if (i >= surplus && (old == 0 || x.touched > old))
      continue;
    passivated_->Increment();
    let_go(x.entity, x.hash, *x.key);
  }
}

} // namespace keyfold
