#pragma once

#include "actors/entity_actor.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace keyfold {

/// The keys of one entity that a router has in memory. Owns their actors; finds them by 64-bit
/// hash, and the few whose hashes collide by their text. Not thread-safe.
class key_directory {
public:
  using actor_ptr = caf::intrusive_ptr<entity_actor>;

  /// The key's actor, or null.
  entity_actor* find(uint64_t hash, std::string_view key) const {
    auto* first = find_hash(hash);
    if (first != nullptr && first->key() == key)
      return first;
    if (collided_.empty())
      return nullptr;
    auto other = collided_.find(std::string{key});
    return other == collided_.end() ? nullptr : other->second.get();
  }
  /// The actor that `find` will most likely return; its key is not compared. For prefetching and
  /// timers.
  entity_actor* find_hash(uint64_t hash) const {
    auto found = actors_.find(hash);
    return found == actors_.end() ? nullptr : found->second.get();
  }
  /// @pre `find` returns null for the actor's key
  void insert(uint64_t hash, actor_ptr actor) {
    auto [place, inserted] = actors_.try_emplace(hash, actor);
    if (!inserted)
      collided_.emplace(std::string{actor->key()}, std::move(actor));
  }
  void erase(uint64_t hash, std::string_view key) {
    auto found = actors_.find(hash);
    if (found != actors_.end() && found->second->key() == key)
      actors_.erase(found);
    else
      collided_.erase(std::string{key});
  }
  /// Calls `f` with each actor whose hash is `hash`.
  template <class F>
  void for_hash(uint64_t hash, F&& f) const {
    if (auto* first = find_hash(hash))
      f(*first);
    if (!collided_.empty())
      for (const auto& [key, actor] : collided_)
        if (directory_hash(key) == hash)
          f(*actor);
  }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& [hash, actor] : actors_)
      f(hash, *actor);
    for (const auto& [key, actor] : collided_)
      f(directory_hash(key), *actor);
  }
  /// Calls `f` with up to `most` actors, in the order of their hashes.
  template <class F>
  void sample(size_t most, F&& f) const {
    for (auto i = actors_.begin(); i != actors_.end() && most != 0; ++i, --most)
      f(*i->second);
  }
  void reserve(size_t keys) { actors_.reserve(keys); }
  size_t size() const noexcept { return actors_.size() + collided_.size(); }

private:
  struct identity {
    using is_avalanching = void; // the keys are hashes already
    size_t operator()(uint64_t hash) const noexcept { return hash; }
  };

  boost::unordered_flat_map<uint64_t, actor_ptr, identity> actors_;
  std::unordered_map<std::string, actor_ptr> collided_;
};

} // namespace keyfold
