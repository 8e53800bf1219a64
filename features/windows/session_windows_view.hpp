#pragma once

#include "features/prefetch.hpp"
#include "features/view_of.hpp"
#include "features/windows/bucket_block.hpp"
#include "features/windows/publication.hpp"
#include "features/windows/session_windows.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// The state of one key: its open sessions, in a block whose numbers are the microseconds of their
/// first rows, and the last one that ended.
struct session_windows_state final : public view_state {
  explicit session_windows_state(std::shared_ptr<const aggregate_set> set) noexcept
      : sessions(std::move(set)) {}

  event_time start(uint32_t place) const noexcept {
    return event_time{duration{sessions.number(place)}};
  }

  bucket_block sessions;
  std::string last;                       ///< the last row published, packed
  event_time last_at = beginning_of_time; ///< when it ended
  std::unique_ptr<std::string> carried;   ///< the columns carried, packed
  bool changed = false;                   ///< since changes were collected
};

/// The machine of the view. A state is of one key and used by one thread at a time; the machine is
/// shared.
class session_windows {
public:
  using state_type = session_windows_state;

  session_windows(session_windows_settings settings, aggregate_set set, publication rows);

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
    own.sessions.prefetch();
    prefetch_line(own.last.data());
  }
  size_t memory(const state_type& own) const noexcept;

private:
  void fold_row(state_type& state, std::span<const cell> row, event_time at,
                fold_context& context) const;
  std::optional<uint32_t> place_for(state_type& state, event_time at, bool late,
                                    fold_context& context) const;
  void close(state_type& state, fold_context& context) const;
  event_time ends_at(const state_type& state, uint32_t place) const noexcept {
    return later(state.sessions.newest(place), settings_.gap);
  }
  std::span<cell> session_row(const state_type& state, uint32_t place, arena& memory) const;

  session_windows_settings settings_;
  std::shared_ptr<const aggregate_set> set_;
  publication rows_;
  view_description about_;
};

} // namespace keyfold::windows
