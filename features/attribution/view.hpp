#pragma once

#include "features/attribution.hpp"
#include "features/rows/packed_rows.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace keyfold::attributing {

/// The state of one key: the touches that a conversion may still be owed to, by time, and the
/// conversions that wait for the watermark. Both as bytes: what is to match, then the columns.
struct attribution_state final : view_state {
  packed_rows touches; ///< the tag is the hash of what is to match
  packed_rows waiting;
  event_time reduced_until = beginning_of_time; ///< touches up to here are only those needed
};

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class attribution_view final : public view {
public:
  /// @pre `settings` have been checked
  explicit attribution_view(attribution_settings settings);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return "attribution"; }
  std::span<const std::string> inputs() const noexcept override { return inputs_; }
  std::span<const feature_info> features() const noexcept override { return {}; }
  const change_schema& changes() const noexcept override { return changes_; }
  std::span<const column> emissions() const noexcept override { return emissions_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  bool open() const noexcept override { return false; }
  bool changes_at_once() const noexcept override { return true; }
  std::unique_ptr<view_state> make_state() const override {
    return std::make_unique<attribution_state>();
  }

  void fold(view_state& state, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const override;
  void advance(view_state& state, fold_context& context) const override;
  void read(const view_state&, event_time, std::span<const uint32_t>, std::span<feature_value>,
            arena&) const override {}
  void read_all(const view_state&, event_time, arena&, feature_sink&) const override {}
  void collect_changes(view_state&, event_time, change_sink&) const override {}
  void encode(const view_state& state, byte_writer& out) const override;
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override;
  bool empty(const view_state& state) const noexcept override;
  size_t memory(const view_state& state) const noexcept override;

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
  void report(const attribution_state& state, fold_context& context) const noexcept;
  bool single() const noexcept;
  bool sound(const packed_rows::row& x, const attribution_settings::role& of) const;

  attribution_settings settings_;
  std::vector<std::string> inputs_;
  std::vector<column> emissions_;
  std::vector<uint32_t> group_;  // places among the emitted columns of what identifies a row
  std::vector<uint32_t> values_; // of the others
  change_schema changes_;
  std::string fingerprint_;
};

/// What is wrong with the settings, if anything: a sentence that names the view and the place.
std::optional<error> problem_in(const attribution_settings& settings);

/// The columns of the rows a view with these settings emits.
std::vector<column> emitted_by(const attribution_settings& settings);

/// What a state written under the settings means; see `view::fingerprint`.
std::string fingerprint_of(const attribution_settings& settings);

} // namespace keyfold::attributing
