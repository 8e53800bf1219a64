#include "connectors/formats/avro/machine.hpp"

#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

namespace keyfold::avro {

namespace {

/// Takes text of at most 16 ASCII characters, as most of it is; else false. Going by words is
/// faster than calling for each.
inline bool take_short(std::string_view text, arena& memory, cell& out) {
  constexpr uint64_t high_bits = 0x8080808080808080;
  auto* from = text.data();
  auto size = text.size();
  if (size > 16)
    return false;
  if (size >= 8) {
    uint64_t first = 0;
    uint64_t last = 0;
    std::memcpy(&first, from, 8);
    std::memcpy(&last, from + size - 8, 8);
    if (((first | last) & high_bits) != 0)
      return false;
    auto* to = memory.allocate_text(size);
    std::memcpy(to, &first, 8);
    std::memcpy(to + size - 8, &last, 8);
    out = cell::string({to, size});
    return true;
  }
  auto* to = memory.allocate_text(size);
  uint32_t first = 0;
  uint32_t last = 0;
  if (size >= 4) {
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);
  } else if (size > 0) {
    for (size_t i : {size_t{0}, size / 2, size - 1}) {
      to[i] = from[i];
      first |= static_cast<uint8_t>(from[i]);
    }
  }
  out = cell::string({to, size});
  return ((first | last) & static_cast<uint32_t>(high_bits)) == 0;
}

/// Takes a count of units of 10^(3 × `unit`) microseconds that is a moment; else false.
inline bool take_moment(int64_t count, uint8_t unit, cell& out) {
  constexpr int64_t micros[] = {1, 1000, 1'000'000};
  if (__builtin_mul_overflow(count, micros[unit], &count))
    return false;
  event_time at{duration{count}};
  out = cell::timestamp(at);
  return is_timestamp(at);
}

} // namespace

bool machine::run(const program& what, std::string_view record, std::span<cell> row,
                  arena& memory) {
  program_ = &what;
  row_ = row;
  memory_ = &memory;
  begin_ = record.data();
  fuel_ = free_items + 4 * record.size();
  items_.clear();
  loops_.clear();
  callers_.clear();
  saved_.clear();
  // Copies whose address nobody has; what is not frequent goes by the members.
  cursor in{record.data(), record.data() + record.size()};
  const auto* code = what.code.data();
  const auto* x = code;
  cell made;
  int64_t number = 0;
  double real = 0;
  std::string_view text;
  for (bool good = true; good;) {
    const auto& now = *x++;
    switch (now.what) {
    case op::text: {
      auto behind = in;
      if (now.column == program::item || !behind.text(text) || !take_short(text, memory, made))
        break;
      row[now.column] = made;
      in = behind;
      continue;
    }
    case op::integer:
      if (now.column == program::item || !in.number(number))
        break;
      row[now.column] = cell::integer(number);
      continue;
    case op::small_integer: {
      auto behind = in;
      if (now.column == program::item || !behind.number(number)
          || number != static_cast<int32_t>(number))
        break;
      row[now.column] = cell::integer(number);
      in = behind;
      continue;
    }
    case op::moment: {
      auto behind = in;
      if (now.column == program::item || !behind.number(number)
          || !take_moment(number, now.small, made))
        break;
      row[now.column] = made;
      in = behind;
      continue;
    }
    case op::float64: {
      auto behind = in;
      if (now.column == program::item || !behind.fixed(real) || !std::isfinite(real))
        break;
      row[now.column] = cell::real(real);
      in = behind;
      continue;
    }
    case op::symbol: {
      auto behind = in;
      const auto& texts = what.symbols[now.argument].texts;
      if (now.column == program::item || !behind.number(number)
          || static_cast<uint64_t>(number) >= texts.size() || !texts[static_cast<size_t>(number)]
          || !take_short(*texts[static_cast<size_t>(number)], memory, made))
        break;
      row[now.column] = made;
      in = behind;
      continue;
    }
    case op::skip_number:
      if (!in.number(number))
        break;
      continue;
    case op::skip_bytes:
      if (!in.text(text))
        break;
      continue;
    case op::skip:
      if (!in.skip(now.argument))
        break;
      continue;
    case op::jump:
      x = code + now.argument;
      continue;
    case op::option:
      if (in.next == in.end || (static_cast<uint8_t>(*in.next) & ~2) != 0)
        break;
      if (*in.next++ == 2 * now.small)
        x = code + now.argument;
      continue;
    default:
      break;
    }
    in_ = in;
    at_ = static_cast<uint32_t>(x - code);
    if (now.what == op::end)
      return in.next == in.end
             || wrong(fmt::format("{} bytes follow the record: it was written by another schema",
                                  in.left()));
    good = other(now);
    in = in_;
    x = code + at_;
  }
  return false;
}

