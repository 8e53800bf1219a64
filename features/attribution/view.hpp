#pragma once

#include "features/attribution.hpp"
#include "features/attribution/touch_list.hpp"
#include "features/prefetch.hpp"
#include "features/rows/packed_rows.hpp"
#include "features/view_of.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace keyfold::attributing {

/// The state of one key: the touches that a conversion may still be owed to, by time, and the
/// conversions that wait for the watermark. Both as bytes: what is to match, then the columns.
struct attribution_state final : view_state {
  touch_list touches; ///< the tag is the hash of what is to match
  packed_rows waiting;
  event_time reduced_until = beginning_of_time; ///< touches up to here are only those needed
};

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class attribution_view {
public:
  using state_type = attribution_state;

  /// @pre `settings` have been checked
  explicit attribution_view(attribution_settings settings);

  const view_description& description() const noexcept { return about_; }
  std::unique_ptr<state_type> make_state() const { return std::make_unique<state_type>(); }
  void fold(state_type& own, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const;
  void advance(state_type& own, fold_context& context) const;
  void report(const state_type& own, fold_context& context) const;
  void read(const state_type&, event_time, std::span<const uint32_t>, std::span<feature_value>,
            arena&) const {}
  void collect_changes(state_type&, event_time, change_sink&) const {}
  void encode(const state_type& own, byte_writer& out) const;
  std::unique_ptr<state_type> decode(byte_reader& in, arena& scratch) const;
  bool empty(const state_type& own) const noexcept;
  void prefetch(const state_type& own) const noexcept {
    own.touches.prefetch();
    own.waiting.prefetch();
    prefetch_line(&own.reduced_until); // the end of the state
  }
  size_t memory(const state_type& own) const noexcept;

private:
  /// A touch that a conversion is owed to, and how much of it.
  struct credited {
    size_t touch; ///< its place among the touches
    double weight;
  };

  void fold_touch(attribution_state& state, std::span<const cell> row, event_time at,
                  std::string& match, fold_context& context) const;
  void fold_conversion(attribution_state& state, std::span<const cell> row, event_time at,
                       std::string& match, fold_context& context) const;
  bool accepts_late(event_time at, fold_context& context) const;
  void decide_first(attribution_state& state, fold_context& context) const;
  void decide(const attribution_state& state, const packed_rows::row& conversion,
              fold_context& context) const;
  std::span<credited> credit(const attribution_state& state, const packed_rows::row& conversion,
                             arena& memory) const;
  void share(const packed_rows& touches, std::span<credited> out) const;
  void deliver(std::span<const cell> row, event_time at, fold_context& context) const;
  void tidy(attribution_state& state, event_time watermark) const;
  void reduce(attribution_state& state, event_time watermark) const;
  bool single() const noexcept;
  bool sound(const packed_rows::row& x, const attribution_settings::role& of) const;

  attribution_settings settings_;
  std::vector<uint32_t> group_;  // places among the emitted columns of what identifies a row
  std::vector<uint32_t> values_; // of the others
  view_description about_;
};

/// What is wrong with the settings, if anything: a sentence that names the view and the place.
std::optional<error> problem_in(const attribution_settings& settings);

/// The columns of the rows a view with these settings emits.
std::vector<column> emitted_by(const attribution_settings& settings);

/// What a state written under the settings means; see `view::fingerprint`.
std::string fingerprint_of(const attribution_settings& settings);

} // namespace keyfold::attributing
