#pragma once

#include "views/scenario.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace keyfold::bench {

/// Calls of `operator new` since the program began, while `counting_allocations` is on.
extern size_t allocations;
extern bool counting_allocations;

/// A batch of one input, as a router cuts it: rows grouped by key, a thousand rows at a time.
struct prepared_batch {
  struct message {
    uint32_t key;
    uint32_t first; ///< of `rows`
    uint32_t count;
  };
  uint32_t input;
  event_batch events;
  std::vector<uint32_t> rows;
  std::vector<std::vector<message>> chunks;
};

/// Batches of a scenario over evenly drawn keys, each key's own rows in order; a row every
/// `between_rows`. One at a time: a router gets what has just been decoded, texts side by side, not
/// what lies cold in memory.
class batch_source {
public:
  /// @param of must outlive the source
  batch_source(const scenario& of, size_t keys);
  prepared_batch next();

private:
  const scenario& of_;
  size_t keys_;
  random_source random_{1};
  size_t made_ = 0;
  event_time at_;
};

/// Counts what comes out.
class counting_sink final : public change_sink, public emission_sink {
public:
  void upsert(std::span<const cell>, std::span<const cell>, event_time) override { ++rows; }
  void erase(std::span<const cell>, event_time) override { ++rows; }
  void emit(std::span<const cell>, event_time) override { ++rows; }
  size_t rows = 0;
};

/// The states of all keys, driven as a router drives them: what the next thousand rows touch is
/// asked for before the first of them is folded, and a key whose time has come is told before rows
/// that are younger. Not thread-safe.
class driver {
public:
  driver(const view& of, size_t keys);

  void fold(const prepared_batch& x);
  /// Bytes of all states.
  size_t memory() const;

  fold_counts counts;
  counting_sink sink;

private:
  fold_context surroundings();
  void set_timer(uint32_t key, event_time at);
  void advance_due();
  template <class Keys, class Call>
  void for_chunk(const Keys& keys, const Call& call);

  /// A key, its timer beside its state, as the engine's actors have it.
  struct key_state {
    std::unique_ptr<view_state> state;
    event_time wake_at = end_of_time;
  };

  const view& view_;
  std::vector<key_state> keys_;
  std::vector<std::vector<uint32_t>> due_; // keys by the slice of time in which they are due
  size_t past_ = 0;                        // slices gone through
  event_time watermark_ = beginning_of_time;
  arena scratch_;
};

} // namespace keyfold::bench
