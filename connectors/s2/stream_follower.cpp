#include "connectors/s2/stream_follower.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace keyfold::s2 {
namespace {

/// More than an event can have: 1000 records of 1 MiB in all, in base64, with all that is around
/// them.
constexpr size_t max_event_bytes = 16u << 20;
/// Of an answer that is no stream of events.
constexpr size_t max_answer_bytes = 16u << 20;
/// A stream that is followed says something at least every 15 s.
constexpr std::chrono::seconds quiet{45};

} // namespace

stream_follower::stream_follower(following& with, std::string name, const partition_progress* known,
                                 bool from_first)
    : with_(with), name_(std::move(name)), subject_("stream " + name_),
      start_(with.settings.start_at),
      backoff_(static_cast<uint32_t>(std::hash<std::string>{}(name_))
               ^ static_cast<uint32_t>(clock::now().time_since_epoch().count())),
      parser_(max_event_bytes), heard_at_(clock::now()) {
  if (start_ == source_settings::start::tail && from_first)
    start_ = source_settings::start::first;
  if (known != nullptr) {
    next_ = known->next;
    max_time_ = known->max_time;
  }
  with_.problems.set(subject_, fmt::format("the reading of \"{}\" begins", name_));
}

std::optional<partition_progress> stream_follower::progress() const {
  if (!next_)
    return std::nullopt;
  return partition_progress{name_, *next_, max_time_, ended_};
}

size_t stream_follower::memory() const noexcept {
  return (transfer_ ? transfer_->waiting().size() : 0) + parser_.waiting() + batch_.memory();
}

void stream_follower::advance(clock::time_point now, size_t waiting_bytes) {
  if (ended_ || !fatal_.empty())
    return;
  if (phase_ == phase::resting && now >= retry_at_) {
    http_transfer_limits limits{with_.settings.basin.http.timeout, {}, max_answer_bytes};
    begin(phase::asking_tail, with_.requests.tail(name_), limits);
  }
  if (phase_ == phase::asking_tail && transfer_->ended())
    on_tail(now);
  if (phase_ == phase::asking_start && transfer_->ended())
    on_start(now);
  if (phase_ == phase::following && transfer_ == nullptr)
    follow(waiting_bytes);
  if (phase_ == phase::following)
    read_events(now);
}

void stream_follower::begin(phase what, http_exchange_request request,
                            const http_transfer_limits& limits) {
  phase_ = what;
  transfer_ = with_.transfers.begin(std::move(request), limits);
}

void stream_follower::follow(size_t waiting_bytes) {
  parser_ = event_stream_parser{max_event_bytes};
  with_.metrics.connections.Increment();
  begin(phase::following, with_.requests.follow(name_, *next_), {{}, quiet, waiting_bytes});
}

void stream_follower::on_tail(clock::time_point now) {
  if (transfer_->status() != status::good || !transfer_->failure().empty()) {
    on_end(now);
    return;
  }
  auto tail = parse_position(transfer_->waiting(), "tail");
  if (!tail) {
    failed(now, "its tail cannot be read: " + tail.error().message);
    return;
  }
  tail_ = *tail;
  if (with_.settings.until_end && !end_)
    end_ = *tail;
  if (next_ && *next_ > *tail)
    on_gone(fmt::format("the ledger's position {} is beyond the tail of \"{}\", {}: it was made "
                        "anew",
                        *next_, name_, *tail),
            std::nullopt);
  if (!fatal_.empty())
    return;
  if (!next_ && start_ == source_settings::start::tail) {
    next_ = *tail;
    moved_ = true;
  }
  if (next_ && *next_ == *tail)
    on_position();
  else
    ask_start();
}

/// Which is the first record to be had: some may have been trimmed, also all of them.
void stream_follower::ask_start() {
  auto at =
      std::chrono::floor<std::chrono::milliseconds>(with_.settings.start_time.time_since_epoch());
  auto by_time = !next_ && start_ == source_settings::start::timestamp;
  begin(phase::asking_start,
        by_time ? with_.requests.first_at(name_, std::max<int64_t>(at.count(), 0))
                : with_.requests.read(name_, next_.value_or(0), 1),
        {with_.settings.basin.http.timeout, {}, max_answer_bytes});
}

void stream_follower::on_start(clock::time_point now) {
  auto status = transfer_->status();
  if (!transfer_->failure().empty() || (status != status::good && status != status::beyond_tail)) {
    on_end(now);
    return;
  }
  auto first = *tail_;
  if (status != status::beyond_tail) {
    auto read = parse_read_batch(transfer_->waiting(), batch_);
    if (!read) {
      failed(now, "its first record cannot be read: " + read.error().message);
      return;
    }
    if (!batch_.records.empty())
      first = batch_.records.front().number;
    batch_.records.clear();
    at_ = 0;
  }
  if (!next_) {
    next_ = first;
    moved_ = true;
  } else if (first > *next_) {
    on_trimmed(first);
  }
  if (fatal_.empty())
    on_position();
}

/// It is known where to go on.
void stream_follower::on_position() {
  transfer_.reset();
  phase_ = phase::following;
  see_tail(*tail_);
  if (end_ && *next_ >= *end_)
    finish();
}

