#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace keyfold {

/// Flow control by credit: what has been read but not folded is counted and bounded, and sources
/// can be held at an epoch's edge. Thread-safe.
///
/// Readers call `enter` before each poll and `admit` for what the poll brought; routers call
/// `release` when it is folded; the epoch coordinator closes the gate, waits until nothing is in
/// flight, and opens it.
class flow_gate {
public:
  explicit flow_gate(uint64_t most_in_flight) : most_in_flight_(most_in_flight) {}

  enum class entry : uint8_t { go, held, stopping };

  /// For a reader: may it poll? Waits up to `patience` while credit is used up.
  entry enter(std::chrono::milliseconds patience);
  /// For a reader that was told `held`: waits until the gate opens, or `patience` is over.
  void await_open(std::chrono::milliseconds patience);
  /// Counts `credit` as in flight.
  void admit(uint64_t credit);
  void release(uint64_t credit);

  /// Readers hold from their next `enter` on; those that hold already learn of a new closing.
  void close();
  void open();
  /// Calls `drained` once nothing is in flight: at once or from the thread that releases last. One
  /// at a time.
  void when_drained(std::function<void()> drained);
  bool closed() const;
  /// How often the gate has been closed: the number of the present closing while it is closed.
  uint64_t closing() const;
  /// Readers leave.
  void stop();

  uint64_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  /// All that was ever counted.
  uint64_t admitted() const noexcept { return admitted_.load(std::memory_order_relaxed); }
  uint64_t most_in_flight() const noexcept { return most_in_flight_; }
  /// How often a reader found the credit used up.
  uint64_t stalls() const noexcept { return stalls_.load(std::memory_order_relaxed); }

private:
  const uint64_t most_in_flight_;
  std::atomic<uint64_t> in_flight_{0};
  std::atomic<uint64_t> admitted_{0};
  std::atomic<uint64_t> stalls_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  uint64_t closings_ = 0;
  bool stopping_ = false;
  std::function<void()> drained_;
};

} // namespace keyfold
