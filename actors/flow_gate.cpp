#include "actors/flow_gate.hpp"

#include <utility>

namespace keyfold {

flow_gate::entry flow_gate::enter(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  auto has_credit = [this] { return in_flight_.load() < most_in_flight_; };
  if (!has_credit() && !closed_ && !stopping_) {
    stalls_.fetch_add(1, std::memory_order_relaxed);
    changed_.wait_for(guard, patience, [&] { return has_credit() || closed_ || stopping_; });
  }
  if (stopping_)
    return entry::stopping;
  return closed_ || !has_credit() ? entry::held : entry::go;
}

void flow_gate::await_open(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  changed_.wait_for(guard, patience, [this] { return !closed_ || stopping_; });
}

void flow_gate::admit(uint64_t credit) {
  in_flight_.fetch_add(credit);
  admitted_.fetch_add(credit, std::memory_order_relaxed);
}

void flow_gate::release(uint64_t credit) {
  auto before = in_flight_.fetch_sub(credit);
  auto crossed = before >= most_in_flight_ && before - credit < most_in_flight_;
  if (!crossed && before != credit)
    return;
  std::function<void()> drained;
  {
    std::lock_guard guard{mutex_};
    if (in_flight_.load() == 0)
      drained = std::exchange(drained_, nullptr);
  }
  changed_.notify_all();
  if (drained)
    drained();
}

void flow_gate::close() {
  {
    std::lock_guard guard{mutex_};
    closed_ = true;
    ++closings_;
  }
  changed_.notify_all();
}

bool flow_gate::closed() const {
  std::lock_guard guard{mutex_};
  return closed_;
}

uint64_t flow_gate::closing() const {
  std::lock_guard guard{mutex_};
  return closings_;
}

void flow_gate::open() {
  {
    std::lock_guard guard{mutex_};
    closed_ = false;
  }
  changed_.notify_all();
}

void flow_gate::when_drained(std::function<void()> drained) {
  {
    std::lock_guard guard{mutex_};
    if (in_flight_.load() != 0) {
      drained_ = std::move(drained);
      return;
    }
  }
  drained();
}

void flow_gate::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
}

} // namespace keyfold
