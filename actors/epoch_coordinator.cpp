#include "actors/epoch_coordinator.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace keyfold {

namespace {

template <class F>
class coordinator_task final : public lean_message {
public:
  explicit coordinator_task(F f) : f_(std::move(f)) {}
  void deliver(lean_actor& receiver, caf::mailbox_element_ptr&, caf::execution_unit*) override {
    f_(static_cast<epoch_coordinator&>(receiver));
  }

private:
  F f_;
};

int64_t microseconds_of(event_time x) {
  return x.time_since_epoch().count();
}

bool same(const std::vector<store::position_row>& a, const std::vector<store::position_row>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.stream == y.stream && x.partition == y.partition && x.next == y.next
           && x.ended == y.ended && x.max_time_us == y.max_time_us;
  });
}

/// As a change of the dead-letter output: key (stream, place), values (reason, payload).
void append_dead_letter(std::string& log, const dead_letter& x) {
  const cell key[] = {cell::string(x.stream), cell::string(x.place)};
  const cell values[] = {cell::string(x.reason), cell::string(x.payload)};
  change_log_writer{log}.append({0, false, beginning_of_time, key, values});
}

} // namespace

template <class F>
void epoch_coordinator::post_task(F f) {
  post(new coordinator_task<F>(std::move(f)), nullptr);
}

epoch_coordinator::epoch_coordinator(caf::actor_config& config, epoch_settings settings, parts with)
    : lean_actor(config), settings_(settings), with_(std::move(with)),
      progress_(with_.sources->size()), is_held_(with_.sources->size()),
      shares_(with_.routers.size()), committed_epoch_(with_.last_epoch), epoch_(with_.last_epoch),
      epoch_gauge_(make_gauge(*with_.metrics, "keyfold_epoch", "The last committed epoch.")),
      pause_seconds_(
          prometheus::BuildHistogram()
              .Name("keyfold_epoch_pause_seconds")
              .Help("How long the sources were held at an epoch's edge.")
              .Register(*with_.metrics)
              .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                               0.25, 0.5, 1, 2.5})),
      resident_gauge_(
          make_gauge(*with_.metrics, "keyfold_resident_keys", "Keys whose actors are in memory.")),
      dirty_gauge_(
          make_gauge(*with_.metrics, "keyfold_dirty_keys", "Keys changed since the last epoch.")),
      in_flight_gauge_(
          make_gauge(*with_.metrics, "keyfold_in_flight_rows", "Rows read and not folded.")),
      log_gauge_(make_gauge(*with_.metrics, "keyfold_epoch_log_bytes",
                            "Changes held until the end of the epoch.")),
      output_stalls_(make_counter(*with_.metrics, "keyfold_output_stalls_total",
                                  "Times the sources had to wait because an output's pending "
                                  "changes reached their bound.")),
      room_stalls_(make_counter(*with_.metrics, "keyfold_room_stalls_total",
                                "Times the sources had to wait because far more keys were in "
                                "memory than the limits allow.")) {}

void epoch_coordinator::send_tick() {
  post_task([](epoch_coordinator& self) { self.tick(); });
}

void epoch_coordinator::send_held(size_t source, source_progress progress) {
  post_task([source, progress = std::move(progress)](epoch_coordinator& self) mutable {
    self.held(source, std::move(progress));
  });
}

void epoch_coordinator::send_failure(std::string reason) {
  post_task([reason = std::move(reason)](epoch_coordinator& self) {
    if (self.failure_.empty())
      self.failure_ = reason;
    if (!self.stopping_) {
      self.stopping_ = true;
      self.deadline_ = clock::now() + std::chrono::seconds{5};
    }
  });
}

void epoch_coordinator::send_stop(clock::time_point deadline) {
  post_task([deadline](epoch_coordinator& self) {
    self.stopping_ = true;
    self.deadline_ = deadline;
    self.tick();
  });
}

uint64_t epoch_coordinator::log_bytes() const {
  uint64_t sum = 0;
  for (const auto& router : with_.routers)
    sum += router->log_bytes();
  return sum;
}

