#include "features/aggregate/exact_sum.hpp"
#include "features/aggregate/functions.hpp"
#include "features/decimal.hpp"

#include <cmath>
#include <limits>

namespace keyfold::aggregates {

namespace {

__extension__ using integer = __int128;
__extension__ using magnitude = unsigned __int128;

class count_function final : public aggregate_function {
public:
  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return 1; }
  bool retractable() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell&, event_time) const override {
    ++*slot;
    return aggregate_outcome::taken;
  }
  void remove(uint64_t* slot, const cell&) const override { --*slot; }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    *to += *from;
    return true;
  }
  void retract(uint64_t* to, const uint64_t* from) const override { *to -= *from; }
  cell value(const uint64_t* slot, arena&) const override {
    return cell::integer(static_cast<int64_t>(*slot));
  }
  void clear(uint64_t* slot) const noexcept override { *slot = 0; }
  void encode(const uint64_t* slot, byte_writer& out) const override { out.varint(*slot); }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    *slot = in.varint();
    return in.good() && *slot <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  }

private:
  data_type type_ = type_of(type_kind::int64);
};

/// The sum of whole numbers in 128 bits, and how many there are.
struct integer_sum {
  static constexpr size_t words = 3;
  uint64_t low;
  uint64_t high;
  uint64_t count;

  static integer_sum& at(uint64_t* slot) noexcept { return *reinterpret_cast<integer_sum*>(slot); }
  static const integer_sum& at(const uint64_t* slot) noexcept {
    return *reinterpret_cast<const integer_sum*>(slot);
  }
  integer get() const noexcept {
    return static_cast<integer>((static_cast<magnitude>(high) << 64) | low);
  }
  void change(integer by, uint64_t rows) noexcept {
    auto sum = static_cast<magnitude>(get()) + static_cast<magnitude>(by);
    low = static_cast<uint64_t>(sum);
    high = static_cast<uint64_t>(sum >> 64);
    count += rows;
  }
};

/// Sums and averages of integers and decimals.
class integer_function : public aggregate_function {
public:
  explicit integer_function(data_type result) : type_(std::move(result)) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return integer_sum::words; }
  bool retractable() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    integer_sum::at(slot).change(x.as_integer(), 1);
    return aggregate_outcome::taken;
  }
  void remove(uint64_t* slot, const cell& x) const override {
    integer_sum::at(slot).change(-static_cast<integer>(x.as_integer()), ~uint64_t{0});
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    const auto& x = integer_sum::at(from);
    integer_sum::at(to).change(x.get(), x.count);
    return true;
  }
  void retract(uint64_t* to, const uint64_t* from) const override {
    const auto& x = integer_sum::at(from);
    integer_sum::at(to).change(-x.get(), ~x.count + 1);
  }
  void clear(uint64_t* slot) const noexcept override { integer_sum::at(slot) = {}; }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    const auto& x = integer_sum::at(slot);
    auto small = x.get() == static_cast<int64_t>(x.get());
    out.varint(x.count);
    out.u8(small ? 0 : 1);
    if (small) {
      out.signed_varint(static_cast<int64_t>(x.low));
    } else {
      out.u64(x.low);
      out.u64(x.high);
    }
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    auto& x = integer_sum::at(slot);
    x.count = in.varint();
    auto form = in.u8();
    if (form == 0) {
      x.low = static_cast<uint64_t>(in.signed_varint());
      x.high = static_cast<int64_t>(x.low) < 0 ? ~uint64_t{0} : 0;
    } else {
      x.low = in.u64();
      x.high = in.u64();
    }
    return in.good() && form <= 1;
  }

private:
  data_type type_;
};

class integer_sum_function final : public integer_function {
public:
  integer_sum_function(data_type result, bool zero_when_empty)
      : integer_function(std::move(result)), zero_when_empty_(zero_when_empty) {}

  cell value(const uint64_t* slot, arena&) const override {
    const auto& x = integer_sum::at(slot);
    if (x.count == 0 && !zero_when_empty_)
      return {};
    auto sum = x.get();
    if (type().kind == type_kind::decimal) {
      auto fits = sum < powers_of_ten.back() && sum > -powers_of_ten.back();
      return fits ? cell::decimal(static_cast<int64_t>(sum), type().scale) : cell{};
    }
    return sum == static_cast<int64_t>(sum) ? cell::integer(static_cast<int64_t>(sum)) : cell{};
  }

private:
  bool zero_when_empty_;
};

class integer_average_function final : public integer_function {
public:
  explicit integer_average_function(int scale)
      : integer_function(type_of(type_kind::float64)),
        divisor_(powers_of_ten[static_cast<size_t>(scale)]) {}

  cell value(const uint64_t* slot, arena&) const override {
    const auto& x = integer_sum::at(slot);
    if (x.count == 0)
      return {};
    auto average = static_cast<quad>(x.get()) / static_cast<quad>(x.count);
    return cell::real(static_cast<double>(average / static_cast<quad>(divisor_)));
  }

private:
  int64_t divisor_;
};

/// Sums and averages of doubles.
class real_function final : public aggregate_function {
public:
  real_function(bool average, bool zero_when_empty)
      : average_(average), zero_when_empty_(zero_when_empty) {}

  const data_type& type() const noexcept override { return type_; }
  size_t words() const noexcept override { return exact_sum::words; }
  bool retractable() const noexcept override { return true; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    if (!std::isfinite(x.as_real()))
      return aggregate_outcome::skipped;
    exact_sum::at(slot).add(x.as_real());
    return aggregate_outcome::taken;
  }
  void remove(uint64_t* slot, const cell& x) const override {
    if (std::isfinite(x.as_real()))
      exact_sum::at(slot).subtract(x.as_real());
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    exact_sum::at(to).merge(exact_sum::at(from));
    return true;
  }
  void retract(uint64_t* to, const uint64_t* from) const override {
    exact_sum::at(to).retract(exact_sum::at(from));
  }
  cell value(const uint64_t* slot, arena&) const override {
    const auto& sum = exact_sum::at(slot);
    if (sum.count() == 0)
      return zero_when_empty_ ? cell::real(0) : cell{};
    auto number = average_ ? sum.mean() : sum.value();
    return std::isfinite(number) ? cell::real(number) : cell{};
  }
  void clear(uint64_t* slot) const noexcept override { exact_sum::at(slot).clear(); }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    exact_sum::at(slot).encode(out);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    return exact_sum::at(slot).decode(in);
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    return exact_sum::at(slot).memory();
  }

private:
  data_type type_ = type_of(type_kind::float64);
  bool average_;
  bool zero_when_empty_;
};

} // namespace

function_ptr make_count() {
  return std::make_shared<count_function>();
}

function_ptr make_sum(const data_type& argument, bool zero_when_empty) {
  if (is_real(argument.kind))
    return std::make_shared<real_function>(false, zero_when_empty);
  auto type = type_of(argument.kind == type_kind::decimal ? type_kind::decimal : type_kind::int64);
  if (argument.kind == type_kind::decimal) {
    type.precision = decimal_digits;
    type.scale = argument.scale;
  }
  return std::make_shared<integer_sum_function>(std::move(type), zero_when_empty);
}

function_ptr make_average(const data_type& argument) {
  if (is_real(argument.kind))
    return std::make_shared<real_function>(true, false);
  return std::make_shared<integer_average_function>(
      argument.kind == type_kind::decimal ? argument.scale : 0);
}

} // namespace keyfold::aggregates
