#pragma once

#include "messages/table_source.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::testing {

/// A table that keeps rows in the ledger, and notes how it is treated. Thread-safe.
class fake_table final : public table_source, public kept_table {
public:
  explicit fake_table(std::string name) : name_(std::move(name)) {}

  // What it has for the ledger.
  void change(std::string key, std::string row, int64_t next, int64_t ahead = 0) {
    std::lock_guard guard{mutex_};
    waiting_.emplace_back(std::move(key), std::move(row));
    next_ = next;
    ahead_ = ahead;
  }
  /// So many rows go into an epoch.
  void set_most(size_t rows) {
    std::lock_guard guard{mutex_};
    most_ = rows;
  }
  /// What happens just before it is asked for rows, and before it is told that they are in.
  void when(std::function<void()> taken, std::function<void()> committed) {
    when_taken_ = std::move(taken);
    when_committed_ = std::move(committed);
  }
  /// Why it cannot be loaded.
  void fail(std::string why) { why_ = std::move(why); }

  // How it was treated.
  std::vector<std::string> calls() const { return get(calls_); }
  std::map<std::string, std::string> restored() const { return get(restored_); }
  std::optional<table_position> position() const { return get(position_); }
  int takes() const { return get(takes_); }
  int commits() const { return get(commits_); }
  size_t waiting() const {
    std::lock_guard guard{mutex_};
    return waiting_.size();
  }

  result<void> load() override {
    note("load");
    return why_.empty() ? result<void>{} : keyfold::fail(why_);
  }
  void start() override { note("start"); }
  void stop() override { note("stop"); }
  kept_table* kept() noexcept override { return this; }

  const std::string& name() const noexcept override { return name_; }
  void restore(std::optional<table_position> position) override {
    note("restore");
    position_ = std::move(position);
  }
  void restore_row(std::string_view key, std::string_view row) override {
    std::lock_guard guard{mutex_};
    restored_.emplace(key, row);
  }
  table_share take(size_t, bool last, const row_sink& to) override {
    if (when_taken_)
      when_taken_();
    std::lock_guard guard{mutex_};
    ++takes_;
    if (last)
      calls_.push_back("take last");
    size_t count = 0;
    for (; count < waiting_.size() && count < most_; ++count)
      to(waiting_[count].first, waiting_[count].second);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
    if (waiting_.empty() && next_ != 0)
      taken_ = table_position{"0123", next_, ahead_};
    return {taken_, !waiting_.empty()};
  }
  void committed() override {
    if (when_committed_)
      when_committed_();
    std::lock_guard guard{mutex_};
    ++commits_;
  }

private:
  void note(const char* what) {
    std::lock_guard guard{mutex_};
    calls_.emplace_back(what);
  }
  template <class T>
  T get(const T& x) const {
    std::lock_guard guard{mutex_};
    return x;
  }

  std::string name_;
  std::string why_;
  std::function<void()> when_taken_;
  std::function<void()> when_committed_;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> waiting_;
  int64_t next_ = 0;
  int64_t ahead_ = 0;
  size_t most_ = 1000;
  std::optional<table_position> taken_;
  std::vector<std::string> calls_;
  std::map<std::string, std::string> restored_;
  std::optional<table_position> position_;
  int takes_ = 0;
  int commits_ = 0;
};

} // namespace keyfold::testing
