#include "connectors/http_push/push_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace keyfold {

namespace {

constexpr size_t dead_letter_payload_bytes = 64u << 10;

} // namespace

push_queue::push_queue(push_stream_settings settings)
    : settings_(std::move(settings)), partition_("push-" + settings_.schema->name),
      decoder_(*make_record_decoder(settings_.schema, {})),
      open_rows_(settings_.schema, rows_per_poll) {}

void push_queue::push(std::vector<std::string> rows, bool durable, callback done) {
  push_outcome outcome;
  {
    std::lock_guard guard{mutex_};
    if (phase_ == phase::stopped) {
      outcome.what = push_outcome::kind::stopping;
    } else if (phase_ == phase::before) {
      outcome.what = push_outcome::kind::not_started;
    } else if (!has_room(rows.size())
               || (durable && waiting_.size() >= settings_.max_waiting_pushes)) {
      outcome.what = push_outcome::kind::overloaded;
    } else {
      for (size_t i = 0; i < rows.size(); ++i)
        take(rows[i], i, outcome);
      changed_.notify_one();
      if (durable && !rows.empty()) {
        waiting_.push_back({next_, std::move(outcome), std::move(done)});
        return;
      }
    }
  }
  done(std::move(outcome));
}

bool push_queue::has_room(size_t rows) const {
  return rows <= settings_.max_pending_rows - std::min(pending_rows_, settings_.max_pending_rows)
         && sealed_bytes_ + open_rows_.memory() + open_.bytes < settings_.max_pending_bytes;
}

void push_queue::take(const std::string& row, size_t place, push_outcome& outcome) {
  auto number = next_++;
  ++pending_rows_;
  ++open_.rows.records;
  open_.end = next_;
  auto decoded = decoder_->decode(row, std::nullopt, open_rows_);
  if (decoded) {
    ++outcome.accepted;
    if (*decoded == record_decoder::outcome::filtered)
      ++open_.rows.filtered;
    else
      open_.max_time = std::max(open_.max_time, open_rows_.last_time());
  } else {
    dead_letter letter{stream(), fmt::format("{}@{}", partition_, number), decoded.error().message,
                       row.substr(0, dead_letter_payload_bytes)};
    open_.bytes += letter.place.size() + letter.reason.size() + letter.payload.size();
    open_.rows.dead_letters.push_back(std::move(letter));
    outcome.rejected.emplace_back(place, std::move(decoded).error().message);
  }
  if (open_.rows.records >= rows_per_poll)
    seal();
}

void push_queue::seal() {
  if (open_rows_.size() > 0) {
    open_.rows.events = open_rows_.build();
    open_.bytes += open_.rows.events->memory();
  }
  sealed_bytes_ += open_.bytes;
  sealed_.push_back(std::exchange(open_, {}));
}

void push_queue::start(partition_progress progress) {
  std::lock_guard guard{mutex_};
  next_ = progress.next;
  max_time_ = progress.max_time;
  phase_ = phase::running;
}

source_poll push_queue::poll(std::chrono::milliseconds timeout) {
  std::unique_lock guard{mutex_};
  changed_.wait_for(guard, timeout, [&] { return pending_rows_ > 0 || interrupted_; });
  interrupted_ = false;
  source_poll polled;
  if (pending_rows_ == 0)
    return polled;
  if (sealed_.empty())
    seal();
  auto first = std::move(sealed_.front());
  sealed_.pop_front();
  sealed_bytes_ -= first.bytes;
  pending_rows_ -= first.rows.records;
  max_time_ = std::max(max_time_, first.max_time);
  polled = std::move(first.rows);
  polled.progress.push_back({partition_, first.end, max_time_, false});
  return polled;
}

void push_queue::committed(int64_t next) {
  std::vector<waiting_push> told;
  {
    std::lock_guard guard{mutex_};
    while (!waiting_.empty() && waiting_.front().end <= next) {
      told.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (auto& x : told)
    x.done(std::move(x.outcome));
}

void push_queue::interrupt() {
  {
    std::lock_guard guard{mutex_};
    interrupted_ = true;
  }
  changed_.notify_all();
}

void push_queue::stop() {
  std::deque<waiting_push> told;
  {
    std::lock_guard guard{mutex_};
    phase_ = phase::stopped;
    told.swap(waiting_);
  }
  for (auto& x : told) {
    x.outcome.what = push_outcome::kind::stopping;
    x.done(std::move(x.outcome));
  }
}

} // namespace keyfold
