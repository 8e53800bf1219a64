#pragma once

#include "../support/bare_view.hpp"

#include <functional>
#include <map>

namespace keyfold::testing {

/// Rows that wait: their time of emission, key, amount.
struct relay_state final : view_state {
  std::multimap<event_time, std::pair<std::string, int64_t>> waiting;
};

/// Emits every row of its stream, columns key and amount, into a derived stream: at once, or
/// `delay` after the row's time, when the watermark is there. What of a row's key and amount is
/// emitted can be chosen, also that several rows are.
class relay_view final : public bare_view {
public:
  using rows = std::vector<std::pair<std::string, int64_t>>;

  relay_view(std::string name, std::string stream, std::optional<duration> delay)
      : bare_view(std::move(name), {std::move(stream)},
                  {{"key", {type_kind::string, 0, 0, nullptr}},
                   {"amount", {type_kind::int64, 0, 0, nullptr}}}),
        delay_(delay) {}

  std::function<rows(std::string_view key, int64_t amount)> choose = [](std::string_view key,
                                                                        int64_t amount) {
    return rows{{std::string{key}, amount}};
  };

  /// Called before every emission, by its thread: to hold it up.
  std::function<void()> on_emit;

  std::unique_ptr<view_state> make_state() const override {
    return std::make_unique<relay_state>();
  }
  void fold(view_state& state, uint32_t, const event_batch& batch,
            std::span<const uint32_t> numbers, fold_context& context) const override {
    auto& x = static_cast<relay_state&>(state);
    for (auto row : numbers) {
      ++context.counts->rows;
      if (batch.time(row) <= context.watermark)
        ++context.counts->late;
      auto cells = batch.row(row);
      for (const auto& [key, amount] : choose(cells[0].as_text(), cells[1].as_integer()))
        if (delay_)
          x.waiting.emplace(later(batch.time(row), *delay_), std::pair{key, amount});
        else
          emit(key, amount, batch.time(row), context);
    }
    wake(x, context);
  }
  void advance(view_state& state, fold_context& context) const override {
    auto& x = static_cast<relay_state&>(state);
    while (!x.waiting.empty() && x.waiting.begin()->first <= context.watermark) {
      auto first = x.waiting.extract(x.waiting.begin());
      emit(first.mapped().first, first.mapped().second, first.key(), context);
    }
    wake(x, context);
  }
  void encode(const view_state& state, byte_writer& out) const override {
    const auto& x = static_cast<const relay_state&>(state);
    out.varint(x.waiting.size());
    for (const auto& [at, row] : x.waiting) {
      out.time(at);
      out.text(row.first);
      out.signed_varint(row.second);
    }
  }
  std::unique_ptr<view_state> decode(byte_reader& in, fold_context& context) const override {
    auto x = std::make_unique<relay_state>();
    auto size = in.varint();
    for (uint64_t i = 0; i < size && in.good(); ++i) {
      auto at = in.time();
      std::string key{in.text()};
      x->waiting.emplace(at, std::pair{std::move(key), in.signed_varint()});
    }
    wake(*x, context);
    return in.good() ? std::move(x) : nullptr;
  }
  bool empty(const view_state& state) const noexcept override {
    return static_cast<const relay_state&>(state).waiting.empty();
  }

private:
  void emit(const std::string& key, int64_t amount, event_time at, fold_context& context) const {
    if (on_emit)
      on_emit();
    const cell row[] = {cell::string(key), cell::integer(amount)};
    context.emissions->emit(row, at);
  }
  static void wake(const relay_state& x, fold_context& context) {
    if (!x.waiting.empty())
      context.wake(x.waiting.begin()->first);
  }

  std::optional<duration> delay_;
};

} // namespace keyfold::testing
