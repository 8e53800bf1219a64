#include "messages/change_log.hpp"

namespace keyfold {

namespace {

constexpr uint64_t most_columns = 4096;

} // namespace

bool fits(const change& x, const change_columns& columns) noexcept {
  return x.key.size() == columns.key.size()
         && (x.erased || x.values.size() == columns.values.size());
}

void change_log_writer::append(const change& x) {
  out_.varint(x.source);
  out_.u8(x.erased ? 1 : 0);
  out_.time(x.at);
  out_.varint(x.key.size());
  for (const auto& value : x.key)
    out_.value(value);
  out_.varint(x.values.size());
  for (const auto& value : x.values)
    out_.value(value);
}

bool change_log_reader::next(change& out) {
  if (!in_.good() || in_.at_end())
    return false;
  memory_.clear();
  cells_.clear();
  out.source = static_cast<uint32_t>(in_.varint());
  out.erased = in_.u8() != 0;
  out.at = in_.time();
  auto keys = in_.varint();
  for (uint64_t i = 0; i < keys && in_.good() && keys <= most_columns; ++i)
    cells_.push_back(in_.value(memory_));
  auto values = in_.varint();
  for (uint64_t i = 0; i < values && in_.good() && values <= most_columns; ++i)
    cells_.push_back(in_.value(memory_));
  if (!in_.good() || cells_.size() != keys + values) {
    in_.fail();
    return false;
  }
  auto all = std::span<const cell>{cells_};
  out.key = all.first(keys);
  out.values = all.subspan(keys);
  return true;
}

} // namespace keyfold