void epoch_coordinator::tick() {
  if (finished_)
    return;
  uint64_t resident = 0;
  uint64_t dirty = 0;
  for (const auto& router : with_.routers) {
    resident += router->resident_keys();
    dirty += router->dirty_keys();
  }
  resident_gauge_.Set(static_cast<double>(resident));
  dirty_gauge_.Set(static_cast<double>(dirty));
  in_flight_gauge_.Set(static_cast<double>(with_.gate->in_flight()));
  log_gauge_.Set(static_cast<double>(log_bytes()));
  for (const auto& output : *with_.outputs)
    output.writer->look();
  if ((stalled_ || waits_for_room_) && phase_ == phase::folding)
    let_go_on();
  if (phase_ == phase::folding && committing_
      && (log_bytes() > settings_.max_log_bytes || crowded()) && !with_.gate->closed())
    with_.gate->close(); // the ledger is behind: what is held in memory must not grow
  // An output may be waiting for its letters to be in the ledger, while the rest waits for it.
  auto letters = letters_wait();
  if (phase_ == phase::folding && !committing_ && (!stalled_ || stopping_ || letters)
      && (!last_done_ || letters) && due())
    begin();
  if (stopping_ && committing_ && clock::now() >= deadline_)
    with_.ledger->stop(); // it gives up waiting for space
  check_finished();
}

bool epoch_coordinator::letters_wait() const {
  if (with_.letters == nullptr || with_.letters->empty())
    return false;
  if (!with_.dead_letter_output)
    return true;
  const auto& output = (*with_.outputs)[*with_.dead_letter_output];
  return output.writer->pending_bytes() <= output.max_pending_bytes;
}

bool epoch_coordinator::due() const {
  if (stopping_ || log_bytes() > settings_.max_log_bytes || (crowded() && !with_.gate->closed()))
    return true;
  using std::chrono::nanoseconds;
  auto wait = std::clamp<nanoseconds>(4 * cost_, settings_.interval, settings_.max_interval);
  return clock::now() - begun_at_ >= wait;
}

void epoch_coordinator::begin() {
  begun_at_ = clock::now();
  phase_ = phase::holding;
  last_ = stopping_;
  with_.gate->close();
  std::fill(is_held_.begin(), is_held_.end(), false);
  missing_ = is_held_.size();
  if (missing_ == 0)
    drained();
}

void epoch_coordinator::held(size_t source, source_progress progress) {
  auto& known = progress_[source];
  known.positions = std::move(progress.positions);
  known.ended = progress.ended;
  std::move(progress.dead_letters.begin(), progress.dead_letters.end(),
            std::back_inserter(known.dead_letters));
  if (phase_ != phase::holding || is_held_[source])
    return;
  is_held_[source] = true;
  if (--missing_ != 0)
    return;
  phase_ = phase::draining;
  with_.gate->when_drained([this] { post_task([](epoch_coordinator& self) { self.drained(); }); });
}

void epoch_coordinator::drained() {
  phase_ = phase::saving;
  missing_ = with_.routers.size();
  epoch_edge edge{epoch_ + 1, with_.compacted_epoch(), clock::now().time_since_epoch()};
  for (size_t i = 0; i < with_.routers.size(); ++i)
    with_.routers[i]->send_save(edge, [this, i](epoch_share what) {
      post_task([i, what = std::move(what)](epoch_coordinator& self) mutable {
        self.share(i, std::move(what));
      });
    });
}

void epoch_coordinator::share(size_t from, epoch_share what) {
  shares_[from] = std::move(what);
  if (--missing_ == 0)
    commit();
}

