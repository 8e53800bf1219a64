#include "features/rows/timed_rows.hpp"

#include "features/typed_cell.hpp"

namespace keyfold {

void timed_rows::insert(uint32_t place, event_time at, uint64_t mark) {
  records_.insert(place, at.time_since_epoch().count())[1] = mark;
}

void timed_rows::drop(uint32_t count) noexcept {
  auto width = values();
  for (uint32_t row = 0; row < count; ++row)
    for (size_t i = 0; i < width; ++i)
      value(row, i).clear();
  records_.drop(count);
}

/// A row is its time, its mark and its values.
void timed_rows::encode(std::span<const data_type> types, byte_writer& out) const {
  out.varint(size());
  arena memory{256};
  for (uint32_t row = 0; row < size(); ++row) {
    out.time(at(row));
    out.varint(mark(row));
    for (size_t i = 0; i < types.size(); ++i)
      out.value(value(row, i).kept(types[i].kind, memory));
    memory.clear();
  }
}

bool timed_rows::decode(std::span<const data_type> types, uint64_t most, byte_reader& in,
                        arena& scratch) {
  auto count = in.varint();
  if (count > most)
    return false;
  for (uint64_t i = 0; i < count; ++i) {
    auto before = scratch.now();
    if (!decode_row(types, in, scratch))
      return false;
    scratch.rewind(before);
  }
  return in.good();
}

bool timed_rows::decode_row(std::span<const data_type> types, byte_reader& in, arena& scratch) {
  auto time = in.time();
  auto own = in.varint();
  auto place = size();
  auto known = time != beginning_of_time && time != end_of_time;
  if (!in.good() || !known || (place > 0 && time < at(place - 1)))
    return false;
  insert(place, time, own);
  for (size_t i = 0; i < types.size(); ++i) {
    auto x = in.value(scratch);
    if (!in.good() || !fits(x, types[i]))
      return false;
    value(place, i).keep(x);
  }
  return true;
}

size_t timed_rows::memory() const noexcept {
  auto sum = records_.memory();
  auto width = values();
  for (uint32_t row = 0; row < size(); ++row)
    for (size_t i = 0; i < width; ++i)
      sum += value(row, i).memory();
  return sum;
}

} // namespace keyfold
