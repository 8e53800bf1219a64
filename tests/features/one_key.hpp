#pragma once

#include "features/event_batch.hpp"
#include "features/view.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::view_test {

/// One key of a view with what surrounds it, as far as the tests of all views want it alike.
class one_key {
public:
  void collect(change_sink& sink) { view_->collect_changes(*state_, watermark, sink); }
  bool empty() const { return view_->empty(*state_); }
  size_t memory() const { return view_->memory(*state_); }
  std::string encode() const {
    std::string out;
    byte_writer writer{out};
    view_->encode(*state_, writer);
    return out;
  }
  bool decode(std::string_view bytes) {
    byte_reader reader{bytes};
    auto context = this->context();
    auto decoded = view_->decode(reader, context);
    if (!decoded)
      return false;
    rest = reader.remaining();
    state_ = std::move(decoded);
    wake_at = context.wake_at;
    return true;
  }
  feature_value read(std::string_view name, event_time as_of, arena& memory) const {
    auto features = view_->features();
    for (uint32_t i = 0; i < features.size(); ++i)
      if (features[i].name == name) {
        feature_value out;
        view_->read(*state_, as_of, {&i, 1}, {&out, 1}, memory);
        return out;
      }
    FAIL("no feature " << name);
    return {};
  }

  event_time watermark = beginning_of_time;
  event_time wake_at = end_of_time;
  size_t rest = 0; ///< bytes left by `decode`
  fold_counts counts;
  change_sink* changes = nullptr;
  emission_sink* emissions = nullptr;

protected:
  explicit one_key(std::shared_ptr<const view> of)
      : view_(std::move(of)), state_(view_->make_state()) {}

  const view& of() const { return *view_; }
  const view_state& state() const { return *state_; }
  /// All rows of a batch.
  void fold_batch(uint32_t input, const event_batch& batch) {
    std::vector<uint32_t> rows(batch.size());
    std::iota(rows.begin(), rows.end(), 0u);
    auto context = this->context();
    view_->fold(*state_, input, batch, rows, context);
    wake_at = std::min(wake_at, context.wake_at);
  }
  /// As the router does: only where the state asked for it, as often as it asks.
  void advance_while_due() {
    while (wake_at <= watermark && wake_at != end_of_time)
      advance_once();
  }
  void advance_once() {
    auto context = this->context();
    view_->advance(*state_, context);
    REQUIRE((context.wake_at > watermark || context.wake_at == end_of_time));
    wake_at = context.wake_at;
  }

private:
  fold_context context() {
    scratch_.clear();
    fold_context out;
    out.watermark = watermark;
    out.changes = changes;
    out.emissions = emissions;
    out.counts = &counts;
    out.scratch = &scratch_;
    return out;
  }

  std::shared_ptr<const view> view_;
  std::unique_ptr<view_state> state_;
  arena scratch_;
};

} // namespace keyfold::view_test
