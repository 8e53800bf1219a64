#pragma once

#include "messages/event_source.hpp"

#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace keyfold {

/// Dead letters of parts that are no sources, on their way to the next epoch: bad rows of tables,
/// and rows that an output's other side refuses. Thread-safe.
class dead_letter_queue {
public:
  /// Bytes that wait; a set of letters is taken whole where nothing waits.
  static constexpr size_t max_bytes = 16u << 20;

  /// Takes the letters, or leaves them where there is no room: to be offered again later.
  /// @param ticket out: what `in_ledger` is asked with, for those who must not go on before
  bool offer(std::vector<dead_letter>& letters, uint64_t* ticket = nullptr) {
    std::lock_guard guard{mutex_};
    auto size = size_of(letters);
    if (!waiting_.empty() && bytes_ + size > max_bytes)
      return false;
    bytes_ += size;
    std::move(letters.begin(), letters.end(), std::back_inserter(waiting_));
    letters.clear();
    ++offered_;
    if (ticket != nullptr)
      *ticket = offered_;
    return true;
  }
  /// Whether the letters of an `offer` are in the ledger: they outlive a crash.
  bool in_ledger(uint64_t ticket) const {
    std::lock_guard guard{mutex_};
    return committed_ >= ticket;
  }

  /// For the epoch that is being made: all that wait.
  std::vector<dead_letter> take() {
    std::lock_guard guard{mutex_};
    bytes_ = 0;
    taken_ = offered_;
    return std::exchange(waiting_, {});
  }
  /// The epoch is in the ledger.
  void committed() {
    std::lock_guard guard{mutex_};
    committed_ = taken_;
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
  uint64_t offered_ = 0;   // sets of letters
  uint64_t taken_ = 0;     // of those, into epochs
  uint64_t committed_ = 0; // of those, in the ledger
};

} // namespace keyfold
