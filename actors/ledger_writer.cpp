#include "actors/ledger_writer.hpp"

#include "actors/thread_settings.hpp"

#include <spdlog/spdlog.h>

namespace keyfold {

namespace {

constexpr auto space_patience = std::chrono::milliseconds{1000};
constexpr auto compaction_slice = std::chrono::milliseconds{20};
constexpr auto rest_patience = std::chrono::milliseconds{50};

} // namespace

ledger_writer::ledger_writer(store::ledger& ledger, metrics_registry& metrics, readiness& ready,
                             std::function<bool()> busy)
    : ledger_(ledger), ready_(ready), busy_(std::move(busy)),
      seconds_(prometheus::BuildHistogram()
                   .Name("keyfold_ledger_commit_seconds")
                   .Help("Time to commit an epoch.")
                   .Register(metrics)
                   .Add({}, prometheus::Histogram::BucketBoundaries{0.005, 0.01, 0.025, 0.05, 0.1,
                                                                    0.25, 0.5, 1, 2.5, 5, 10})),
      keys_(make_gauge(metrics, "keyfold_ledger_keys", "Keys compacted into rows.")),
      segment_bytes_(make_gauge(metrics, "keyfold_ledger_segment_bytes",
                                "State committed but not compacted.")),
      outbox_bytes_(make_gauge(metrics, "keyfold_ledger_outbox_bytes",
                               "Changes committed but not published.")),
      file_bytes_(make_gauge(metrics, "keyfold_ledger_file_bytes", "Size of the ledger's file.")),
      retries_(make_counter(metrics, "keyfold_ledger_space_retries_total",
                            "Commits tried again for want of space.")),
      thread_([this] { loop(); }) {}

ledger_writer::~ledger_writer() {
  stop();
  thread_.join();
}

void ledger_writer::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
}

void ledger_writer::submit(std::shared_ptr<const store::epoch_commit> epoch, committed done) {
  {
    std::lock_guard guard{mutex_};
    job_ = job{std::move(epoch), std::move(done)};
  }
  changed_.notify_all();
}

/// Waits for a job; true when there is one or the writer stops.
bool ledger_writer::wait(std::chrono::milliseconds patience) {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, patience, [this] { return job_.has_value() || stopping_; });
}

void ledger_writer::loop() {
  name_this_thread("ledger");
  give_way_to_reads();
  for (;;) {
    if (!wait(rest_patience)) {
      while (compactable_ && !busy_() && compact() && !wait(std::chrono::milliseconds{0}))
        ;
      continue;
    }
    std::optional<job> next;
    {
      std::lock_guard guard{mutex_};
      next = std::exchange(job_, std::nullopt);
      if (!next)
        return; // stopping, with nothing left to commit
    }
    commit(*next);
  }
}

void ledger_writer::commit(const job& x) {
  auto begin = std::chrono::steady_clock::now();
  auto result = ledger_.commit(*x.epoch);
  while (!result && result.error().out_of_space) {
    ready_.set("ledger", result.error().message);
    spdlog::error("{}; trying again every second", result.error().message);
    retries_.Increment();
    std::unique_lock guard{mutex_};
    if (changed_.wait_for(guard, space_patience, [this] { return stopping_; }))
      break;
    guard.unlock();
    result = ledger_.commit(*x.epoch);
  }
  if (result)
    ready_.set("ledger", {});
  seconds_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  auto statistics = ledger_.statistics();
  keys_.Set(static_cast<double>(statistics.keys));
  segment_bytes_.Set(static_cast<double>(statistics.segment_bytes));
  outbox_bytes_.Set(static_cast<double>(statistics.outbox_bytes));
  file_bytes_.Set(static_cast<double>(statistics.file_bytes));
  compactable_ = true;
  x.done(std::move(result));
}

bool ledger_writer::compact() {
  auto more = ledger_.compact(compaction_slice);
  if (!more)
    spdlog::error("the ledger could not be compacted: {}", more.error().message);
  compactable_ = more && *more;
  return compactable_;
}

} // namespace keyfold
