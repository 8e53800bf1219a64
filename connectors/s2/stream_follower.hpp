#pragma once

#include "connectors/common/backoff.hpp"
#include "connectors/common/problem_board.hpp"
#include "connectors/http_client/event_stream.hpp"
#include "connectors/http_client/http_transfers.hpp"
#include "connectors/s2/answers.hpp"
#include "connectors/s2/s2_source.hpp"
#include "connectors/s2/source_metrics.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace keyfold::s2 {

/// What the followers of one source share.
struct following {
  std::string owner; ///< for messages
  const source_settings& settings;
  basin_requests requests;
  http_transfers& transfers;
  problem_board& problems;
  source_metrics& metrics;
};

/// Reads one stream: finds where to begin, follows it from there, and connects again after whatever
/// breaks. Never blocks.
class stream_follower {
public:
  using clock = std::chrono::steady_clock;

  /// @param known where the ledger says to go on, or null
  /// @param from_first begin at the first record although the definition says at the tail: the
  /// stream was made after the source had begun
  stream_follower(following& with, std::string name, const partition_progress* known,
                  bool from_first);

  /// Does what can be done without waiting.
  /// @param waiting_bytes of the answer that may wait to be taken
  void advance(clock::time_point now, size_t waiting_bytes);
  /// The next record, or null when none is there now. Valid until `pass` or `advance`.
  const read_batch::record* peek();
  /// The batch that the record is of.
  const read_batch& batch() const noexcept { return batch_; }
  /// Moves behind the record that `peek` gave. @param newest event time of what was read
  void pass(event_time newest, clock::time_point now);

  const std::string& name() const noexcept { return name_; }
  event_time max_time() const noexcept { return max_time_; }
  bool ended() const noexcept { return ended_; }
  bool caught_up() const noexcept { return caught_up_; }
  /// When it last delivered anything.
  clock::time_point heard_at() const noexcept { return heard_at_; }
  /// Since when it has been read without a failure, or has failed all the time; one of both.
  std::optional<clock::time_point> healthy_since() const noexcept { return healthy_since_; }
  std::optional<clock::time_point> failing_since() const noexcept { return failing_since_; }
  /// The service does not know the stream.
  bool missing() const noexcept { return missing_; }
  /// The sentence that ends reading; empty: none.
  const std::string& fatal() const noexcept { return fatal_; }
  /// What the ledger is to keep.
  std::optional<partition_progress> progress() const;
  /// Whether `progress` has changed since the last call.
  bool take_moved() noexcept { return std::exchange(moved_, false); }
  size_t memory() const noexcept;

private:
  enum class phase : uint8_t { resting, asking_tail, asking_start, following };

  void begin(phase what, http_exchange_request request, const http_transfer_limits& limits);
  void follow(size_t waiting_bytes);
  void on_tail(clock::time_point now);
  void on_start(clock::time_point now);
  void on_position();
  void ask_start();
  void on_gone(const std::string& what, std::optional<int64_t> first);
  void on_trimmed(int64_t first);
  void read_events(clock::time_point now);
  void on_event(clock::time_point now);
  void on_batch(clock::time_point now);
  void see_tail(int64_t tail);
  void finish();
  void on_end(clock::time_point now);
  void failed(clock::time_point now, std::string why);
  void rest(clock::time_point now, std::chrono::seconds asked_for);
  void works(clock::time_point now);

  following& with_;
  std::string name_;
  std::string subject_; ///< of the problem board
  source_settings::start start_;
  std::optional<int64_t> next_; ///< the first number not read
  std::optional<int64_t> end_;  ///< of a bounded source: the first number not wanted
  std::optional<int64_t> tail_; ///< as far as is known
  event_time max_time_ = beginning_of_time;
  bool ended_ = false;
  bool caught_up_ = false;
  bool moved_ = false;
  bool missing_ = false;
  std::string fatal_;

  phase phase_ = phase::resting;
  clock::time_point retry_at_{};
  backoff backoff_;
  std::unique_ptr<http_transfer> transfer_;
  event_stream_parser parser_;
  server_event event_;
  read_batch batch_;
  size_t at_ = 0; ///< in it: the first record not passed
  clock::time_point heard_at_;
  std::optional<clock::time_point> healthy_since_;
  std::optional<clock::time_point> failing_since_;
};

} // namespace keyfold::s2
