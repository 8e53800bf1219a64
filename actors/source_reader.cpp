#include "actors/source_reader.hpp"

#include "actors/thread_settings.hpp"

#include <spdlog/spdlog.h>

namespace keyfold {

namespace {

constexpr size_t rows_per_poll = 16'384;
constexpr size_t most_dead_letter_bytes = 16u << 20;
constexpr auto poll_patience = std::chrono::milliseconds{10};
constexpr auto hold_patience = std::chrono::milliseconds{100};

} // namespace

source_reader::source_reader(const std::shared_ptr<const stream_schema>& schema, uint32_t stream,
                             std::unique_ptr<event_source> source,
                             std::shared_ptr<const routing_table> table,
                             std::vector<caf::intrusive_ptr<router>> routers,
                             std::shared_ptr<flow_gate> gate, metrics_registry& metrics,
                             readiness& ready, callbacks report)
    : name_(schema->name), stream_(stream),
      watermarks_(schema->time.max_delay, schema->time.idle_after), join_(schema),
      source_(std::move(source)), table_(std::move(table)), routers_(std::move(routers)),
      gate_(std::move(gate)), ready_(ready), report_(std::move(report)) {
  prometheus::Labels labels{{"stream", name_}};
  counters_ = {
      stream_counters::make(metrics, *schema),
      &make_counter(metrics, "keyfold_source_records_total",
                    "Records read, whatever became of them.", labels),
      &make_counter(metrics, "keyfold_source_dead_letters_total",
                    "Records that could not become events.", labels),
      &make_counter(metrics, "keyfold_source_dead_letter_stalls_total",
                    "Times the source had to wait because its dead letters reached their bound.",
                    labels),
      &make_counter(metrics, "keyfold_lookup_stalls_total",
                    "Times the source had to wait because a table could not be asked.", labels),
      &make_gauge(metrics, "keyfold_stream_idle_partitions",
                  "Partitions that hold no watermark back because they are silent.", labels),
  };
}

source_reader::~source_reader() {
  join();
}

void source_reader::start(source_positions positions) {
  positions_ = std::move(positions);
  if (auto known = positions_.extract(std::string{store::watermark_row})) {
    set_watermark(known.mapped().max_time);
    watermarks_.restore(sent_watermark_);
  }
  for (const auto& [partition, progress] : positions_)
    watermarks_.observe(partition, progress.max_time, now());
  thread_ = std::thread{[this] { loop(); }};
}

void source_reader::join() {
  if (thread_.joinable())
    thread_.join();
}

std::chrono::nanoseconds source_reader::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

void source_reader::loop() {
  name_this_thread("in " + name_);
  give_way_to_reads();
  ready_.set("stream " + name_, "starting");
  if (auto started = source_->start(positions_); !started) {
    failed_ = true;
    report_.failed(started.error().message);
  }
  for (;;) {
    switch (gate_->enter(poll_patience)) {
    case flow_gate::entry::stopping:
      source_->stop();
      return;
    case flow_gate::entry::held:
      hold();
      break;
    case flow_gate::entry::go:
      if (failed_ || !poll())
        std::this_thread::sleep_for(poll_patience);
      break;
    }
  }
}

void source_reader::hold() {
  if (!gate_->closed())
    return;
  auto closing = gate_->closing();
  if (closing != held_) {
    held_ = closing;
    auto positions = positions_;
    std::string mark{store::watermark_row};
    positions[mark] = {mark, 0, kept_watermark_, false};
    report_.held({std::move(positions), std::exchange(dead_letters_, {}), watermarks_.ended()});
    dead_letter_bytes_ = 0;
  }
  gate_->await_open(hold_patience);
}

bool source_reader::poll() {
  if (dead_letter_bytes_ > most_dead_letter_bytes) {
    counters_.dead_letter_stalls->Increment();
    return false; // until the epoch's edge
  }
  if (!waiting_) {
    auto polled = source_->poll(rows_per_poll, poll_patience);
    if (!polled) {
      failed_ = true;
      ready_.set("stream " + name_, polled.error().message);
      report_.failed(polled.error().message);
      return false;
    }
    auto status = source_->status();
    ready_.set("stream " + name_, status.ready ? std::string{} : status.reason);
    waiting_ = std::move(*polled);
  }
  if (!look_up(*waiting_))
    return false;
  auto polled = *std::exchange(waiting_, std::nullopt);
  note(polled);
  if (polled.events != nullptr && polled.events->size() != 0)
    send(polled.events);
  else
    send_watermark();
  return true;
}

/// False where a table cannot answer now: then what was polled waits, and its positions with it.
bool source_reader::look_up(source_poll& polled) {
  if (polled.events == nullptr || !join_.needed())
    return true;
  auto joined = join_.join(polled.events);
  if (!joined) {
    ready_.set("stream " + name_, join_.problem());
    if (!std::exchange(lookup_stalled_, true))
      counters_.lookup_stalls->Increment();
    return false;
  }
  lookup_stalled_ = false;
  counters_.stream.add(join_);
  polled.events = *std::move(joined);
  return true;
}

void source_reader::note(const source_poll& polled) {
  records_.fetch_add(polled.records, std::memory_order_relaxed);
  counters_.records->Increment(static_cast<double>(polled.records));
  counters_.stream.filtered->Increment(static_cast<double>(polled.filtered));
  counters_.dead_letters->Increment(static_cast<double>(polled.dead_letters.size()));
  dead_letters_.insert(dead_letters_.end(), polled.dead_letters.begin(), polled.dead_letters.end());
  for (const auto& x : polled.dead_letters)
    dead_letter_bytes_ += sizeof x + x.place.size() + x.reason.size() + x.payload.size();
  auto moment = now();
  for (const auto& partition : polled.revoked)
    watermarks_.remove(partition);
  for (const auto& partition : source_->partitions()) {
    watermarks_.add(partition, moment);
    partitions_known_ = true;
  }
  for (const auto& partition : polled.unread)
    watermarks_.wait_for(partition, moment);
  for (const auto& progress : polled.progress) {
    positions_[progress.partition] = progress;
    watermarks_.observe(progress.partition, progress.max_time, moment);
    if (progress.ended)
      watermarks_.end(progress.partition);
  }
  stream_counters::show(*counters_.stream.newest, watermarks_.newest());
  counters_.idle_partitions->Set(static_cast<double>(watermarks_.idle(moment)));
}

void source_reader::send(const event_batch_ptr& events) {
  std::vector<routed_batch> shares(routers_.size());
  auto losses = split_batch(*table_, stream_, events, shares);
  counters_.stream.rows->Increment(static_cast<double>(events->size()));
  counters_.stream.add(losses);
  set_watermark(watermarks_.watermark(now()));
  sent_silent_ = false;
  for (size_t i = 0; i < shares.size(); ++i) {
    shares[i].watermark = sent_watermark_;
    shares[i].newest = watermarks_.newest();
    gate_->admit(shares[i].credit);
    routers_[i]->send_batch(std::move(shares[i]));
  }
}

void source_reader::set_watermark(event_time x) {
  sent_watermark_ = x;
  // An ended stream may have grown when it is read again.
  if (x != end_of_time)
    kept_watermark_ = x;
  stream_counters::show(*counters_.stream.watermark, x);
}

void source_reader::send_watermark() {
  // After a restart, a partition that the ledger knows nothing of would not yet hold it back.
  if (!partitions_known_)
    return;
  auto moment_now = now();
  auto watermark = watermarks_.watermark(moment_now);
  auto silent = watermarks_.silent(moment_now);
  if (watermark <= sent_watermark_ && silent == sent_silent_)
    return;
  set_watermark(watermark);
  sent_silent_ = silent;
  for (auto& to : routers_) {
    routed_batch moment;
    moment.stream = stream_;
    moment.watermark = watermark;
    moment.newest = watermarks_.newest();
    moment.silent = silent;
    moment.credit = 1;
    gate_->admit(moment.credit);
    to->send_batch(std::move(moment));
  }
}

} // namespace keyfold
