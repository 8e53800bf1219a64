#pragma once

#include "connectors/formats/record_decoder.hpp"
#include "messages/event_source.hpp"
#include "messages/push.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace keyfold {

struct push_stream_settings {
  std::shared_ptr<const stream_schema> schema;
  size_t max_pending_rows = 100'000;           ///< pushed, but not polled
  size_t max_pending_bytes = size_t{64} << 20; ///< of their rows and dead letters
  size_t max_waiting_pushes = 10'000;          ///< durable ones that are not in the ledger yet
};

/// The rows pushed into one stream, between the threads that push and the one that polls.
/// Thread-safe. Every row has a sequence number, whatever becomes of it; the position of the
/// source is the next one.
class push_queue {
public:
  using callback = std::function<void(push_outcome)>;
  static constexpr size_t rows_per_poll = 4096;

  explicit push_queue(push_stream_settings settings);

  /// Takes rows, all or none: see `push_endpoint::push`. Rows that are no events are refused with a
  /// reason each, and go to the dead letters.
  void push(std::vector<std::string> rows, bool durable, callback done);

  /// Begins to take rows; the first has the number `progress.next`.
  void start(partition_progress progress);
  /// Waits up to `timeout` for rows; hands over up to `rows_per_poll`, in the order of pushing.
  source_poll poll(std::chrono::milliseconds timeout);
  /// All rows before the number `next` are in the ledger.
  void committed(int64_t next);
  void interrupt();
  /// Takes no more rows; pushes that wait for the ledger are told so.
  void stop();
  const std::string& stream() const noexcept { return settings_.schema->name; }
  const std::string& partition() const noexcept { return partition_; }

private:
  enum class phase : uint8_t { before, running, stopped };
  /// A push that waits for the ledger to hold the rows before `end`.
  struct waiting_push {
    int64_t end;
    push_outcome outcome;
    callback done;
  };
  /// Rows that one poll hands over.
  struct chunk {
    source_poll rows;
    int64_t end = 0; ///< number of the first row behind it
    event_time max_time = beginning_of_time;
    size_t bytes = 0; ///< in dead letters
  };

  bool has_room(size_t rows) const;
  void take(const std::string& row, size_t place, push_outcome& outcome);
  void seal();

  push_stream_settings settings_;
  std::string partition_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  phase phase_ = phase::before;
  bool interrupted_ = false;
  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder open_rows_;
  chunk open_;
  std::deque<chunk> sealed_;
  size_t sealed_bytes_ = 0;
  uint64_t pending_rows_ = 0;
  int64_t next_ = 0;
  event_time max_time_ = beginning_of_time; ///< of what has been polled
  std::deque<waiting_push> waiting_;        ///< in the order of `end`
};

} // namespace keyfold
