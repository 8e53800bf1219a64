#include "features/aggregate/functions.hpp"
#include "features/aggregate/stored_value.hpp"
#include "features/expression/comparison.hpp"
#include "features/typed_cell.hpp"

namespace keyfold::aggregates {

namespace {

/// A copy of the cell that outlives the slot.
cell lasting(const stored_value& x, arena& memory) {
  return memory.copy(x.get());
}

class extreme_function final : public aggregate_function {
public:
  extreme_function(const data_type& argument, bool greatest)
      : type_(argument), order_(expressions::order_of(argument.kind)), greatest_(greatest) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return stored_value::words; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    if (x.kind() == cell_kind::real && x.as_real() != x.as_real())
      return aggregate_outcome::skipped;
    auto& own = stored_value::at(slot);
    if (own.is_null() || beats(x, own.get()))
      own.set(x);
    return aggregate_outcome::taken;
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    const auto& x = stored_value::at(from);
    auto& own = stored_value::at(to);
    if (!x.is_null() && (own.is_null() || beats(x.get(), own.get())))
      own.set(x.get());
    return true;
  }
  cell value(const uint64_t* slot, arena& memory) const override {
    return lasting(stored_value::at(slot), memory);
  }
  void clear(uint64_t* slot) const noexcept override { stored_value::at(slot).clear(); }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    out.value(stored_value::at(slot).get());
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    arena none;
    auto x = in.value(none);
    if (!in.good() || !fits(x, type_))
      return false;
    stored_value::at(slot).set(x);
    return true;
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    return stored_value::at(slot).memory();
  }

private:
  bool beats(const cell& x, const cell& other) const noexcept {
    auto order = order_(x, other);
    return greatest_ ? order > 0 : order < 0;
  }

  data_type type_;
  expressions::cell_order order_;
  bool greatest_;
};

/// The slot: a value, and the event time of its row.
class end_value_function final : public aggregate_function {
public:
  end_value_function(const data_type& argument, bool last) : type_(argument), last_(last) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return stored_value::words + 1; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time at) const override {
    offer(slot, x, at.time_since_epoch().count());
    return aggregate_outcome::taken;
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    const auto& x = stored_value::at(from);
    if (!x.is_null())
      offer(to, x.get(), time_of(from));
    return true;
  }
  cell value(const uint64_t* slot, arena& memory) const override {
    return lasting(stored_value::at(slot), memory);
  }
  void clear(uint64_t* slot) const noexcept override {
    stored_value::at(slot).clear();
    slot[stored_value::words] = 0;
  }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    const auto& x = stored_value::at(slot);
    out.value(x.get());
    if (!x.is_null())
      out.signed_varint(time_of(slot));
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    arena none;
    auto x = in.value(none);
    if (!in.good() || !fits(x, type_))
      return false;
    stored_value::at(slot).set(x);
    if (!x.is_null())
      slot[stored_value::words] = static_cast<uint64_t>(in.signed_varint());
    return in.good();
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    return stored_value::at(slot).memory();
  }

private:
  static int64_t time_of(const uint64_t* slot) noexcept {
    return static_cast<int64_t>(slot[stored_value::words]);
  }
  void offer(uint64_t* slot, const cell& x, int64_t at) const {
    auto& own = stored_value::at(slot);
    auto better = last_ ? at >= time_of(slot) : at < time_of(slot);
    if (!own.is_null() && !better)
      return;
    own.set(x);
    slot[stored_value::words] = static_cast<uint64_t>(at);
  }

  data_type type_;
  bool last_;
};

} // namespace

function_ptr make_extreme(const data_type& argument, bool greatest) {
  return std::make_shared<extreme_function>(argument, greatest);
}

function_ptr make_end_value(const data_type& argument, bool last) {
  return std::make_shared<end_value_function>(argument, last);
}

} // namespace keyfold::aggregates
