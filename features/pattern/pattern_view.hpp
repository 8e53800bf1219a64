#pragma once

#include "features/pattern/matcher.hpp"
#include "features/pattern/program.hpp"
#include "features/pattern/state.hpp"
#include "features/prefetch.hpp"
#include "features/view_of.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::patterns {

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class pattern_view {
public:
  using state_type = pattern_state;

  /// @pre `code` was made of `settings`
  pattern_view(pattern_settings settings, program code);

  const view_description& description() const noexcept { return about_; }
  std::unique_ptr<state_type> make_state() const;
  void fold(state_type& own, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const;
  void advance(state_type& own, fold_context& context) const;
  void report(const state_type& own, fold_context& context) const;
  void read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const;
  void collect_changes(state_type& own, event_time watermark, change_sink& sink) const;
  void encode(const state_type& own, byte_writer& out) const;
  std::unique_ptr<state_type> decode(byte_reader& in, arena& scratch) const;
  bool empty(const state_type& own) const noexcept;
  void prefetch(const state_type& own) const noexcept {
    own.waiting.prefetch();
    // A row that waits is mostly the next thing to be matched; one to come will wait.
    if (own.waiting.empty())
      return;
    prefetch_line(&own.newest); // the end of the state
    prefetch_lines(own.partial.data(),
                   std::min<size_t>(own.partial.size(), looked_at) * sizeof(partial_match));
  }
  size_t memory(const state_type& own) const noexcept;

private:
  class recorder;

  static constexpr size_t looked_at = 16; // partial matches, mostly

  void name_values();
  void buffer(pattern_state& state, std::span<const cell> row, event_time at,
              fold_context& context) const;
  uint64_t fitting(std::span<const cell> row, arena& scratch) const;
  void expire(pattern_state& state, fold_context& context) const;
  event_time forgotten_at(const pattern_state& state) const noexcept;
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
  view_description about_;
};

/// What a state written under the settings means; see `view::fingerprint`.
std::string fingerprint_of(const pattern_settings& settings, const program& code);

} // namespace keyfold::patterns
