#pragma once

#include "features/result.hpp"
#include "messages/dead_letter_queue.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace keyfold {

/// The rows of an output that its other side refuses, on their way to the dead letters. For one
/// thread but for `interrupt`.
class letter_box {
public:
  explicit letter_box(std::shared_ptr<dead_letter_queue> queue) : queue_(std::move(queue)) {}

  /// @param x its payload is cut to what a dead letter may have
  void add(dead_letter x) {
    constexpr size_t max_payload_bytes = 64u << 10;
    if (x.payload.size() > max_payload_bytes)
      x.payload.resize(max_payload_bytes);
    held_.push_back(std::move(x));
  }
  size_t held() const noexcept { return held_.size(); }
  /// Forgets those that are not handed over.
  void clear() noexcept { held_.clear(); }

  /// Gives them to the next epoch; waits while it has no room. An error: interrupted.
  result<void> hand_over() {
    while (!held_.empty()) {
      uint64_t ticket = 0;
      if (queue_->offer(held_, &ticket))
        awaited_ = ticket;
      else if (interrupted_)
        return fail("interrupted");
      else
        std::this_thread::sleep_for(pause);
    }
    return {};
  }
  /// Waits until all are in the ledger: an epoch counts as published only once the letters it made
  /// outlive a crash. An error: interrupted.
  result<void> settle() {
    if (auto given = hand_over(); !given)
      return given;
    while (awaited_ && !queue_->in_ledger(*awaited_)) {
      if (interrupted_)
        return fail("interrupted");
      std::this_thread::sleep_for(pause);
    }
    awaited_.reset();
    return {};
  }
  void interrupt() noexcept { interrupted_ = true; }

private:
  static constexpr std::chrono::milliseconds pause{20};

  std::shared_ptr<dead_letter_queue> queue_;
  std::vector<dead_letter> held_;
  std::optional<uint64_t> awaited_; // the ticket of the newest that are not in the ledger yet
  std::atomic<bool> interrupted_ = false;
};

} // namespace keyfold
