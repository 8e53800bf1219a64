#pragma once

#include "store/ledger.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <thread>

namespace keyfold::testing {

/// A ledger in memory that can be slow, full or broken. Thread-safe.
class fake_ledger final : public store::ledger {
public:
  // What can be wrong with it.
  void set_slow(std::chrono::milliseconds commit) {
    set([&] { slow_ = commit; });
  }
  void set_full(bool full) {
    set([&] { full_ = full; });
  }
  void set_broken(std::string sentence) {
    set([&] { broken_ = std::move(sentence); });
  }
  /// So many calls of `compact` find something to do.
  void set_compactable(int times) {
    set([&] { compactable_ = times; });
  }
  void put(std::string key, std::string state) {
    set([&] { states_[key] = std::move(state); });
  }
  /// An epoch that an earlier run committed for `output`.
  void put_outbox(const std::string& output, uint64_t epoch, std::string log) {
    set([&] {
      outbox_[output][epoch] = std::move(log);
      last_epoch_ = std::max(last_epoch_, epoch);
    });
  }

  int commits() const { return get(commits_); }
  int attempts() const { return get(attempts_); }
  int compactions() const { return get(compactions_); }
  int durable_marks() const { return get(durable_marks_); }

  /// What was committed of an entity.
  std::map<std::string, std::string> states(uint32_t entity) const {
    std::lock_guard guard{mutex_};
    auto found = committed_.find(entity);
    return found == committed_.end() ? std::map<std::string, std::string>{} : found->second;
  }

  uint64_t last_epoch() const override { return get(last_epoch_); }
  std::vector<store::position_row> positions() const override { return get(positions_); }
  const std::vector<std::string>& reset_views() const override { return reset_views_; }
  store::ledger_result<void>
  for_each_key(const std::function<void(uint32_t, std::string_view, std::string_view)>&) override {
    return {};
  }
  store::ledger_result<std::optional<std::string>> load(uint32_t, std::string_view key) override {
    std::lock_guard guard{mutex_};
    if (!broken_.empty())
      return tl::unexpected{store::ledger_error{broken_}};
    auto found = states_.find(std::string{key});
    return found == states_.end() ? std::nullopt : std::optional{found->second};
  }
  uint64_t compacted_epoch() const override { return 0; }
  store::ledger_result<void> commit(const store::epoch_commit& x) override {
    std::this_thread::sleep_for(get(slow_));
    std::lock_guard guard{mutex_};
    ++attempts_;
    if (full_)
      return tl::unexpected{store::ledger_error{"the disk is full", true}};
    if (!broken_.empty())
      return tl::unexpected{store::ledger_error{broken_}};
    ++commits_;
    last_epoch_ = x.epoch;
    positions_ = x.positions;
    for (const auto& segment : x.segments)
      store::for_each_key_state(segment.pairs, [&](std::string_view key, std::string_view state) {
        committed_[segment.entity][std::string{key}] = state;
      });
    for (const auto& row : x.outbox)
      outbox_[row.output][x.epoch] = row.log;
    return {};
  }
  store::ledger_result<bool> compact(std::chrono::milliseconds) override {
    std::lock_guard guard{mutex_};
    ++compactions_;
    return --compactable_ > 0;
  }
  store::ledger_result<std::vector<std::pair<uint64_t, uint64_t>>>
  pending(const std::string& output) override {
    std::lock_guard guard{mutex_};
    std::vector<std::pair<uint64_t, uint64_t>> out;
    for (const auto& [epoch, log] : outbox_[output])
      out.emplace_back(epoch, log.size());
    return out;
  }
  store::ledger_result<std::string> read_outbox(const std::string& output,
                                                uint64_t epoch) override {
    std::lock_guard guard{mutex_};
    return outbox_[output][epoch];
  }
  store::ledger_result<void> mark_published(const std::string& output,
                                            const store::published_mark& mark,
                                            store::durability how) override {
    std::lock_guard guard{mutex_};
    if (!broken_.empty())
      return tl::unexpected{store::ledger_error{broken_}};
    auto& pending = outbox_[output];
    pending.erase(pending.begin(), pending.upper_bound(mark.epoch));
    published_[output] = mark;
    durable_marks_ += how == store::durability::at_once ? 1 : 0;
    return {};
  }
  store::ledger_result<store::published_mark> published(const std::string& output) override {
    std::lock_guard guard{mutex_};
    return published_[output];
  }
  store::ledger_statistics statistics() const override { return {}; }

private:
  template <class F>
  void set(F f) {
    std::lock_guard guard{mutex_};
    f();
  }
  template <class T>
  T get(const T& x) const {
    std::lock_guard guard{mutex_};
    return x;
  }

  mutable std::mutex mutex_;
  std::chrono::milliseconds slow_{0};
  bool full_ = false;
  std::string broken_;
  int compactable_ = 0;
  int commits_ = 0;
  int attempts_ = 0;
  int compactions_ = 0;
  uint64_t last_epoch_ = 0;
  std::map<std::string, std::string> states_;
  std::map<uint32_t, std::map<std::string, std::string>> committed_;
  std::vector<store::position_row> positions_;
  std::map<std::string, std::map<uint64_t, std::string>> outbox_;
  std::map<std::string, store::published_mark> published_;
  int durable_marks_ = 0;
  std::vector<std::string> reset_views_;
};

} // namespace keyfold::testing
