#include "features/aggregate/functions.hpp"
#include "features/aggregate/kll_sketch.hpp"
#include "features/distinct_counter.hpp"

#include <algorithm>
#include <cmath>

namespace keyfold::aggregates {

namespace {

/// The counter in a slot, as an object for a while.
class slot_counter {
public:
  explicit slot_counter(uint64_t* slot) noexcept
      : slot_(slot), counter_(distinct_counter::adopt(reinterpret_cast<void*>(*slot))) {}
  slot_counter(const slot_counter&) = delete;
  slot_counter& operator=(const slot_counter&) = delete;
  ~slot_counter() { *slot_ = reinterpret_cast<uint64_t>(counter_.release()); }
  distinct_counter& operator*() noexcept { return counter_; }

private:
  uint64_t* slot_;
  distinct_counter counter_;
};

class distinct_sketch_function final : public aggregate_function {
public:
  explicit distinct_sketch_function(uint32_t exact_bound) : exact_bound_(exact_bound) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return 1; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    (*slot_counter{slot}).add(distinct_hash(x), exact_bound_);
    return aggregate_outcome::taken;
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    auto other = *from;
    (*slot_counter{to}).merge(*slot_counter{&other}, exact_bound_);
    return true;
  }
  cell value(const uint64_t* slot, arena&) const override {
    auto own = *slot;
    return cell::integer(static_cast<int64_t>((*slot_counter{&own}).count()));
  }
  void clear(uint64_t* slot) const noexcept override { *slot_counter{slot} = distinct_counter{}; }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    auto own = *slot;
    (*slot_counter{&own}).encode(out);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    auto decoded = distinct_counter::decode(in, exact_bound_);
    if (decoded)
      *slot_counter{slot} = std::move(*decoded);
    return decoded.has_value();
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    auto own = *slot;
    return (*slot_counter{&own}).memory();
  }

private:
  data_type type_ = type_of(type_kind::int64);
  uint32_t exact_bound_;
};

/// The slot is a pointer to a sketch.
class percentile_function final : public aggregate_function {
public:
  explicit percentile_function(double share) : share_(share) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return 1; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    auto number = number_in(x);
    if (!std::isfinite(number))
      return aggregate_outcome::skipped;
    need(slot).add(number);
    return aggregate_outcome::taken;
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    if (const auto* other = sketch(from))
      need(to).merge(*other);
    return true;
  }
  cell value(const uint64_t* slot, arena&) const override {
    const auto* own = sketch(slot);
    return own == nullptr ? cell{} : cell::real(own->quantile(share_));
  }
  void clear(uint64_t* slot) const noexcept override {
    delete sketch(slot);
    *slot = 0;
  }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    const auto* own = sketch(slot);
    out.u8(own == nullptr ? 0 : 1);
    if (own != nullptr)
      own->encode(out);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    auto any = in.u8();
    if (!in.good() || any > 1)
      return false;
    return any == 0 || (need(slot).decode(in) && sketch(slot)->count() > 0);
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    const auto* own = sketch(slot);
    return own == nullptr ? 0 : own->memory();
  }

private:
  static kll_sketch* sketch(const uint64_t* slot) noexcept {
    return reinterpret_cast<kll_sketch*>(*slot);
  }
  static kll_sketch& need(uint64_t* slot) {
    if (*slot == 0)
      *slot = reinterpret_cast<uint64_t>(new kll_sketch);
    return *sketch(slot);
  }

  data_type type_ = type_of(type_kind::float64);
  double share_;
};

/// The slot is a count for each interval: below the first bound, from each bound up to the next,
/// from the last bound on.
class histogram_function final : public aggregate_function {
public:
  explicit histogram_function(std::vector<double> bounds)
      : type_(list_of(type_of(type_kind::int64))), bounds_(std::move(bounds)) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return bounds_.size() + 1; }
  bool retractable() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    auto number = number_in(x);
    if (std::isnan(number))
      return aggregate_outcome::skipped;
    ++slot[interval(number)];
    return aggregate_outcome::taken;
  }
  void remove(uint64_t* slot, const cell& x) const override {
    auto number = number_in(x);
    if (!std::isnan(number))
      --slot[interval(number)];
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    for (size_t i = 0; i < words(); ++i)
      to[i] += from[i];
    return true;
  }
  void retract(uint64_t* to, const uint64_t* from) const override {
    for (size_t i = 0; i < words(); ++i)
      to[i] -= from[i];
  }
  cell value(const uint64_t* slot, arena& memory) const override {
    if (std::all_of(slot, slot + words(), [](auto x) { return x == 0; }))
      return {};
    auto cells = memory.allocate_cells(words());
    for (size_t i = 0; i < words(); ++i)
      cells[i] = cell::integer(static_cast<int64_t>(slot[i]));
    return cell::list(cells);
  }
  void clear(uint64_t* slot) const noexcept override { std::fill_n(slot, words(), uint64_t{0}); }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    for (size_t i = 0; i < words(); ++i)
      out.varint(slot[i]);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    for (size_t i = 0; i < words(); ++i)
      slot[i] = in.varint();
    return in.good();
  }

private:
  size_t interval(double x) const noexcept {
    return static_cast<size_t>(std::upper_bound(bounds_.begin(), bounds_.end(), x)
                               - bounds_.begin());
  }

  data_type type_;
  std::vector<double> bounds_;
};

} // namespace

function_ptr make_distinct_sketch(uint32_t exact_bound) {
  return std::make_shared<distinct_sketch_function>(exact_bound);
}

function_ptr make_percentile(double percentile) {
  return std::make_shared<percentile_function>(percentile);
}

function_ptr make_histogram(std::vector<double> bounds) {
  return std::make_shared<histogram_function>(std::move(bounds));
}

} // namespace keyfold::aggregates
