#pragma once

#include "messages/event_source.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::testing {

/// A record of the log: a key (none: NULL), an amount, a time; or one that cannot be decoded.
struct log_record {
  std::optional<std::string> key;
  int64_t amount = 1;
  event_time at{std::chrono::seconds{1}};
  bool malformed = false;
};

/// Rows of a key and an amount, whose time is the record's.
inline std::shared_ptr<stream_schema> log_schema(std::string name = "events") {
  auto schema = std::make_shared<stream_schema>();
  schema->name = std::move(name);
  schema->fields.resize(2);
  schema->fields[0].name = "key";
  schema->fields[0].type.kind = type_kind::string;
  schema->fields[1].name = "amount";
  schema->fields[1].type.kind = type_kind::int64;
  schema->time.idle_after = std::chrono::hours{1};
  return schema;
}

/// A partitioned log, as a broker keeps it: it outlives the pipelines that read it. Thread-safe.
class event_log {
public:
  explicit event_log(std::vector<std::string> partitions = {"p0"}) {
    for (auto& x : partitions)
      partitions_.push_back({std::move(x), {}});
  }

  void append(const std::string& to_partition, std::vector<log_record> records) {
    {
      std::lock_guard guard{mutex_};
      auto& to = find(to_partition);
      to.insert(to.end(), records.begin(), records.end());
    }
    changed_.notify_all();
  }
  void append(std::vector<log_record> records) { append(partitions_.front().name, records); }

  // What can be wrong with it; each takes effect at the next poll.

  /// Bounded: who has read all of a partition has ended.
  void end() {
    set([this] { bounded_ = true; });
  }
  /// No retry mends it.
  void fail(std::string sentence) {
    set([&] { failure_ = std::move(sentence); });
  }
  void set_status(component_status x) {
    set([&] { status_ = std::move(x); });
  }
  /// The records of partition `name` from `next` on do not come, and everybody knows that they are
  /// there.
  void hold_up(std::string name, int64_t next) {
    set([&] { held_up_ = {std::move(name), next}; });
  }
  /// The source has not been told its partitions: a group that is not joined.
  void hide_partitions(bool hidden) {
    set([&] { hidden_ = hidden; });
  }

  /// The newest epoch that the source was told of, with its positions.
  std::pair<uint64_t, source_positions> committed() const {
    std::lock_guard guard{mutex_};
    return {committed_epoch_, committed_};
  }
  /// Where the source was told to begin.
  source_positions started_at() const {
    std::lock_guard guard{mutex_};
    return started_at_;
  }
  uint64_t polls() const {
    std::lock_guard guard{mutex_};
    return polls_;
  }

private:
  friend class log_source;
  struct partition {
    std::string name;
    std::vector<log_record> records;
  };

  template <class F>
  void set(F f) {
    {
      std::lock_guard guard{mutex_};
      f();
    }
    changed_.notify_all();
  }
  std::vector<log_record>& find(const std::string& name) {
    return std::find_if(partitions_.begin(), partitions_.end(),
                        [&](const auto& x) { return x.name == name; })
        ->records;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<partition> partitions_;
  bool bounded_ = false;
  bool hidden_ = false;
  std::pair<std::string, int64_t> held_up_;
  std::string failure_;
  component_status status_;
  uint64_t committed_epoch_ = 0;
  source_positions committed_;
  source_positions started_at_;
  uint64_t polls_ = 0;
};

/// Reads an `event_log`.
class log_source final : public event_source {
public:
  log_source(std::shared_ptr<event_log> log, std::shared_ptr<const stream_schema> schema)
      : log_(std::move(log)), rows_(std::move(schema), 1024) {}

  result<void> start(const source_positions& positions) override {
    std::lock_guard guard{log_->mutex_};
    log_->started_at_ = positions;
    for (const auto& x : log_->partitions_) {
      auto known = positions.find(x.name);
      progress_[x.name] = known == positions.end()
                              ? partition_progress{x.name, 0, beginning_of_time, false}
                              : known->second;
      progress_[x.name].ended = false; // it may have grown; its end is told again
    }
    return {};
  }

  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override {
    std::unique_lock guard{log_->mutex_};
    ++log_->polls_;
    if (!more())
      log_->changed_.wait_for(guard, timeout);
    if (!log_->failure_.empty())
      return keyfold::fail(log_->failure_);
    source_poll out;
    if (log_->hidden_)
      return out;
    for (const auto& x : log_->partitions_)
      read(x, max_rows, out);
    if (rows_.size() != 0)
      out.events = rows_.build();
    return out;
  }

  std::vector<std::string> partitions() const override {
    std::lock_guard guard{log_->mutex_};
    std::vector<std::string> out;
    for (const auto& x : log_->partitions_)
      if (!log_->hidden_)
        out.push_back(x.name);
    return out;
  }
  void committed(uint64_t epoch, const source_positions& positions) override {
    std::lock_guard guard{log_->mutex_};
    log_->committed_epoch_ = epoch;
    log_->committed_ = positions;
  }
  component_status status() const override {
    std::lock_guard guard{log_->mutex_};
    return log_->status_;
  }
  void interrupt() noexcept override { log_->changed_.notify_all(); }
  void stop() override {}

private:
  bool more() const {
    return std::any_of(log_->partitions_.begin(), log_->partitions_.end(), [this](const auto& x) {
      return static_cast<size_t>(progress_.at(x.name).next) < x.records.size();
    });
  }

  void read(const event_log::partition& from, size_t max_rows, source_poll& out) {
    auto& progress = progress_[from.name];
    auto before = progress.next;
    while (out.records < max_rows && static_cast<size_t>(progress.next) < from.records.size()) {
      if (from.name == log_->held_up_.first && progress.next >= log_->held_up_.second)
        break;
      take(from, static_cast<size_t>(progress.next), progress, out);
      ++progress.next;
      ++out.records;
    }
    if (static_cast<size_t>(progress.next) < from.records.size())
      out.unread.push_back(from.name);
    auto ended = log_->bounded_ && static_cast<size_t>(progress.next) == from.records.size();
    if (progress.next == before && ended == progress.ended)
      return;
    progress.ended = ended;
    out.progress.push_back(progress);
  }

  void take(const event_log::partition& from, size_t place, partition_progress& progress,
            source_poll& out) {
    const auto& x = from.records[place];
    if (x.malformed) {
      out.dead_letters.push_back({rows_.schema().name, from.name + "@" + std::to_string(place),
                                  "it is malformed", x.key.value_or("")});
      return;
    }
    auto row = rows_.begin_row();
    if (x.key)
      row[0] = cell::string(rows_.text().copy(*x.key));
    row[1] = cell::integer(x.amount);
    if (auto taken = rows_.finish_row(x.at))
      progress.max_time = std::max(progress.max_time, x.at);
    else
      out.dead_letters.push_back({rows_.schema().name, from.name + "@" + std::to_string(place),
                                  taken.error().message, x.key.value_or("")});
  }

  std::shared_ptr<event_log> log_;
  event_batch_builder rows_;
  std::map<std::string, partition_progress> progress_;
};

} // namespace keyfold::testing
