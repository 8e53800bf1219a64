#pragma once

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

/// The view. A state is of one key and used by one thread at a time; the view is shared.
class session_windows final : public view {
public:
  session_windows(session_windows_settings settings, aggregate_set set, publication rows);

  const std::string& name() const noexcept override { return settings_.name; }
  std::string_view kind() const noexcept override { return "session_window"; }
  std::span<const std::string> inputs() const noexcept override { return {&settings_.stream, 1}; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return rows_.changes(); }
  std::span<const column> emissions() const noexcept override { return rows_.emissions(); }
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
  using state_type = session_windows_state;

  void fold_row(state_type& state, std::span<const cell> row, event_time at,
                aggregate_set::row_values& values, fold_context& context) const;
  std::optional<uint32_t> place_for(state_type& state, event_time at, bool late,
                                    fold_context& context) const;
  void close(state_type& state, fold_context& context) const;
  event_time ends_at(const state_type& state, uint32_t place) const noexcept {
    return later(state.sessions.newest(place), settings_.gap);
  }
  std::span<cell> session_row(const state_type& state, uint32_t place, arena& memory) const;
  void wake(const state_type& state, fold_context& context) const;

  session_windows_settings settings_;
  std::shared_ptr<const aggregate_set> set_;
  publication rows_;
  std::vector<feature_info> features_; // of the last session ended, then of the open one
  std::string fingerprint_;
};

} // namespace keyfold::windows
