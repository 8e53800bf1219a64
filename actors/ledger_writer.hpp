#pragma once

#include "messages/metrics.hpp"
#include "messages/readiness.hpp"
#include "store/ledger.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace keyfold {

/// The thread that commits epochs, one at a time, while folding goes on; when the program is not
/// busy it compacts.
class ledger_writer {
public:
  using committed = std::function<void(store::ledger_result<void>)>;

  /// @param busy whether compaction should wait; it may be asked often
  ledger_writer(store::ledger& ledger, metrics_registry& metrics, readiness& ready,
                std::function<bool()> busy);
  ~ledger_writer();

  /// Commits `epoch` and calls `done` from the writer's thread. A full disk is waited for: the
  /// commit is tried again until there is space or the writer is stopped. @pre the commit before is
  /// done
  void submit(std::shared_ptr<const store::epoch_commit> epoch, committed done);
  void stop();

private:
  struct job {
    std::shared_ptr<const store::epoch_commit> epoch;
    committed done;
  };

  void loop();
  void commit(const job& x);
  bool compact();
  bool wait(std::chrono::milliseconds patience);

  store::ledger& ledger_;
  readiness& ready_;
  std::function<bool()> busy_;
  prometheus::Histogram& seconds_;
  prometheus::Gauge& keys_;
  prometheus::Gauge& segment_bytes_;
  prometheus::Gauge& outbox_bytes_;
  prometheus::Gauge& file_bytes_;
  prometheus::Counter& retries_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<job> job_;
  bool stopping_ = false;
  bool compactable_ = true;
  std::thread thread_;
};

} // namespace keyfold
