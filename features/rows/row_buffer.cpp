#include "features/rows/row_buffer.hpp"

namespace keyfold {

void row_buffer::encode(byte_writer& out) const {
  out.varint(rows_.size());
  for (const auto& row : rows_)
    row->encode(out);
}

bool row_buffer::decode(byte_reader& in, std::span<const data_type> types, size_t most,
                        arena& scratch) {
  rows_.clear();
  auto count = in.varint();
  // A row takes eleven bytes or more, so that a false count cannot ask for much memory.
  if (count > most || count > in.remaining() / 11)
    in.fail();
  for (uint64_t i = 0; in.good() && i < count; ++i) {
    auto row = buffered_row::decode(in, types, scratch);
    if (row && !rows_.empty() && before(*row, *rows_.back()))
      in.fail();
    if (row)
      rows_.push_back(std::move(row));
  }
  if (!in.good())
    rows_ = std::vector<row_ptr>{};
  return in.good();
}

} // namespace keyfold
