#include "connectors/formats/avro/compiler.hpp"

// What no column is in: how it is skipped.
namespace keyfold::avro {

namespace {

constexpr uint32_t most_skipped = 1u << 30;

} // namespace

bool compiler::skip(uint32_t place) {
  if (full_)
    return false;
  if (auto bytes = width(place)) {
    auto& code = program_->code;
    if (code.size() > label_ && code.back().what == op::skip
        && code.back().argument + *bytes < most_skipped)
      code.back().argument += *bytes;
    else if (*bytes > 0)
      emit(op::skip, *bytes);
    return true;
  }
  switch (at(place).what) {
  case kind::bytes:
  case kind::string:
    emit(op::skip_bytes);
    return true;
  case kind::record:
    calls_.emplace_back(emit(op::call), place);
    return true;
  case kind::array:
  case kind::map:
    return skip_items(place);
  case kind::choice:
    return choice(place, false, [&](uint32_t x) { return skip(x); }) || !full_;
  default:
    emit(op::skip_number);
    return true;
  }
}

bool compiler::skip_items(uint32_t place) {
  auto map = at(place).what == kind::map;
  auto item = at(place).parts.front();
  if (auto bytes = width(item); bytes && !map) {
    emit(op::skip_blocks, *bytes);
    return true;
  }
  emit(op::loop);
  auto begin = label();
  auto next = emit(op::next, 0, 0, 1);
  if (map)
    emit(op::skip_bytes);
  if (!skip(item))
    return false;
  emit(op::jump, begin);
  land(next);
  emit(op::end_loop);
  return true;
}

bool compiler::routines() {
  for (size_t i = 0; i < calls_.size(); ++i) {
    auto [caller, type] = calls_[i];
    if (routine_[type] == 0) {
      routine_[type] = label();
      for (const auto& x : at(type).fields) {
        enter(at(type).name + "." + x.name);
        if (!skip(x.type))
          return false;
      }
      emit(op::ret);
    }
    program_->code[caller].argument = routine_[type];
  }
  return true;
}

std::optional<uint32_t> compiler::width(uint32_t place, int depth) {
  auto& [known, bytes] = widths_[place];
  if (known || depth > max_schema_depth)
    return bytes;
  known = true; // a recursive type finds itself without a width
  auto found = find_width(place, depth);
  return widths_[place].second = found;
}

std::optional<uint32_t> compiler::find_width(uint32_t place, int depth) {
  const auto& x = at(place);
  uint32_t sum = 0;
  switch (x.what) {
  case kind::null:
    return 0;
  case kind::boolean:
    return 1;
  case kind::float32:
    return 4;
  case kind::float64:
    return 8;
  case kind::fixed:
    return x.size;
  case kind::record:
    for (const auto& part : x.fields) {
      auto bytes = width(part.type, depth + 1);
      if (!bytes || sum + *bytes > most_skipped)
        return std::nullopt;
      sum += *bytes;
    }
    return sum;
  default:
    return std::nullopt;
  }
}

} // namespace keyfold::avro
