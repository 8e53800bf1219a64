#pragma once

#include "features/entity.hpp"

#include <functional>

namespace keyfold::testing {

/// What the view keeps: how many rows, the sum of their amounts, the newest time.
struct tally final : view_state {
  int64_t count = 0;
  int64_t sum = 0;
  event_time newest = beginning_of_time;
  bool changed = false;
};

/// The simplest view there can be: counts and sums column 1 of its stream. Each change is an upsert
/// (count, sum), so that the upserts of a key must carry 1, 2, 3 … and a lost or doubled one shows.
/// With a time to live, a key silent for so long is erased by a timer, and all at the end of time.
class tally_view final : public view {
public:
  explicit tally_view(std::string name, std::string stream = "events",
                      std::optional<duration> time_to_live = std::nullopt)
      : name_(std::move(name)), inputs_{std::move(stream)}, time_to_live_(time_to_live) {}

  /// Called by every fold, by its thread: to hold folding up.
  std::function<void()> on_fold;

  /// Another stream of the same columns.
  void also_reads(std::string stream) { inputs_.push_back(std::move(stream)); }

  const std::string& name() const noexcept override { return name_; }
  std::string_view kind() const noexcept override { return "tally"; }
  std::span<const std::string> inputs() const noexcept override { return inputs_; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return changes_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  std::unique_ptr<view_state> make_state() const override { return std::make_unique<tally>(); }

  void fold(view_state& state, uint32_t, const event_batch& batch, std::span<const uint32_t> rows,
            fold_context& context) const override {
    if (on_fold)
      on_fold();
    auto& x = static_cast<tally&>(state);
    for (auto row : rows) {
      ++context.counts->rows;
      if (batch.time(row) <= context.watermark)
        ++context.counts->late;
      ++x.count;
      x.sum += batch.row(row)[1].as_integer();
      x.newest = std::max(x.newest, batch.time(row));
      x.changed = true;
      if (context.changes != nullptr)
        publish(x, *context.changes);
    }
    if (time_to_live_)
      context.wake(later(x.newest, *time_to_live_));
  }
  void advance(view_state& state, fold_context& context) const override {
    auto& x = static_cast<tally&>(state);
    if (!time_to_live_ || x.count == 0)
      return;
    if (context.watermark < later(x.newest, *time_to_live_)) {
      context.wake(later(x.newest, *time_to_live_));
      return;
    }
    auto at = x.newest;
    x = {};
    x.changed = true;
    ++context.counts->expired;
    if (context.changes != nullptr)
      context.changes->erase({}, at);
  }
  void read(const view_state& state, event_time, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena&) const override {
    const auto& x = static_cast<const tally&>(state);
    for (size_t i = 0; x.count != 0 && i < wanted.size(); ++i)
      out[i] = {cell::integer(wanted[i] == 0 ? x.count : x.sum), feature_status::present, x.newest};
  }
  void read_all(const view_state&, event_time, arena&, feature_sink&) const override {}
  bool open() const noexcept override { return false; }
  void collect_changes(view_state& state, event_time, change_sink& sink) const override {
    auto& x = static_cast<tally&>(state);
    if (!std::exchange(x.changed, false))
      return;
    if (x.count == 0)
      sink.erase({}, x.newest);
    else
      publish(x, sink);
  }
  void encode(const view_state& state, byte_writer& out) const override {
    const auto& x = static_cast<const tally&>(state);
    out.signed_varint(x.count);
    out.signed_varint(x.sum);
    out.time(x.newest);
  }
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override {
    auto x = std::make_unique<tally>();
    x->count = in.signed_varint();
    x->sum = in.signed_varint();
    x->newest = in.time();
    if (!in.good())
      return nullptr;
    if (time_to_live_ && x->count != 0)
      context.wake(later(x->newest, *time_to_live_));
    return x;
  }
  bool empty(const view_state& state) const noexcept override {
    return static_cast<const tally&>(state).count == 0;
  }
  size_t memory(const view_state&) const noexcept override { return sizeof(tally); }

private:
  static void publish(const tally& x, change_sink& to) {
    const cell values[] = {cell::integer(x.count), cell::integer(x.sum)};
    to.upsert({}, values, x.newest);
  }

  std::string name_;
  std::vector<std::string> inputs_;
  std::optional<duration> time_to_live_;
  std::vector<feature_info> features_{{"count", {type_kind::int64, 0, 0, nullptr}},
                                      {"sum", {type_kind::int64, 0, 0, nullptr}}};
  change_schema changes_{
      {},
      {{"count", {type_kind::int64, 0, 0, nullptr}}, {"sum", {type_kind::int64, 0, 0, nullptr}}}};
  std::string fingerprint_ = "tally 1";
};

} // namespace keyfold::testing