/// The records at our position are not there.
void stream_follower::on_gone(const std::string& what, std::optional<int64_t> first) {
  if (with_.settings.on_missing == source_settings::missing::refuse) {
    fatal_ = fmt::format("{}: {}. To go on without them set \"on_missing\" to \"first\" or "
                         "\"tail\"",
                         with_.owner, what);
    return;
  }
  auto to_first = with_.settings.on_missing == source_settings::missing::first;
  spdlog::warn("{}: {}; going on at the {}, as the definition says", with_.owner, what,
               to_first ? "first record" : "tail");
  with_.metrics.lost_positions.Increment();
  moved_ = true;
  if (to_first) {
    next_ = first;
    start_ = source_settings::start::first;
    return;
  }
  next_ = *tail_;
  batch_.records.clear();
  at_ = 0;
  transfer_.reset();
}

void stream_follower::on_trimmed(int64_t first) {
  on_gone(fmt::format("\"{}\" begins at {}, and the ledger's position is {}: records were trimmed "
                      "before they were read",
                      name_, first, *next_),
          first);
}

void stream_follower::see_tail(int64_t tail) {
  tail_ = tail;
  caught_up_ = *next_ >= tail;
  with_.metrics.lag(name_, std::max<int64_t>(tail - *next_, 0));
}

void stream_follower::finish() {
  if (ended_)
    return;
  with_.problems.clear(subject_);
  ended_ = true;
  caught_up_ = true;
  moved_ = true;
  phase_ = phase::resting;
  transfer_.reset();
  batch_ = {};
  at_ = 0;
}

void stream_follower::read_events(clock::time_point now) {
  if (transfer_->status() == status::good)
    works(now);
  while (phase_ == phase::following && at_ == batch_.records.size()) {
    auto whole = parser_.next(event_);
    if (!whole) {
      failed(now, whole.error().message);
      return;
    }
    if (*whole) {
      on_event(now);
      continue;
    }
    if (transfer_->status() != status::good || transfer_->waiting().empty())
      break;
    parser_.feed(transfer_->take());
  }
  if (phase_ == phase::following && at_ == batch_.records.size() && transfer_->ended()
      && (transfer_->status() != status::good || transfer_->waiting().empty()))
    on_end(now);
}

void stream_follower::on_event(clock::time_point now) {
  if (event_.type == "batch") {
    on_batch(now);
  } else if (event_.type == "ping") {
    if (auto tail = parse_position(event_.data, "tail"))
      see_tail(*tail);
  } else if (event_.type == "error") {
    failed(now, error_of(event_.data).message);
  }
}

void stream_follower::on_batch(clock::time_point now) {
  at_ = 0;
  auto read = parse_read_batch(event_.data, batch_);
  if (!read) {
    failed(now, "what came cannot be read: " + read.error().message);
    return;
  }
  backoff_.reset();
}

const read_batch::record* stream_follower::peek() {
  while (at_ < batch_.records.size()) {
    const auto& x = batch_.records[at_];
    if (end_ && x.number >= *end_) {
      finish();
      return nullptr;
    }
    // Whatever a service sends after a reconnection, no record is taken twice.
    if (x.number < *next_) {
      ++at_;
      continue;
    }
    if (x.number == *next_)
      return &x;
    on_trimmed(x.number);
    if (!fatal_.empty())
      return nullptr;
  }
  return nullptr;
}

void stream_follower::pass(event_time newest, clock::time_point now) {
  next_ = batch_.records[at_++].number + 1;
  moved_ = true;
  max_time_ = std::max(max_time_, newest);
  heard_at_ = now;
  caught_up_ = false;
  if (end_ && *next_ >= *end_)
    finish();
  else if (at_ == batch_.records.size() && batch_.tail)
    see_tail(*batch_.tail);
}

/// The answer has come to its end.
void stream_follower::on_end(clock::time_point now) {
  auto status = transfer_->status();
  if (!transfer_->failure().empty()) {
    failed(now, transfer_->failure());
  } else if (status == status::not_found) {
    missing_ = error_of(transfer_->waiting()).code == "stream_not_found";
    failed(now, missing_ ? "there is no such stream: create it; looking again"
                         : refusal(status, transfer_->waiting()));
  } else if (status == status::good || status == status::beyond_tail) {
    // The service has had enough of the connection; or the stream has got shorter, which its tail
    // will tell.
    rest(now, std::chrono::seconds{0});
  } else {
    failed(now, refusal(status, transfer_->waiting()));
  }
}

void stream_follower::failed(clock::time_point now, std::string why) {
  with_.metrics.errors.Increment();
  auto sentence = fmt::format("\"{}\" cannot be read: {}", name_, why);
  if (with_.problems.set(subject_, sentence))
    spdlog::warn("{}: {}", with_.owner, sentence);
  healthy_since_.reset();
  if (!failing_since_)
    failing_since_ = now;
  rest(now, transfer_ ? transfer_->retry_after() : std::chrono::seconds{0});
}

void stream_follower::rest(clock::time_point now, std::chrono::seconds asked_for) {
  transfer_.reset();
  phase_ = phase::resting;
  retry_at_ = now + backoff_.next(asked_for);
  caught_up_ = false;
}

void stream_follower::works(clock::time_point now) {
  missing_ = false;
  failing_since_.reset();
  if (!healthy_since_)
    healthy_since_ = now;
  if (with_.problems.clear(subject_))
    spdlog::info("{}: \"{}\" is read", with_.owner, name_);
}

} // namespace keyfold::s2
