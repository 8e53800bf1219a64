#pragma once

#include "features/pattern/program.hpp"
#include "features/pattern/state.hpp"

#include <boost/container/small_vector.hpp>

#include <vector>

namespace keyfold::patterns {

/// Receives the matches of a key in the order in which they are decided.
class match_sink {
public:
  virtual ~match_sink() = default;
  /// @param rows the rows of the match, in order
  /// @param at when it was decided: the time of its last row or a later one, or when `within` ended
  virtual void on_match(std::span<const match_node* const> rows, event_time at) = 0;
};

/// When a partial match that began at `started` has lasted too long.
event_time deadline_of(const pattern_settings& settings, event_time started) noexcept;

/// Runs the rows of one key through a pattern, during one call of its view.
class matcher {
public:
  matcher(const program& code, const pattern_settings& settings, pattern_state& state,
          fold_counts& counts, arena& scratch, match_sink& sink)
      : code_(code), settings_(settings), state_(state), counts_(counts), scratch_(scratch),
        sink_(sink) {}

  /// The next row in the order of times.
  /// @param fitting the conditions whose first half it fits
  /// @param cells the columns kept; they need live only during the call
  void take(event_time at, uint64_t fitting, std::span<const cell> cells);
  /// Time has come to `at`: ends partial matches that began too long ago.
  void expire(event_time at);
  /// No more rows come.
  void finish();

private:
  using partial_matches = boost::container::small_vector<partial_match, 8>;

  bool skips() const noexcept { return settings_.after != pattern_settings::skip::none; }
  event_time deadline(const partial_match& x) const noexcept {
    return deadline_of(settings_, x.started);
  }
  compact_vector<partial_match>::iterator pass_heedless();
  bool fits(uint16_t condition, const match_node* taken);
  bool evaluate(const condition& x, const match_node* taken);
  void advance(partial_match& x, partial_matches& next);
  bool ended(const edge& way, bool fresh, const match_node* taken);
  bool kept_out(const edge& way, const match_node* taken);
  void take_edge(const partial_match& from, const edge& way, partial_matches& next);
  const row_ptr& lasting_row();
  bool superfluous(const partial_match& x, const partial_matches& next) const;
  void begin(partial_matches& next);
  void end_silently(const partial_match& x);
  void complete(node_ptr last, uint64_t start);
  void resolve(event_time at);
  bool decided(const complete_match& x) const noexcept;
  void publish(const match_node* last, event_time at);
  void prune(std::span<const match_node* const> rows);
  void keep_bounds();

  const program& code_;
  const pattern_settings& settings_;
  pattern_state& state_;
  fold_counts& counts_;
  arena& scratch_;
  match_sink& sink_;

  event_time at_ = beginning_of_time; // of the row in question
  std::span<const cell> row_;         // its columns kept
  row_ptr lasting_;                   // the same, once a match has taken it
  uint64_t bits_ = 0;                 // conditions whose first half the row fits
  uint64_t sequence_ = 0;             // of the row
  uint64_t cut_ = ~uint64_t{0}; // less preferred matches that begin with this row are not wanted
  boost::container::small_vector<const match_node*, 16> rows_;
};

} // namespace keyfold::patterns
