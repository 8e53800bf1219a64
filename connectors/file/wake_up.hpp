#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace keyfold {

/// A sleep that another thread can end. Thread-safe.
class wake_up {
public:
  /// Sleeps for `time` or until `notify`, also one that came before. Returns whether one came.
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock guard{mutex_};
    notified_.wait_for(guard, time, [this] { return pending_; });
    return std::exchange(pending_, false);
  }
  void notify() noexcept {
    {
      std::lock_guard guard{mutex_};
      pending_ = true;
    }
    notified_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable notified_;
  bool pending_ = false;
};

} // namespace keyfold
