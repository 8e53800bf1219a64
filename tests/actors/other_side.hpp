#pragma once

#include "messages/event_output.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace keyfold::testing {

/// A change as the other side of an output keeps it. Keys and texts as text.
struct published_change {
  uint64_t epoch = 0;
  uint32_t source = 0;
  bool erased = false;
  std::string key; ///< several columns joined by `|`
  std::vector<std::string> values;
};

/// What an output writes to, e.g. a broker: it outlives the pipelines. An epoch arrives whole, with
/// the marker, or not at all. Thread-safe.
class other_side {
public:
  // What can be wrong with it.

  /// Nothing goes through while the sentence is not empty.
  void set_down(std::string sentence) {
    set([&] { down_ = std::move(sentence); });
  }
  /// It will never go through.
  void set_fatal(std::string sentence) {
    set([&] {
      down_ = std::move(sentence);
      fatal_ = true;
    });
  }
  /// The next `count` epochs arrive, but their writer is told that they did not.
  void lose_replies(int count) {
    set([&] { lost_replies_ = count; });
  }
  /// What it says of itself.
  void set_status(component_status status) {
    set([&] { status_ = std::move(status); });
  }
  void set_marker(uint64_t epoch) {
    set([&] { marker_ = epoch; });
  }

  std::vector<published_change> changes() const {
    std::lock_guard guard{mutex_};
    return changes_;
  }
  uint64_t marker() const {
    std::lock_guard guard{mutex_};
    return marker_;
  }
  component_status status() const {
    std::lock_guard guard{mutex_};
    return status_;
  }
  /// What its writers were told that the ledger knows, each time.
  void told(std::string mark) {
    set([&] { told_.push_back(std::move(mark)); });
  }
  std::vector<std::string> told() const {
    std::lock_guard guard{mutex_};
    return told_;
  }
  int attempts() const {
    std::lock_guard guard{mutex_};
    return attempts_;
  }
  bool fatal() const {
    std::lock_guard guard{mutex_};
    return fatal_;
  }
  /// As it is now: for a crash whose other half goes on in another world.
  std::shared_ptr<other_side> copy() const {
    auto out = std::make_shared<other_side>();
    std::lock_guard guard{mutex_};
    out->changes_ = changes_;
    out->marker_ = marker_;
    return out;
  }

  result<uint64_t> open() {
    std::lock_guard guard{mutex_};
    ++attempts_;
    if (!down_.empty())
      return fail(down_);
    return marker_;
  }
  result<void> publish(uint64_t epoch, std::string_view log) {
    std::lock_guard guard{mutex_};
    ++attempts_;
    if (!down_.empty())
      return fail(down_);
    change_log_reader reader{log};
    change next;
    while (reader.next(next))
      changes_.push_back({epoch, next.source, next.erased, joined(next.key), texts(next.values)});
    if (!reader.good())
      return fail("the log is malformed");
    marker_ = epoch;
    if (lost_replies_ > 0) {
      --lost_replies_;
      return fail("the connection broke");
    }
    return {};
  }

private:
  static std::string text(const cell& x) {
    return x.is_null()                      ? "NULL"
           : x.kind() == cell_kind::integer ? std::to_string(x.as_integer())
           : x.kind() == cell_kind::real    ? std::to_string(x.as_real())
           : x.kind() == cell_kind::string  ? std::string{x.as_text()}
                                            : "?";
  }
  static std::vector<std::string> texts(std::span<const cell> cells) {
    std::vector<std::string> out;
    for (const auto& x : cells)
      out.push_back(text(x));
    return out;
  }
  static std::string joined(std::span<const cell> cells) {
    std::string out;
    for (const auto& x : cells)
      out += (out.empty() ? "" : "|") + text(x);
    return out;
  }
  template <class F>
  void set(F f) {
    std::lock_guard guard{mutex_};
    f();
  }

  mutable std::mutex mutex_;
  std::vector<published_change> changes_;
  uint64_t marker_ = 0;
  int attempts_ = 0;
  int lost_replies_ = 0;
  std::string down_;
  component_status status_;
  std::vector<std::string> told_;
  bool fatal_ = false;
};

/// Writes to an `other_side`.
class test_output final : public event_output {
public:
  explicit test_output(std::shared_ptr<other_side> to) : to_(std::move(to)) {}

  result<uint64_t> open() override { return to_->open(); }
  result<void> publish(uint64_t epoch, std::string_view log) override {
    return to_->publish(epoch, log);
  }
  void recorded(uint64_t epoch, const std::string& position) override {
    to_->told(std::to_string(epoch) + " " + position);
  }
  std::string position() const override { return "at " + std::to_string(to_->marker()); }
  bool fatal() const override { return to_->fatal(); }
  component_status status() const override { return to_->status(); }
  void interrupt() noexcept override {}

private:
  std::shared_ptr<other_side> to_;
};

} // namespace keyfold::testing
