#include "features/aggregate/row_list.hpp"

#include "features/aggregate/functions.hpp"
#include "features/typed_cell.hpp"

#include <algorithm>
#include <array>

namespace keyfold::aggregates {

row_list::~row_list() {
  for (auto& x : entries_)
    x.value.clear();
}

/// A full list drops one for each that comes; the others close up once in a while.
void row_list::drop_first() noexcept {
  entries_[first_++].value.clear();
  if (first_ <= entries_.size() / 64)
    return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(first_));
  first_ = 0;
}

bool row_list::add(event_time at, const cell& x, bool last, uint32_t most) {
  auto full = entries().size() >= most;
  if (full && (last ? at < entries().front().at : at >= entries().back().at))
    return false;
  if (full && last) {
    drop_first();
  } else if (full) {
    entries_.back().value.clear();
    entries_.pop_back();
  }
  auto place = entries_.end();
  if (!entries().empty() && entries_.back().at > at)
    place = std::upper_bound(entries_.begin() + static_cast<ptrdiff_t>(first_), entries_.end(), at,
                             [](auto time, const auto& y) { return time < y.at; });
  entry made{at, {}};
  made.value.set(x);
  entries_.insert(place, made);
  return !full;
}

void row_list::encode(byte_writer& out) const {
  out.varint(entries().size());
  uint64_t before = 0; // without a sign: the ends of time are further apart than a number reaches
  for (const auto& x : entries()) {
    auto at = static_cast<uint64_t>(x.at.time_since_epoch().count());
    out.signed_varint(static_cast<int64_t>(at - before));
    before = at;
    out.value(x.value.get());
  }
}

bool row_list::decode(byte_reader& in, const data_type& type, uint32_t most) {
  auto size = in.varint();
  if (size > most)
    return false;
  arena none;
  uint64_t at = 0;
  for (uint64_t i = 0; i < size; ++i) {
    at += static_cast<uint64_t>(in.signed_varint());
    auto x = in.value(none);
    entry made{event_time{duration{static_cast<int64_t>(at)}}, {}};
    if (!in.good() || !fits(x, type) || (!entries_.empty() && made.at < entries_.back().at))
      return false;
    made.value.set(x);
    entries_.push_back(made);
  }
  return in.good();
}

size_t row_list::memory() const noexcept {
  auto sum = sizeof *this + entries_.capacity() * sizeof(entry);
  for (const auto& x : entries_)
    sum += x.value.memory();
  return sum;
}

namespace {

/// What functions over a list of rows share; the slot is a pointer to the list.
class row_list_function : public aggregate_function {
public:
  row_list_function(const data_type& argument, bool last, uint32_t most, bool counted)
      : argument_(argument), last_(last), most_(most), counted_(counted) {}

  size_t words() const noexcept override { return 1; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time at) const override {
    return need(slot).add(at, x, last_, most_) || !counted_ ? aggregate_outcome::taken
                                                            : aggregate_outcome::bounded;
  }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    const auto* other = list(from);
    if (other == nullptr)
      return true;
    auto all = true;
    for (const auto& x : other->entries())
      all = need(to).add(x.at, x.value.get(), last_, most_) && all;
    return all || !counted_;
  }
  void clear(uint64_t* slot) const noexcept override {
    delete list(slot);
    *slot = 0;
  }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    if (const auto* own = list(slot))
      own->encode(out);
    else
      out.varint(0);
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    auto& own = need(slot);
    if (!own.decode(in, argument_, most_))
      return false;
    if (own.entries().empty())
      clear(slot);
    return true;
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    const auto* own = list(slot);
    return own == nullptr ? 0 : own->memory();
  }

protected:
  static row_list* list(const uint64_t* slot) noexcept {
    return reinterpret_cast<row_list*>(*slot);
  }

private:
  static row_list& need(uint64_t* slot) {
    if (*slot == 0)
      *slot = reinterpret_cast<uint64_t>(new row_list);
    return *list(slot);
  }

  data_type argument_;
  bool last_;
  uint32_t most_;
  bool counted_;
};

class end_list_function final : public row_list_function {
public:
  end_list_function(const data_type& argument, bool last, uint32_t most, bool counted)
      : row_list_function(argument, last, most, counted), type_(list_of(argument)) {}

  const data_type& type() const noexcept override { return type_; }
  cell value(const uint64_t* slot, arena& memory) const override {
    const auto* own = list(slot);
    if (own == nullptr)
      return {};
    auto cells = memory.allocate_cells(own->entries().size());
    for (size_t i = 0; i < cells.size(); ++i)
      cells[i] = memory.copy(own->entries()[i].value.get());
    return cell::list(cells);
  }

private:
  data_type type_;
};

class limited_function final : public row_list_function {
public:
  limited_function(function_ptr of, const data_type& argument, uint32_t most)
      : row_list_function(argument, true, most, false), of_(std::move(of)) {}

  const data_type& type() const noexcept override { return of_->type(); }
  // A row without a value is one of the most recent nevertheless.
  bool takes_null() const noexcept override { return true; }
  cell value(const uint64_t* slot, arena& memory) const override {
    auto words = of_->words();
    auto* inner = reinterpret_cast<uint64_t*>(memory.allocate(words * sizeof(uint64_t)));
    std::fill_n(inner, words, uint64_t{0});
    if (const auto* own = list(slot))
      for (const auto& x : own->entries())
        if (!x.value.is_null() || of_->takes_null())
          of_->add(inner, x.value.get(), x.at);
    auto out = of_->value(inner, memory);
    of_->clear(inner);
    return out;
  }

private:
  function_ptr of_;
};

} // namespace

function_ptr make_end_list(const data_type& argument, bool last, uint32_t most, bool counted) {
  return std::make_shared<end_list_function>(argument, last, most, counted);
}

function_ptr make_limited(function_ptr of, const data_type& argument, uint32_t most) {
  return std::make_shared<limited_function>(std::move(of), argument, most);
}

} // namespace keyfold::aggregates
