#pragma once

#include "features/view.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace keyfold {

/// A view that keeps nothing and says what a test has it say. Tests derive from it.
class bare_view : public view {
public:
  bare_view(std::string name, std::vector<std::string> inputs, std::vector<column> emissions = {})
      : name_(std::move(name)), inputs_(std::move(inputs)), emissions_(std::move(emissions)),
        fingerprint_("bare") {}

  const std::string& name() const noexcept override { return name_; }
  std::string_view kind() const noexcept override { return "bare"; }
  std::span<const std::string> inputs() const noexcept override { return inputs_; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return changes_; }
  std::span<const column> emissions() const noexcept override { return emissions_; }
  const std::string& fingerprint() const noexcept override { return fingerprint_; }
  std::unique_ptr<view_state> make_state() const override { return std::make_unique<view_state>(); }
  void fold(view_state&, uint32_t, const event_batch&, std::span<const uint32_t>,
            fold_context&) const override {}
  void advance(view_state&, fold_context&) const override {}
  void read(const view_state&, event_time, std::span<const uint32_t>, std::span<feature_value>,
            arena&) const override {}
  void read_all(const view_state&, event_time, arena&, feature_sink&) const override {}
  bool open() const noexcept override { return false; }
  void collect_changes(view_state&, event_time, change_sink&) const override {}
  void encode(const view_state&, byte_writer&) const override {}
  std::unique_ptr<view_state> decode(byte_reader&, fold_context&) const override {
    return make_state();
  }
  bool empty(const view_state&) const noexcept override { return true; }
  size_t memory(const view_state&) const noexcept override { return sizeof(view_state); }

protected:
  std::vector<feature_info> features_;
  change_schema changes_;

private:
  std::string name_;
  std::vector<std::string> inputs_;
  std::vector<column> emissions_;
  std::string fingerprint_;
};

} // namespace keyfold