bool machine::other(const instruction& x) {
  switch (x.what) {
  case op::call:
  case op::ret:
  case op::save:
  case op::restore:
  case op::branch:
  case op::loop:
  case op::next:
  case op::end_loop:
    return control(x);
  case op::refuse:
    return wrong(program_->sentences[x.argument]);
  case op::nothing:
    return put(program::item, cell{});
  case op::fill:
    return put(x.column, memory_->copy(program_->fillings[x.column]));
  case op::skip_blocks:
    return skip_blocks(x.argument);
  case op::end_list:
  case op::end_map:
    return end_list(x);
  case op::key:
    return key();
  case op::entry:
    return entry(x);
  default:
    return converted(x);
  }
}

bool machine::control(const instruction& x) {
  switch (x.what) {
  case op::call:
    return call(x.argument);
  case op::ret:
    at_ = callers_.back();
    callers_.pop_back();
    return true;
  case op::save:
    saved_.push_back(in_.next);
    return true;
  case op::restore:
    in_.next = saved_.back();
    saved_.pop_back();
    return true;
  case op::branch:
    return branch(x);
  case op::loop:
    loops_.push_back({0, items_.size()});
    return true;
  case op::next:
    return next_item(x);
  default:
    loops_.pop_back();
    return true;
  }
}

bool machine::converted(const instruction& x) {
  switch (x.what) {
  case op::flag:
    return flag(x);
  case op::integer:
  case op::small_integer:
  case op::moment:
  case op::number:
    return number(x);
  case op::small_real:
  case op::real:
  case op::float64:
    return real(x);
  case op::text:
  case op::converted:
  case op::converted_run:
    return bytes(x);
  case op::symbol:
    return symbol(x);
  default:
    return broken(x);
  }
}

bool machine::burn() {
  if (fuel_ == 0)
    return wrong("the record has more items that take no bytes than are allowed");
  --fuel_;
  return true;
}

bool machine::call(uint32_t to) {
  if (callers_.size() == max_depth)
    return wrong(fmt::format("the value is nested more than {} deep", max_depth));
  callers_.push_back(at_);
  at_ = to;
  return burn();
}

bool machine::branch(const instruction& x) {
  const auto& table = program_->tables[x.argument];
  int64_t number = 0;
  if (!in_.number(number))
    return broken(x);
  if (static_cast<uint64_t>(number) >= table.size())
    return wrong(fmt::format("the union has {} branches, and the record says number {}",
                             table.size(), number));
  at_ = table[static_cast<size_t>(number)];
  return true;
}

bool machine::next_item(const instruction& x) {
  auto& now = loops_.back();
  while (now.left == 0) {
    int64_t count = 0;
    int64_t bytes = 0;
    if (!in_.number(count))
      return broken(x);
    if (count == 0) {
      at_ = x.argument;
      return true;
    }
    now.left = count < 0 ? -static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
    if (count > 0)
      break;
    if (!in_.number(bytes))
      return broken(x);
    if (static_cast<uint64_t>(bytes) > in_.left())
      return wrong(
          fmt::format("a block says that it has {} bytes, and {} are left", bytes, in_.left()));
    if (x.small == 0)
      break;
    now.left = 0;
    in_.next += bytes;
    if (!burn())
      return false;
  }
  --now.left;
  return burn();
}

bool machine::skip_blocks(uint32_t item_bytes) {
  for (int64_t count = 0;;) {
    int64_t bytes = 0;
    if (!in_.number(count) || (count < 0 && !in_.number(bytes)))
      return wrong("the record ends within an array");
    if (count == 0)
      return true;
    uint64_t size = static_cast<uint64_t>(bytes);
    if ((count > 0
         && __builtin_mul_overflow(static_cast<uint64_t>(count), uint64_t{item_bytes}, &size))
        || !in_.skip(size))
      return wrong("an array says that it has more items than there are bytes left");
    if (!burn())
      return false;
  }
}

bool machine::wrong(std::string_view what) {
  const auto& name = program_->names[program_->places[at_ - 1]];
  problem_ = error{
      fmt::format("byte {} of {}, at `{}`: {}", in_.next - begin_, in_.end - begin_, name, what)};
  return false;
}

bool machine::broken(const instruction& x) {
  int64_t number = 0;
  auto at = in_;
  if (x.what == op::option && at.number(number))
    return wrong(fmt::format("the union has 2 branches, and the record says number {}", number));
  auto has_length = x.what == op::text || x.what == op::converted || x.what == op::skip_bytes;
  if (has_length && at.number(number))
    return wrong(fmt::format("it says that it has {} bytes, and {} are left", number, at.left()));
  constexpr size_t longest_number = 10;
  if (x.what != op::skip && x.what != op::converted_run && in_.left() >= longest_number)
    return wrong("a number has more than 64 bits");
  return wrong("the record ends within it");
}

} // namespace keyfold::avro
