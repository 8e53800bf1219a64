#pragma once

#include "connectors/http_client/http_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace keyfold {

/// How long the next attempt waits: full jitter, evenly between 0 and 50 ms doubled with each
/// attempt, at most 20 s. @param chance from 0 to 1
std::chrono::milliseconds retry_pause(int attempts, double chance) noexcept;
/// As above, by chance; but at least what the answer asks for, up to a minute.
std::chrono::milliseconds retry_pause(int attempts, std::chrono::seconds at_least);

/// Jobs that are a request each, several at once, each asked until its owner is content with the
/// answer. A bounded number is under way, those that wait for another attempt included. For one
/// thread but for `interrupt`.
template <class Job>
class retry_queue {
public:
  /// Makes a job's request; an error ends them all.
  using maker = std::function<result<http_exchange_request>(const Job&)>;
  /// Judges an answer: done with the job, or `again`, `add_more`, `give_up`.
  using taker = std::function<void(Job, const result<http_exchange_answer>&)>;

  retry_queue(http_client_settings settings, size_t most, maker make, taker take)
      : most_(std::max<size_t>(most, 1)), make_(std::move(make)), take_(std::move(take)),
        pool_(std::move(settings), most_) {}

  /// Begins a job as soon as fewer than the most are under way, and waits for that. An error says
  /// why all that is under way was given up.
  result<void> add(Job x) {
    add_more(std::move(x));
    start_due();
    while (under_way() >= most_)
      if (auto done = step(); !done)
        return done;
    return {};
  }
  /// Waits until nothing is under way.
  result<void> finish() {
    while (under_way() > 0)
      if (auto done = step(); !done)
        return done;
    return {};
  }
  size_t under_way() const noexcept { return waiting_.size() + running_.size(); }
  size_t running() const noexcept { return running_.size(); }

  /// For the taker: asks once more after a pause.
  void again(Job x, std::chrono::milliseconds pause) {
    waiting_.push_back({std::move(x), clock::now() + pause});
  }
  /// For the taker: a job that came of another.
  void add_more(Job x) { waiting_.push_back({std::move(x), {}}); }
  /// For the taker: the jobs cannot be had.
  void give_up(std::string why) { failure_ = std::move(why); }

  /// Forgets all that is under way.
  void abandon() noexcept {
    pool_.abandon();
    running_.clear();
    waiting_.clear();
    failure_.clear();
  }
  /// Ends `add` and `finish` with an error, now and later. Any thread.
  void interrupt() noexcept {
    interrupted_ = true;
    pool_.interrupt();
  }
  bool interrupted() const noexcept { return interrupted_; }

private:
  using clock = std::chrono::steady_clock;

  struct waiting_job {
    Job job;
    clock::time_point due;
  };

  result<void> step() {
    start_due();
    if (failure_.empty() && !interrupted_)
      for (auto& x : pool_.wait(patience()))
        take_(std::move(running_.extract(x.number).mapped()), x.answer);
    if (interrupted_)
      failure_ = "interrupted";
    if (failure_.empty())
      return {};
    auto why = std::move(failure_);
    abandon();
    return fail(std::move(why));
  }

  void start_due() {
    auto now = clock::now();
    for (auto x = waiting_.begin(); x != waiting_.end() && !pool_.full() && failure_.empty();) {
      if (x->due > now) {
        ++x;
        continue;
      }
      auto asked = make_(x->job);
      if (!asked) {
        failure_ = asked.error().message;
        return;
      }
      pool_.start(next_, std::move(*asked));
      running_.emplace(next_++, std::move(x->job));
      x = waiting_.erase(x);
    }
  }

  std::chrono::milliseconds patience() const {
    auto end = clock::now() + std::chrono::seconds{1};
    if (!pool_.full())
      for (const auto& x : waiting_)
        end = std::min(end, x.due);
    auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
    return std::max(rest, std::chrono::milliseconds{0});
  }

  size_t most_;
  maker make_;
  taker take_;
  http_pool pool_;
  std::deque<waiting_job> waiting_;
  std::map<uint64_t, Job> running_;
  uint64_t next_ = 0;
  std::string failure_;
  std::atomic<bool> interrupted_ = false;
};

} // namespace keyfold
