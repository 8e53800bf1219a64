#pragma once

#include "messages/event_source.hpp"

#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace keyfold {

/// Dead letters of parts that are no sources, on their way to the next epoch: bad rows of tables.
/// Thread-safe.
class dead_letter_queue {
public:
  /// Bytes that wait; a set of letters is taken whole where nothing waits.
  static constexpr size_t max_bytes = 16u << 20;

  /// Takes the letters, or leaves them where there is no room: to be offered again later.
  bool offer(std::vector<dead_letter>& letters) {
    std::lock_guard guard{mutex_};
    auto size = size_of(letters);
    if (!waiting_.empty() && bytes_ + size > max_bytes)
      return false;
    bytes_ += size;
    std::move(letters.begin(), letters.end(), std::back_inserter(waiting_));
    letters.clear();
    return true;
  }
  std::vector<dead_letter> take() {
    std::lock_guard guard{mutex_};
    bytes_ = 0;
    return std::exchange(waiting_, {});
  }
  bool empty() const {
    std::lock_guard guard{mutex_};
    return waiting_.empty();
  }

private:
  static size_t size_of(const std::vector<dead_letter>& letters) {
    size_t sum = 0;
    for (const auto& x : letters)
      sum += sizeof x + x.place.size() + x.reason.size() + x.payload.size();
    return sum;
  }

  mutable std::mutex mutex_;
  std::vector<dead_letter> waiting_;
  size_t bytes_ = 0;
};

} // namespace keyfold
