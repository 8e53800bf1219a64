#pragma once

#include "features/entity.hpp"
#include "features/prefetch.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace keyfold {

/// An entity's definition with what its keys' states share. Immutable, shared by all keys and
/// threads.
class entity_layout {
public:
  explicit entity_layout(std::shared_ptr<const entity_definition> definition);

  const entity_definition& definition() const noexcept { return *definition_; }
  size_t view_count() const noexcept { return definition_->views.size(); }
  /// Hash of a view's name and fingerprint: marks the view's bytes in an encoded state.
  uint64_t view_identity(size_t view) const noexcept { return identities_[view]; }

private:
  std::shared_ptr<const entity_definition> definition_;
  std::vector<uint64_t> identities_;
};

/// What the folds of many keys of an entity share: each view's watermark, where its results go,
/// what is counted. All spans have one element per view of the entity.
struct fold_environment {
  std::span<const event_time> watermarks;
  std::span<change_sink* const>
      changes; ///< null: the view's changes are collected at the end of the epoch
  std::span<emission_sink* const> emissions; ///< null: nobody reads the view's derived stream
  std::span<fold_counts> counts;
  arena* scratch = nullptr; ///< cleared before each key
};

/// The states of all views of one key: a pure state machine of one pointer's size.
class entity_state {
public:
  entity_state() noexcept = default;
  entity_state(const entity_state&) = delete;
  entity_state& operator=(const entity_state&) = delete;
  ~entity_state() { clear(); }

  /// Folds rows that came in through input number `input` of the entity. Returns when `advance`
  /// must be called.
  event_time fold(const entity_layout& layout, uint32_t input, const event_batch& batch,
                  std::span<const uint32_t> rows, const fold_environment& environment);
  /// Tells all views their watermark. Returns when `advance` must be called next.
  event_time advance(const entity_layout& layout, const fold_environment& environment);
  /// Reads features; `out` has one element per element of `wanted`, whose views must be in
  /// ascending order.
  void read(const entity_layout& layout, event_time as_of, std::span<const feature_ref> wanted,
            std::span<feature_value> out, arena& memory) const;
  /// Reads all features of view number `view`.
  void read_all(const entity_layout& layout, uint32_t view, event_time as_of, arena& memory,
                feature_sink& sink) const;
  /// Hands each view's changes since the last call to its sink; views with a null sink are left
  /// alone.
  void collect_changes(const entity_layout& layout, std::span<const event_time> watermarks,
                       std::span<change_sink* const> sinks);
  void encode(const entity_layout& layout, std::string& out) const;
  /// Restores what `encode` wrote, also under another definition: states of views that are gone or
  /// have changed are left out. False, with an empty state, when the bytes are malformed. `wake_at`
  /// is when `advance` must be called.
  bool decode(const entity_layout& layout, std::string_view bytes,
              const fold_environment& environment, event_time& wake_at);
  /// No view keeps anything: the key may be forgotten.
  bool empty(const entity_layout& layout) const noexcept;
  /// Bytes on the heap.
  size_t memory(const entity_layout& layout) const noexcept;
  /// Asks the processor to load what the next call will read.
  void prefetch() const noexcept {
    prefetch_line(untagged());
    prefetch_line(static_cast<const char*>(untagged()) + cache_line_bytes);
  }
  /// The same for what the states point to; to be called when they have been loaded.
  void prefetch_parts(const entity_layout& layout) const noexcept;

private:
  static constexpr uintptr_t several = 1; // the pointer is to an array of pointers, one per view

  void* untagged() const noexcept { return reinterpret_cast<void*>(bits_ & ~several); }
  const view_state* at(size_t view) const noexcept;
  view_state& need(const entity_layout& layout, size_t view);
  void put(const entity_layout& layout, size_t view, std::unique_ptr<view_state> state);
  void clear() noexcept;

  uintptr_t bits_ = 0;
};

} // namespace keyfold
