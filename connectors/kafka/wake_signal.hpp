#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace keyfold::kafka {

/// Wakes one waiting thread; a signal given while nobody waits is kept. Thread-safe.
class wake_signal {
public:
  void notify() noexcept {
    {
      std::lock_guard guard{mutex_};
      raised_ = true;
    }
    condition_.notify_one();
  }
  /// True if there was a signal since the last wait, or until `deadline` there is one.
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock{mutex_};
    auto woken = condition_.wait_until(lock, deadline, [this] { return raised_; });
    raised_ = false;
    return woken;
  }

private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool raised_ = false;
};

} // namespace keyfold::kafka
