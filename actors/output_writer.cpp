#include "actors/output_writer.hpp"

#include "actors/thread_settings.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace keyfold {

output_writer::output_writer(std::string name, std::unique_ptr<event_output> output,
                             store::ledger& ledger, metrics_registry& metrics, readiness& ready,
                             fault_hook fault, callbacks report)
    : name_(std::move(name)), output_(std::move(output)), ledger_(ledger), ready_(ready),
      fault_(std::move(fault)), report_(std::move(report)),
      epochs_(make_counter(metrics, "keyfold_output_epochs_total", "Epochs published.",
                           {{"output", name_}})),
      bytes_(make_counter(metrics, "keyfold_output_bytes_total",
                          "Bytes of changes published, as the ledger keeps them.",
                          {{"output", name_}})),
      retries_(make_counter(metrics, "keyfold_output_retries_total",
                            "Attempts to open or publish that failed.", {{"output", name_}})),
      pending_gauge_(make_gauge(metrics, "keyfold_output_pending_bytes",
                                "Bytes of changes committed and not published.",
                                {{"output", name_}})) {}

output_writer::~output_writer() {
  stop();
  join();
}

void output_writer::start() {
  thread_ = std::thread{[this] { loop(); }};
}

void output_writer::enqueue(uint64_t epoch, std::shared_ptr<const std::string> log) {
  {
    std::lock_guard guard{mutex_};
    pending_bytes_ += log->size();
    auto bytes = log->size();
    queue_.push_back({epoch, std::move(log), bytes});
  }
  pending_gauge_.Set(static_cast<double>(pending_bytes_.load()));
  changed_.notify_all();
}

bool output_writer::idle() const {
  std::lock_guard guard{mutex_};
  return recovered_ && queue_.empty();
}

void output_writer::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  output_->interrupt();
  changed_.notify_all();
}

void output_writer::join() {
  if (thread_.joinable())
    thread_.join();
}

void output_writer::fail(std::string reason) {
  failed_ = true;
  ready_.set("output " + name_, reason);
  report_.failed(std::move(reason));
}

/// Waits before another attempt: 100 ms, doubled each time, at most 5 s. False when the writer
/// stops.
bool output_writer::pause(int attempt) {
  auto patience = std::chrono::milliseconds{std::min(5000, 100 << std::min(attempt, 6))};
  std::unique_lock guard{mutex_};
  return !changed_.wait_for(guard, patience, [this] { return stopping_; });
}

void output_writer::loop() {
  name_this_thread("out " + name_);
  give_way_to_reads();
  int attempt = 0;
  while (!failed_) {
    if (!opened_ && !open()) {
      if (failed_ || !pause(attempt++))
        return;
      continue;
    }
    item next;
    {
      std::unique_lock guard{mutex_};
      changed_.wait(guard, [this] { return !queue_.empty() || stopping_; });
      if (stopping_)
        return; // what is left is in the ledger
      next = queue_.front();
    }
    if (publish(next)) {
      attempt = 0;
    } else if (failed_ || !pause(attempt++)) {
      return;
    }
  }
}

bool output_writer::open() {
  auto marker = output_->open();
  if (!marker) {
    retries_.Increment();
    ready_.set("output " + name_, marker.error().message);
    spdlog::warn("output {}: {}", name_, marker.error().message);
    if (output_->fatal())
      fail(marker.error().message);
    return false;
  }
  if (*marker > ledger_.last_epoch()) {
    fail(fmt::format(
        "output {} already holds epoch {}, but the ledger ends at epoch {}: the ledger is older "
        "than what was "
        "published. Restore the newer ledger, or give the output a new target or transactional_id",
        name_, *marker, ledger_.last_epoch()));
    return false;
  }
  opened_ = true;
  ready_.set("output " + name_, {});
  return recover(*marker);
}

/// What the other side holds is published, whatever the ledger believes; the rest of the outbox
/// waits.
bool output_writer::recover(uint64_t marker) {
  settle(marker);
  if (recovered_)
    return true;
  auto pending = ledger_.pending(name_);
  if (!pending) {
    fail(pending.error().message);
    return false;
  }
  std::lock_guard guard{mutex_};
  auto known = queue_.empty() ? UINT64_MAX : queue_.front().epoch;
  std::deque<item> older;
  for (auto [epoch, bytes] : *pending) {
    if (epoch <= marker || epoch >= known)
      continue;
    older.push_back({epoch, nullptr, bytes});
    pending_bytes_ += bytes;
  }
  queue_.insert(queue_.begin(), older.begin(), older.end());
  recovered_ = true;
  return true;
}

bool output_writer::publish(const item& x) {
  std::string stored;
  if (x.log == nullptr) {
    auto read = ledger_.read_outbox(name_, x.epoch);
    if (!read) {
      fail(read.error().message);
      return false;
    }
    stored = std::move(*read);
  }
  auto published = output_->publish(x.epoch, x.log == nullptr ? std::string_view{stored}
                                                              : std::string_view{*x.log});
  if (!published) {
    retries_.Increment();
    opened_ = false;
    ready_.set("output " + name_, published.error().message);
    spdlog::warn("output {}: epoch {} was not published: {}", name_, x.epoch,
                 published.error().message);
    if (output_->fatal())
      fail(published.error().message);
    return false;
  }
  if (fault_)
    fault_(fault_point::after_output_commit, x.epoch);
  settle(x.epoch);
  return true;
}

/// Everything up to `epoch` is on the other side.
void output_writer::settle(uint64_t epoch) {
  if (auto marked = ledger_.mark_published(name_, epoch); !marked)
    spdlog::warn("output {}: epoch {} is published, but the ledger could not note it: {}", name_,
                 epoch, marked.error().message);
  {
    std::lock_guard guard{mutex_};
    while (!queue_.empty() && queue_.front().epoch <= epoch) {
      pending_bytes_ -= queue_.front().bytes;
      epochs_.Increment();
      bytes_.Increment(static_cast<double>(queue_.front().bytes));
      queue_.pop_front();
    }
  }
  pending_gauge_.Set(static_cast<double>(pending_bytes_.load()));
  report_.progressed();
}

} // namespace keyfold