std::shared_ptr<store::epoch_commit> epoch_coordinator::gather() {
  auto result = std::make_shared<store::epoch_commit>();
  for (size_t i = 0; i < progress_.size(); ++i)
    for (const auto& [partition, x] : progress_[i].positions)
      result->positions.push_back(
          {(*with_.sources)[i]->name(), partition, x.next, microseconds_of(x.max_time), x.ended});
  std::vector<std::string> logs(with_.outputs->size());
  for (auto& share : shares_) {
    for (uint32_t entity = 0; entity < share.states.size(); ++entity)
      if (!share.states[entity].empty())
        result->segments.push_back({entity, std::move(share.states[entity])});
    for (size_t output = 0; output < share.logs.size(); ++output) {
      if (logs[output].empty())
        logs[output] = std::move(share.logs[output]);
      else
        logs[output].append(share.logs[output]);
    }
    share = {};
  }
  for (size_t output = 0; output < logs.size(); ++output)
    if (!logs[output].empty())
      result->outbox.push_back({(*with_.outputs)[output].writer->name(), std::move(logs[output])});
  return result;
}

/// Rows of tables that have changed, and how far those of the ledger have been followed.
void epoch_coordinator::gather_tables(store::epoch_commit& to) {
  rows_left_ = false;
  for (const auto& x : with_.tables) {
    store::state_segment segment{x.entity, {}};
    auto share = x.table->take(settings_.max_table_bytes, last_,
                               [&](std::string_view key, std::string_view row) {
                                 store::append_key_state(segment.pairs, key, row);
                               });
    rows_left_ = rows_left_ || share.more;
    if (!segment.pairs.empty())
      to.segments.push_back(std::move(segment));
    if (!share.position)
      continue;
    auto add = [&](std::string_view partition, int64_t next) {
      to.positions.push_back({kept_table_name(x.table->name()), std::string{partition}, next,
                              microseconds_of(beginning_of_time), false});
    };
    add(share.position->of, share.position->next);
    if (share.position->ahead > share.position->next)
      add(kept_table_ahead, share.position->ahead);
  }
}

void epoch_coordinator::gather_letters(store::epoch_commit& to) {
  auto letters = with_.letters != nullptr ? with_.letters->take() : std::vector<dead_letter>{};
  for (auto& progress : progress_) {
    std::move(progress.dead_letters.begin(), progress.dead_letters.end(),
              std::back_inserter(letters));
    progress.dead_letters.clear();
  }
  if (letters.empty() || !with_.dead_letter_output)
    return;
  std::string log;
  for (const auto& letter : letters)
    append_dead_letter(log, letter);
  to.outbox.push_back({(*with_.outputs)[*with_.dead_letter_output].writer->name(), std::move(log)});
}

void epoch_coordinator::commit() {
  phase_ = phase::folding;
  ended_ = std::all_of(progress_.begin(), progress_.end(), [](const auto& x) { return x.ended; });
  auto epoch = gather();
  let_go_on();
  auto pause = clock::now() - begun_at_;
  gather_tables(*epoch);  // while folding goes on: their rows belong to no moment of it
  gather_letters(*epoch); // after the positions of tables, which have gone on past bad rows
  last_done_ = last_ && (!rows_left_ || clock::now() >= deadline_);
  auto nothing =
      epoch->segments.empty() && epoch->outbox.empty() && same(epoch->positions, last_positions_);
  if (nothing) {
    if (with_.letters != nullptr)
      with_.letters->committed(); // there is no output for them
    cost_ = {};
    check_finished();
    return;
  }
  last_positions_ = epoch->positions;
  epoch->epoch = ++epoch_;
  committing_ = true;
  with_.ledger->submit(epoch, [this, epoch](store::ledger_result<void> result) {
    post_task([epoch, result = std::move(result)](epoch_coordinator& self) mutable {
      self.committed(epoch, std::move(result));
    });
  });
  pause_seconds_.Observe(std::chrono::duration<double>(pause).count());
}

