#pragma once

#include "actors/emission_recorder.hpp"
#include "actors/routing.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// The key whose views are at work. Most folds publish nothing at once: it is taken apart when it
/// is needed.
class announced_key {
public:
  explicit announced_key(std::vector<data_type> types) : types_(std::move(types)) {}

  /// @param key must live until the next call
  void set(std::string_view key) noexcept {
    key_ = key;
    parsed_ = false;
  }
  /// Its fields, valid until the next key.
  std::span<const cell> fields();

private:
  std::vector<data_type> types_;
  std::string_view key_;
  bool parsed_ = false;
  std::vector<cell> fields_;
  arena memory_;
};

/// Writes a key's changes to the logs of the outputs that want them.
class change_recorder final : public change_sink {
public:
  change_recorder(std::vector<change_route> routes, announced_key& key,
                  std::vector<std::string>& logs)
      : routes_(std::move(routes)), key_(key), logs_(logs) {}

  void upsert(std::span<const cell> group, std::span<const cell> values, event_time at) override;
  void erase(std::span<const cell> group, event_time at) override;

private:
  void record(std::span<const cell> group, std::span<const cell> values, event_time at,
              bool erased);

  std::vector<change_route> routes_;
  announced_key& key_;
  std::vector<std::string>& logs_;
  std::vector<cell> columns_;
};

/// Where the keys of a router leave what their folds produce: changes, encoded state, counts. A
/// router has two: one for itself, and one, under a lock, for the rare key that another thread
/// happened to be running.
class fold_part {
public:
  fold_part(const routing_table& table, const std::vector<std::vector<event_time>>& watermarks);
  fold_part(const fold_part&) = delete;
  fold_part& operator=(const fold_part&) = delete;

  /// For a fold or an advance of `key` of entity number `entity`.
  fold_environment environment(uint32_t entity, std::string_view key);
  /// Of the entity's views.
  std::span<const event_time> watermarks(uint32_t entity) const noexcept {
    return watermarks_[entity];
  }
  /// For the end of an epoch: the sinks of the views whose last change is published, one per view,
  /// some null.
  std::span<change_sink* const> last_changes(uint32_t entity, std::string_view key);

  /// Per output: changes, as `change_log_writer` writes them.
  std::vector<std::string> logs;
  /// Per entity: keys and their encoded states, as `store::append_key_state` writes them.
  std::vector<std::string> states;
  /// Per entity and view.
  std::vector<std::vector<fold_counts>> counts;
  /// Per derived stream: what was emitted into it.
  std::vector<std::unique_ptr<emission_recorder>> emitted;
  /// Memory for one state's bytes.
  std::string state_bytes;

  /// Moves all that `other` holds to the end of this.
  void take(fold_part& other);
  /// Bytes of changes held.
  size_t log_bytes() const noexcept;
  /// Emitted events held.
  size_t emitted_rows() const noexcept;

private:
  struct entity_sinks {
    std::vector<std::unique_ptr<change_recorder>> recorders;
    std::vector<change_sink*> every;
    std::vector<change_sink*> last;
    std::vector<emission_sink*> emissions;
    std::unique_ptr<announced_key> key;
  };

  const std::vector<std::vector<event_time>>& watermarks_;
  std::vector<entity_sinks> sinks_;
  arena scratch_;
};

} // namespace keyfold
