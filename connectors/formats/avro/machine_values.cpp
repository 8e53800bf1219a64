#include "connectors/formats/avro/machine.hpp"

#include "connectors/formats/map_cell.hpp"
#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>

// What the machine reads by a conversion, and what it makes of the items of lists and maps.
namespace keyfold::avro {

bool machine::key() {
  std::string_view text;
  if (!in_.text(text))
    return broken({op::skip_bytes});
  return is_utf8(text) ? put(program::item, cell::string(memory_->copy(text)))
                       : wrong("the key of an entry is not UTF-8");
}

bool machine::entry(const instruction& x) {
  std::string_view text;
  if (!in_.text(text))
    return broken({op::skip_bytes});
  const auto& table = program_->entries[x.argument];
  at_ = table.otherwise;
  for (const auto& [name, begin] : table.wanted)
    if (name == text)
      at_ = begin;
  return true;
}

bool machine::end_list(const instruction& x) {
  auto first = loops_.back().first_item;
  loops_.pop_back();
  std::span<const cell> made{items_.data() + first, items_.size() - first};
  cell list;
  if (x.what == op::end_map) {
    list = make_map_cell(made, *memory_);
  } else {
    auto cells = memory_->allocate_cells(made.size());
    std::copy(made.begin(), made.end(), cells.begin());
    list = cell::list(cells);
  }
  items_.resize(first);
  return put(x.column, list);
}

bool machine::put(uint16_t column, const cell& x) {
  if (column == program::item)
    items_.push_back(x);
  else
    row_[column] = x;
  return true;
}

bool machine::flag(const instruction& x) {
  uint8_t byte = 0;
  cell made;
  if (!in_.fixed(byte))
    return broken(x);
  if (byte > 1)
    return wrong(fmt::format("a boolean is 0 or 1, and the record has {}", byte));
  program_->conversions[x.argument].how.from_integer(byte, *memory_, made);
  return put(x.column, made);
}

bool machine::number(const instruction& x) {
  int64_t value = 0;
  cell made;
  if (!in_.number(value))
    return broken(x);
  if (x.what != op::moment && x.small != 0 && !in_range(value, type_kind::int32))
    return wrong(fmt::format("an int has 32 bits, and {} needs more", value));
  const auto& how = program_->conversions[x.argument].how;
  if (how.from_integer(value, *memory_, made))
    return put(x.column, made);
  problem_ = how.refuse(fmt::to_string(value));
  return false;
}

bool machine::real(const instruction& x) {
  double value = 0;
  float small = 0;
  auto good = x.what == op::small_real ? in_.fixed(small) : in_.fixed(value);
  if (!good)
    return broken(x);
  if (x.what == op::small_real)
    value = static_cast<double>(small);
  cell made;
  const auto& how = program_->conversions[x.argument].how;
  if (how.from_real(value, *memory_, made))
    return put(x.column, made);
  problem_ = how.refuse(fmt::to_string(value));
  return false;
}

bool machine::bytes(const instruction& x) {
  std::string_view text;
  const auto& [how, size] = program_->conversions[x.argument];
  if (x.what == op::converted_run && in_.left() >= size) {
    text = {in_.next, size};
    in_.next += size;
  } else if (x.what == op::converted_run || !in_.text(text)) {
    return broken(x);
  }
  cell made;
  if (how.from_text(text, *memory_, made))
    return put(x.column, made);
  problem_ = how.refuse_text(text);
  return false;
}

bool machine::symbol(const instruction& x) {
  int64_t number = 0;
  if (!in_.number(number))
    return broken(x);
  const auto& table = program_->symbols[x.argument];
  if (static_cast<uint64_t>(number) >= table.texts.size())
    return wrong(fmt::format("the enum has {} symbols, and the record says number {}",
                             table.texts.size(), number));
  const auto& text = table.texts[static_cast<size_t>(number)];
  if (text)
    return put(x.column, cell::string(memory_->copy(*text)));
  problem_ = error{fmt::format("field `{}`: the symbol {} is none of its `symbols`, and it has no "
                               "`default`",
                               table.field->name, table.names[static_cast<size_t>(number)])};
  return false;
}

} // namespace keyfold::avro
