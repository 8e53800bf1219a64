#pragma once

#include "features/decayed_counters.hpp"
#include "features/decayed_counters/entries.hpp"
#include "features/decayed_counters/groups.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace keyfold::counters {

/// The most measures, and the most decays, of a view.
inline constexpr size_t max_measures = 32;
inline constexpr size_t max_decays = 32;

/// The layouts of a view's blocks.
struct state_layout {
  entry_layout groups;     ///< with a start where the view has a time to live
  entry_layout windows;    ///< with a start; a sum per measure
  uint32_t groups_beside;  ///< groups that every state has room for beside itself
  uint32_t windows_beside; ///< and windows
};

/// The state of one key: its groups, and the open windows of its groups. The first of them lie
/// right behind the object: a key with few of them is one allocation and as few cache lines as can
/// be.
class counters_state : public view_state {
public:
  /// A state of a view, of the class that the layout needs.
  static std::unique_ptr<counters_state> make(const std::shared_ptr<const state_layout>& layout);
  /// Bytes of a new state.
  static size_t size_of(const state_layout& layout) noexcept;
  /// Of those, the bytes behind the object.
  static size_t size_beside(const state_layout& layout) noexcept {
    return entry_block::room_for(layout.groups, layout.groups_beside)
           + entry_block::room_for(layout.windows, layout.windows_beside);
  }

  static void* operator new(size_t size, size_t beside) { return ::operator new(size + beside); }
  static void operator delete(void* state, size_t) noexcept { ::operator delete(state); }
  static void operator delete(void* state) noexcept { ::operator delete(state); }

  entry_block groups;
  entry_block windows;

protected:
  counters_state(void* beside, const state_layout& layout) noexcept
      : groups(beside, layout.groups_beside),
        windows(static_cast<char*>(beside)
                    + entry_block::room_for(layout.groups, layout.groups_beside),
                layout.windows_beside) {}
};

/// A state whose entries own no memory.
class plain_counters_state final : public counters_state {
public:
  explicit plain_counters_state(const state_layout& layout) noexcept
      : counters_state(this + 1, layout) {}
};

/// A state whose entries own memory: it must know their layout to free it.
class owning_counters_state final : public counters_state {
public:
  explicit owning_counters_state(std::shared_ptr<const state_layout> layout) noexcept
      : counters_state(this + 1, *layout), layout_(std::move(layout)) {}
  ~owning_counters_state() override {
    groups.clear(layout_->groups);
    windows.clear(layout_->windows);
  }

private:
  std::shared_ptr<const state_layout> layout_;
};

/// The names that follow from the settings, and where the values behind them are.
struct counter_names {
  /// Where a feature's value comes from.
  struct place {
    enum class source : uint8_t { sum, distinct, ratio };
    source from = source::sum;
    uint32_t group = 0;  ///< the number of a group of a closed set
    uint32_t number = 0; ///< of the sum or distinct among a group's; of the ratio
    uint32_t decay = 0;
  };
  /// What every group has: the end of the features' names, or a column.
  struct value {
    std::string name;
    place where;
  };

  explicit counter_names(const decayed_counters_settings& settings, const group_directory& groups);