void epoch_coordinator::committed(const std::shared_ptr<store::epoch_commit>& epoch,
                                  store::ledger_result<void> result) {
  committing_ = false;
  cost_ = clock::now() - begun_at_;
  if (!result) {
    if (failure_.empty())
      failure_ = result.error().message;
    finish();
    return;
  }
  if (with_.fault)
    with_.fault(fault_point::after_ledger_commit, epoch->epoch);
  if (with_.letters != nullptr)
    with_.letters->committed();
  for (const auto& x : with_.tables)
    x.table->committed();
  committed_epoch_.store(epoch->epoch, std::memory_order_relaxed);
  epoch_gauge_.Set(static_cast<double>(epoch->epoch));
  // Each on its own: neither the epoch's states nor other logs stay in memory until it is
  // published.
  for (auto& row : epoch->outbox)
    for (auto& output : *with_.outputs)
      if (output.writer->name() == row.output)
        output.writer->enqueue(epoch->epoch,
                               std::make_shared<const std::string>(std::move(row.log)));
  std::vector<source_positions> by_source(with_.sources->size());
  for (const auto& row : epoch->positions)
    for (size_t i = 0; i < by_source.size() && row.partition != store::watermark_row; ++i)
      if ((*with_.sources)[i]->name() == row.stream)
        by_source[i][row.partition] = {row.partition, row.next,
                                       event_time{duration{row.max_time_us}}, row.ended};
  for (size_t i = 0; i < by_source.size(); ++i)
    (*with_.sources)[i]->source().committed(epoch->epoch, by_source[i]);
  if (phase_ == phase::folding)
    let_go_on();
  check_finished();
}

bool epoch_coordinator::outputs_full() const {
  return std::any_of(with_.outputs->begin(), with_.outputs->end(),
                     [](const auto& x) { return x.writer->pending_bytes() > x.max_pending_bytes; });
}

bool epoch_coordinator::crowded() const {
  return std::any_of(with_.routers.begin(), with_.routers.end(),
                     [](const auto& x) { return x->crowded(); });
}

bool epoch_coordinator::outputs_idle() const {
  return std::all_of(with_.outputs->begin(), with_.outputs->end(),
                     [](const auto& x) { return x.writer->idle(); });
}

void epoch_coordinator::let_go_on() {
  auto full = outputs_full();
  if (full && !stalled_)
    output_stalls_.Increment();
  stalled_ = full;
  auto was_waiting = std::exchange(waits_for_room_, crowded());
  if (waits_for_room_ && !was_waiting)
    room_stalls_.Increment();
  if (stalled_ || waits_for_room_) {
    if (!with_.gate->closed())
      with_.gate->close(); // it was opened while the epoch that filled the output was committed
  } else if (!stopping_) {
    with_.gate->open();
  }
}

void epoch_coordinator::check_finished() {
  const auto drain_patience = std::chrono::seconds{failure_.empty() ? 5 : 0};
  if (finished_ || committing_)
    return;
  auto over = stopping_ && clock::now() >= deadline_;
  if (phase_ != phase::folding) {
    if (over && clock::now() >= std::max(deadline_, begun_at_) + drain_patience) {
      spdlog::warn("stopping without a last epoch, since what was read could not be folded: it is "
                   "read again at the next start");
      finish();
    }
    return;
  }
  if (last_done_ && over && !outputs_idle())
    spdlog::warn("stopping with changes that are not published: they are in the ledger and go out "
                 "at the next start");
  auto at_end = with_.finish_at_end && ended_ && !stopping_ && quiet() && outputs_idle();
  if ((last_done_ && (over || outputs_idle())) || at_end)
    finish();
}

/// Nothing has been folded since the last epoch.
bool epoch_coordinator::quiet() const {
  // Keys that wait for room are brought back under credit: they are looked for first.
  return std::none_of(with_.routers.begin(), with_.routers.end(),
                      [](const auto& x) { return x->keys_wait_for_room(); })
         && with_.gate->in_flight() == 0 && log_bytes() == 0 && !rows_left_
         && (with_.letters == nullptr || with_.letters->empty())
         && std::all_of(with_.routers.begin(), with_.routers.end(),
                        [](const auto& x) { return x->dirty_keys() == 0; });
}

void epoch_coordinator::finish() {
  if (std::exchange(finished_, true))
    return;
  with_.gate->close();
  with_.finished(failure_);
}

} // namespace keyfold
