#pragma once

#include "messages/event_output.hpp"
#include "messages/fault.hpp"
#include "messages/metrics.hpp"
#include "messages/readiness.hpp"
#include "store/ledger.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace keyfold {

/// The thread of one output: publishes committed epochs in their order, exactly once by the
/// output's marker, and tries again, with back-off, for as long as the other side is away.
class output_writer {
public:
  struct callbacks {
    std::function<void()> progressed;               ///< an epoch was published
    std::function<void(std::string reason)> failed; ///< only a person can mend it
  };

  output_writer(std::string name, std::unique_ptr<event_output> output, store::ledger& ledger,
                metrics_registry& metrics, readiness& ready, fault_hook fault, callbacks report);
  ~output_writer();

  /// Publishes first what the ledger's outbox still holds.
  void start();
  /// @param log the epoch's changes, as in the ledger. @pre the epoch is committed, and newer than
  /// those before
  void enqueue(uint64_t epoch, std::shared_ptr<const std::string> log);
  /// Bytes of changes committed and not published.
  uint64_t pending_bytes() const noexcept { return pending_bytes_.load(); }
  /// Everything committed is published.
  bool idle() const;
  const std::string& name() const noexcept { return name_; }
  /// Time goes on: shows what the output says of itself, once that has lasted. By one thread.
  void look();
  /// Ends after the epoch under way, which is interrupted; the others stay in the ledger.
  void stop();
  void join();

private:
  using clock = std::chrono::steady_clock;

  struct item {
    uint64_t epoch;
    std::shared_ptr<const std::string> log; // null: read it from the ledger
    uint64_t bytes;
  };

  void loop();
  bool open();
  bool recover(uint64_t marker);
  bool publish(const item& x);
  store::ledger_result<void> settle(uint64_t epoch, store::durability how);
  void fail(std::string reason);
  void tell(std::string reason);
  void failed_attempt(const std::string& what, const error& why);
  bool pause(int attempt);

  std::string name_;
  std::unique_ptr<event_output> output_;
  store::ledger& ledger_;
  readiness& ready_;
  fault_hook fault_;
  callbacks report_;
  prometheus::Counter& epochs_;
  prometheus::Counter& bytes_;
  prometheus::Counter& retries_;
  prometheus::Gauge& pending_gauge_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> queue_;
  uint64_t newest_ = 0; // of the epochs that have been in the queue
  bool opened_ = false;
  bool recovered_ = false;
  bool failed_ = false;
  bool stopping_ = false;
  std::atomic<uint64_t> pending_bytes_{0};

  std::mutex reason_mutex_;
  std::string reason_;                      // why the last attempt failed
  std::optional<clock::time_point> uneasy_; // since then the output says that all is not well
  bool shown_ = false;                      // what it says
  std::thread thread_;
};

} // namespace keyfold
