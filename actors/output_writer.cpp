#include "actors/output_writer.hpp"

#include "actors/thread_settings.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace keyfold {

namespace {

/// So long an output repeats what it does before that is worth a person's look.
constexpr auto uneasy_patience = std::chrono::seconds{2};

} // namespace

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
    if (epoch <= newest_)
      return; // `recover` found it in the ledger before this was called
    newest_ = epoch;
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
  tell(reason);
  report_.failed(std::move(reason));
}

void output_writer::tell(std::string reason) {
  std::lock_guard guard{reason_mutex_};
  reason_ = std::move(reason);
  uneasy_.reset();
  shown_ = false;
  ready_.set("output " + name_, reason_);
}

void output_writer::look() {
  auto status = output_->status();
  std::lock_guard guard{reason_mutex_};
  if (!reason_.empty())
    return;
  if (status.ready) {
    uneasy_.reset();
    if (std::exchange(shown_, false))
      ready_.set("output " + name_, {});
    return;
  }
  auto now = clock::now();
  if (!uneasy_)
    uneasy_ = now;
  if (now - *uneasy_ < uneasy_patience)
    return;
  shown_ = true;
  ready_.set("output " + name_, std::move(status.reason));
}

/// The output, or the ledger of it, failed: it is tried again, unless only a person can mend it.
void output_writer::failed_attempt(const std::string& what, const error& why) {
  retries_.Increment();
  tell(why.message);
  spdlog::warn("output {}: {}{}", name_, what, why.message);
  if (output_->fatal())
    fail(why.message);
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
  auto known = ledger_.published(name_);
  if (!known) {
    fail(known.error().message);
    return false;
  }
  output_->recorded(known->epoch, known->position);
  auto marker = output_->open();
  if (!marker) {
    failed_attempt("", marker.error());
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
  // An output that has no marker of its own says 0.
  return recover(std::max(*marker, known->epoch));
}

/// What the other side holds is published, whatever the ledger believes; the rest of the outbox
/// waits.
bool output_writer::recover(uint64_t marker) {
  if (auto noted = settle(marker, store::durability::at_once); !noted) {
    failed_attempt("", error{noted.error().message});
    return false;
  }
  opened_ = true;
  tell({});
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
    newest_ = std::max(newest_, epoch);
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
    opened_ = false;
    failed_attempt(fmt::format("epoch {} was not published: ", x.epoch), published.error());
    return false;
  }
  if (fault_)
    fault_(fault_point::after_output_commit, x.epoch);
  if (auto noted = settle(x.epoch, store::durability::relaxed); !noted)
    spdlog::warn("output {}: epoch {} is published, but the ledger could not note it: {}", name_,
                 x.epoch, noted.error().message);
  return true;
}

/// Everything up to `epoch` is on the other side. An error: the ledger could not note it.
store::ledger_result<void> output_writer::settle(uint64_t epoch, store::durability how) {
  auto noted = ledger_.mark_published(name_, {epoch, output_->position()}, how);
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
  return noted;
}

} // namespace keyfold