  std::vector<value> values;          ///< of a group, in the order of the measures
  std::vector<feature_info> features; ///< those known beforehand
  std::vector<place> feature_places;  ///< of `features`
};

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class decayed_counters final : public view {
public:
  /// @pre `settings` have been checked
  explicit decayed_counters(decayed_counters_settings settings);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return "decayed_counters"; }
  std::span<const std::string> inputs() const noexcept override { return inputs_; }
  std::span<const feature_info> features() const noexcept override { return names_.features; }
  const change_schema& changes() const noexcept override { return changes_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  bool open() const noexcept override { return !groups_.closed(); }

  std::unique_ptr<view_state> make_state() const override;
  void prefetch(const view_state& state) const noexcept override {
    const auto& own = static_cast<const counters_state&>(state);
    own.groups.prefetch();
    own.windows.prefetch();
  }
  void fold(view_state& state, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const override;
  void advance(view_state& state, fold_context& context) const override;
  void read(const view_state& state, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const override;
  void read_all(const view_state& state, event_time as_of, arena& memory,
                feature_sink& sink) const override;
  void collect_changes(view_state& state, event_time watermark, change_sink& sink) const override;
  void encode(const view_state& state, byte_writer& out) const override;
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override;
  bool empty(const view_state& state) const noexcept override;
  size_t memory(const view_state& state) const noexcept override;

private:
  /// What one row, or one window, adds to a group.
  struct contribution {
    event_time at;
    std::span<const double> weights;
    std::span<const uint64_t> hashes; ///< one per distinct measure, or none
    uint32_t has_hash = 0;            ///< bit i: `hashes[i]` counts
  };
  /// Room for the contribution of a row.
  struct row_values {
    std::array<double, max_measures> weights;
    std::array<uint64_t, max_measures> hashes;
    uint32_t has_hash = 0;
    std::string text; ///< of the group, where it has to be put together
  };
  /// A group as a reader sees it, open windows included.
  struct reading {
    event_time newest = beginning_of_time;
    const double* sums = nullptr;   ///< decayed to `newest`
    std::span<const entry> entries; ///< that are in it
  };

  // Folding: fold.cpp
  void fold_row(counters_state& state, uint32_t input, std::span<const cell> row, event_time at,
                row_values& values, fold_context& context) const;
  bool weigh(uint32_t input, std::span<const cell> row, row_values& values,
             fold_context& context) const;
  bool is_late(event_time at, event_time watermark) const noexcept;
  bool fold_into_group(counters_state& state, const group_ref& group, const contribution& x,
                       fold_context& context) const;
  bool fold_into_window(counters_state& state, const group_ref& group, const contribution& x,
                        fold_context& context) const;
  bool room_for_group(const counters_state& state, const group_ref& group) const noexcept;
  void add_distinct(const entry& to, const contribution& x) const;
  void report(counters_state& state, fold_context& context) const noexcept;

  // Groups and the silences that end them: lifetime.cpp
  std::optional<uint32_t> place_of(entry_block& block, const group_ref& group, event_time at,
                                   event_time watermark, bool bounded, fold_counts& counts) const;
  std::optional<uint32_t> place_after_silence(entry_block& block, const group_ref& group,
                                              event_time at, event_time watermark, bool bounded,
                                              fold_counts& counts) const;
  unsigned forget_ended(entry_block& block, const group_ref& group, event_time watermark,
                        fold_counts& counts) const;
  uint32_t join(entry_block& block, uint32_t first, uint32_t last) const;
  bool joins(const entry& x, event_time at) const noexcept;
  event_time ends_at(event_time newest) const noexcept;
  event_time known_ended_at(event_time newest) const noexcept;
  event_time window_start(event_time at) const noexcept;
  event_time fires_at(event_time start) const noexcept;
  void fire_windows(counters_state& state, fold_context& context) const;
  void fire(counters_state& state, const entry& window, fold_context& context) const;
  void expire(counters_state& state, fold_context& context) const;
  void set_wakes(counters_state& state) const noexcept;

  // What outputs are told: changes.cpp
  void touch(const entry_block& block, uint32_t place, fold_context& context) const;
  void publish(const entry& x, change_sink& sink, arena& memory) const;

  // Reading: read.cpp
  std::optional<reading> resolve(const counters_state& state, const group_ref& group,
                                 arena& memory) const;
  reading sum_up(std::span<entry> entries, arena& memory) const;
  bool live(event_time newest, event_time as_of) const noexcept;
  bool any_live(const counters_state& state, event_time as_of) const noexcept;
  /// Nothing where the group is not to be counted as zero.
  std::optional<double> number_in(const std::optional<reading>& x,
                                  const counter_names::place& where, event_time as_of) const;
  feature_value feature_of(const counters_state& state, const std::optional<reading>& x,
                           const counter_names::place& where, event_time as_of) const;
  feature_value ratio_of(const counters_state& state, const counter_names::place& where,
                         event_time as_of, arena& memory) const;
  void read_open_groups(const counters_state& state, event_time as_of, arena& memory,
                        feature_sink& sink) const;

  // State as bytes: codec.cpp
  void encode_ref(const entry& x, byte_writer& out) const;
  void encode_values(const entry& x, byte_writer& out) const;
  bool decode_group(entry_block& block, byte_reader& in) const;
  bool decode_window(entry_block& block, byte_reader& in) const;
  std::optional<group_ref> decode_ref(byte_reader& in) const;
  bool decode_values(const entry& x, byte_reader& in) const;

  /// An operand of a ratio, found.
  struct operand_place {
    group_ref group;
    counter_names::place where; // without the decay
  };
  struct ratio_places {
    operand_place numerator;
    operand_place denominator;
  };

  decayed_counters_settings settings_;
  std::vector<std::string> inputs_;
  group_directory groups_;
  counter_names names_;
  std::vector<decay_rate> rates_;
  uint32_t sums_ = 0;                  // measures that decay
  std::vector<uint32_t> exact_bounds_; // of the others
  std::vector<ratio_places> ratios_;
  std::shared_ptr<const state_layout> layout_;
  change_schema changes_;
  std::string fingerprint_;
  uint32_t max_entries_;
};

/// Whether the entry is the last one of its group.
bool newest_of_group(const entry_layout& layout, const entry_block& block, uint32_t place) noexcept;

/// What is wrong with the settings, if anything: a sentence that names the view and the place.
std::optional<error> problem_in(const decayed_counters_settings& settings);

/// What a state written under the settings means; see `view::fingerprint`.
std::string fingerprint_of(const decayed_counters_settings& settings);

} // namespace keyfold::counters
