#pragma once

#include "features/pattern/matcher.hpp"
#include "features/pattern/program.hpp"
#include "features/pattern/state.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::patterns {

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class pattern_view final : public view {
public:
  /// @pre `code` was made of `settings`
  pattern_view(pattern_settings settings, program code);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return "pattern"; }
  std::span<const std::string> inputs() const noexcept override { return {&settings_.stream, 1}; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return changes_; }
  std::span<const column> emissions() const noexcept override { return emissions_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  bool open() const noexcept override { return false; }

  std::unique_ptr<view_state> make_state() const override;
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
  class recorder;

  void name_values();
  void buffer(pattern_state& state, const event_batch& batch, uint32_t row,
              fold_context& context) const;
  uint64_t fitting(std::span<const cell> row, arena& scratch) const;
  void expire(pattern_state& state, fold_context& context) const;
  void report(const pattern_state& state, fold_context& context) const noexcept;
  event_time forgotten_at(const pattern_state& state) const noexcept;
  event_time ends_at(const partial_match& x) const noexcept;
  void publish(const pattern_state& state, change_sink& sink, arena& memory) const;
  feature_value feature_of(const pattern_state& state, uint32_t feature, event_time as_of) const;
  uint64_t partial_in(const pattern_state& state, uint16_t variable, event_time as_of) const;
  bool decode_into(pattern_state& state, byte_reader& in, arena& scratch) const;
  std::vector<node_ptr> decode_nodes(pattern_state& state, byte_reader& in, arena& scratch) const;
  bool decode_partial(pattern_state& state, std::span<const node_ptr> nodes, byte_reader& in) const;

  pattern_settings settings_;
  program code_;
  std::vector<data_type> measure_types_;
  std::vector<uint16_t> taking_; // variables that take rows: those not negated
  std::vector<feature_info> features_;
  change_schema changes_;
  std::vector<column> emissions_;
  std::string fingerprint_;
};

/// What a state written under the settings means; see `view::fingerprint`.
std::string fingerprint_of(const pattern_settings& settings, const program& code);

} // namespace keyfold::patterns
