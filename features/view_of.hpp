#pragma once

#include "features/read_named.hpp"
#include "features/view.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace keyfold {

/// What a view says of itself.
struct view_description {
  std::string name;
  std::string kind; ///< as the definition language names it
  std::vector<std::string> inputs;
  std::vector<feature_info> features;
  change_schema changes;
  std::vector<column> emissions;
  std::string fingerprint;
  bool changes_at_once = false; ///< see `view::changes_at_once`
};

/// A view of a machine: a class with the functions of `view` for its own type of state,
/// `Machine::state_type`, which tells the rest by `description()`. All its features are known
/// beforehand. After each fold, each advance and each decoding `Machine::report` says when the
/// state wants to be woken.
template <class Machine>
class view_of final : public view {
public:
  /// The machine's own.
  template <class... Arguments>
  explicit view_of(Arguments&&... arguments) : machine_(std::forward<Arguments>(arguments)...) {}

  const std::string& name() const noexcept override { return about().name; }
  std::string_view kind() const noexcept override { return about().kind; }
  std::span<const std::string> inputs() const noexcept override { return about().inputs; }
  std::span<const feature_info> features() const noexcept override { return about().features; }
  const change_schema& changes() const noexcept override { return about().changes; }
  std::span<const column> emissions() const noexcept override { return about().emissions; }
  const std::string& fingerprint() const noexcept override { return about().fingerprint; }
  bool open() const noexcept override { return false; }
  bool changes_at_once() const noexcept override { return about().changes_at_once; }

  std::unique_ptr<view_state> make_state() const override { return machine_.make_state(); }
  void fold(view_state& state, uint32_t input, const event_batch& batch,
            std::span<const uint32_t> rows, fold_context& context) const override {
    machine_.fold(own(state), input, batch, rows, context);
    machine_.report(own(state), context);
  }
  void advance(view_state& state, fold_context& context) const override {
    machine_.advance(own(state), context);
    machine_.report(own(state), context);
  }
  void read(const view_state& state, event_time as_of, std::span<const uint32_t> wanted,
            std::span<feature_value> out, arena& memory) const override {
    machine_.read(own(state), as_of, wanted, out, memory);
  }
  void read_all(const view_state& state, event_time as_of, arena& memory,
                feature_sink& sink) const override {
    read_named(*this, state, as_of, memory, sink);
  }
  void collect_changes(view_state& state, event_time watermark, change_sink& sink) const override {
    machine_.collect_changes(own(state), watermark, sink);
  }
  void encode(const view_state& state, byte_writer& out) const override {
    machine_.encode(own(state), out);
  }
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override {
    auto state = machine_.decode(in, *context.scratch);
    if (state != nullptr)
      machine_.report(*state, context);
    return state;
  }
  bool empty(const view_state& state) const noexcept override { return machine_.empty(own(state)); }
  void prefetch(const view_state& state) const noexcept override { machine_.prefetch(own(state)); }
  size_t memory(const view_state& state) const noexcept override {
    return machine_.memory(own(state));
  }

private:
  using state_type = typename Machine::state_type;

  static state_type& own(view_state& x) noexcept { return static_cast<state_type&>(x); }
  static const state_type& own(const view_state& x) noexcept {
    return static_cast<const state_type&>(x);
  }
  const view_description& about() const noexcept { return machine_.description(); }

  Machine machine_;
};

/// Hands rows to `f(cells, time)`, one after the other; what one takes of the scratch memory is
/// free again for the next.
template <class F>
void fold_each(const event_batch& batch, std::span<const uint32_t> rows, fold_context& context,
               const F& f) {
  for (auto row : rows) {
    auto before = context.scratch->now();
    f(batch.row(row), batch.time(row));
    context.scratch->rewind(before);
  }
}

} // namespace keyfold
