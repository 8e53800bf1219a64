#include "features/table.hpp"

#include <algorithm>
#include <cstring>

namespace keyfold {

namespace {

constexpr size_t first_text_block = 4096;
constexpr size_t text_block = size_t{1} << table_snapshot::text_block_bits;
constexpr size_t most_text_blocks = size_t{1} << (32 - table_snapshot::text_block_bits);
constexpr size_t most_known_texts = 4096;
constexpr uint32_t first_slots = 64;

template <class T>
void store(char* to, T x) noexcept {
  std::memcpy(to, &x, sizeof x);
}

bool is_text(cell_kind kind) noexcept {
  return kind == cell_kind::string || kind == cell_kind::bytes;
}

/// Bytes of a text as it is kept: its size is before it, in one byte where it is short.
size_t kept_bytes(std::string_view text) noexcept {
  return text.size() + 1 + (text.size() < table_snapshot::long_text_mark ? 0 : sizeof(uint32_t));
}

/// Size of the block behind one of `capacity` bytes, for a text of `size`.
size_t next_text_block(size_t capacity, size_t size) noexcept {
  return std::max(size, std::clamp(capacity * 2, first_text_block, text_block));
}

/// Bytes of the copies of a list or a map in an arena.
size_t nested_bytes(const cell& x) noexcept {
  if (is_text(x.kind()))
    return x.as_text().size();
  if (x.kind() != cell_kind::list && x.kind() != cell_kind::map)
    return 0;
  size_t sum = x.items().size() * sizeof(cell);
  for (const auto& item : x.items())
    sum += nested_bytes(item);
  return sum;
}

} // namespace

table_builder::table_builder(std::vector<column> columns, std::vector<uint32_t> key,
                             table_bounds bounds)
    : made_(new table_snapshot{std::move(columns), std::move(key)}), bounds_(bounds),
      known_(made_->columns_.size()) {
  bounds_.max_rows = std::min(bounds_.max_rows, UINT32_MAX - 1);
}

table_builder::~table_builder() = default;

bool table_builder::fits(std::span<const cell> row, bool new_row) const noexcept {
  // The most that the row can add: whole blocks, as if no text had been met before.
  size_t more = 0;
  auto end = text_end_;
  auto capacity = text_capacity_;
  for (const auto& x : row) {
    more += is_text(x.kind()) ? 0 : nested_bytes(x);
    auto size = is_text(x.kind()) ? kept_bytes(x.as_text()) : 0;
    if (size > capacity - end) {
      capacity = next_text_block(capacity, size);
      more += capacity;
      end = 0;
    }
    end += size;
  }
  if (new_row && made_->rows_ % table_snapshot::block_rows == 0)
    more += size_t{table_snapshot::block_rows} * made_->row_width_;
  if (new_row && (made_->rows_ + 1) * size_t{4} > made_->slots_.size() * 3)
    more += std::max<size_t>(made_->slots_.size(), first_slots) * 2 * sizeof(uint32_t);
  return made_->memory() + more <= bounds_.max_bytes
         && made_->texts_.size() + row.size() < most_text_blocks;
}

table_builder::outcome table_builder::add(std::span<const cell> row) {
  for (const auto& x : row)
    if (is_text(x.kind()) && x.as_text().size() > table_snapshot::max_text_bytes)
      return outcome::long_text;
  key_cells_.clear();
  for (auto column : made_->key_) {
    if (row[column].is_null())
      return outcome::null_key;
    key_cells_.push_back(row[column]);
  }
  auto known = made_->find(key_cells_);
  if (!known && made_->rows_ >= bounds_.max_rows)
    return outcome::too_many_rows;
  if (!fits(row, !known))
    return outcome::too_many_bytes;
  if (known) {
    write(*known, row);
    return outcome::replaced;
  }
  if (made_->rows_ % table_snapshot::block_rows == 0)
    made_->blocks_.emplace_back(new char[size_t{table_snapshot::block_rows} * made_->row_width_]);
  auto added = made_->rows_++;
  write(added, row);
  if (size_t{made_->rows_} * 4 > made_->slots_.size() * 3) {
    grow_slots();
    return outcome::added;
  }
  auto mask = made_->slots_.size() - 1;
  auto slot = made_->hash_of(key_cells_) & mask;
  while (made_->slots_[slot] != 0)
    slot = (slot + 1) & mask;
  made_->slots_[slot] = added + 1;
  return outcome::added;
}

void table_builder::grow_slots() {
  std::vector<uint32_t> slots(std::max<size_t>(made_->slots_.size() * 2, first_slots), 0);
  auto mask = slots.size() - 1;
  for (uint32_t row = 0; row < made_->rows_; ++row) {
    auto slot = made_->hash_of_row(row) & mask;
    while (slots[slot] != 0)
      slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  }
  made_->slots_ = std::move(slots);
}

void table_builder::write(uint32_t row, std::span<const cell> cells) {
  auto* bytes = made_->row_bytes(row);
  std::memset(bytes, 0, made_->row_width_);
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto& x = cells[i];
    const auto& place = made_->places_[i];
    auto* at = bytes + place.offset;
    if (x.is_null())
      bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << (i % 8));
    else if (is_text(place.kind))
      store(at, keep_text(known_[i], x.as_text()));
    else if (place.kind == cell_kind::list || place.kind == cell_kind::map) {
      auto copy = made_->nested_.allocate_cells(1);
      copy[0] = made_->nested_.copy(x);
      store<const cell*>(at, copy.data());
    } else if (place.kind == cell_kind::real && place.width == 4)
      store(at, static_cast<float>(x.as_real()));
    else if (place.kind == cell_kind::real)
      store(at, x.as_real());
    else if (place.width == 4)
      store(at, static_cast<int32_t>(x.as_integer()));
    else if (place.width == 1)
      *at = x.as_boolean() ? 1 : 0;
    else if (place.width == 8)
      store(at, x.as_integer());
  }
}

uint32_t table_builder::keep_text(known_texts& known, std::string_view text) {
  if (known.useless)
    return append_text(text);
  ++known.asked;
  if (auto found = known.references.find(text); found != known.references.end()) {
    ++known.met;
    return found->second;
  }
  auto reference = append_text(text);
  if (known.references.size() < most_known_texts) {
    known.references.emplace(made_->text_at(reference), reference);
  } else if (known.met * 2 < known.asked) {
    known.useless = true;
    known.references = {};
  }
  return reference;
}

uint32_t table_builder::append_text(std::string_view text) {
  auto size = kept_bytes(text);
  if (size > text_capacity_ - text_end_) {
    text_capacity_ = next_text_block(text_capacity_, size);
    made_->texts_.emplace_back(new char[text_capacity_]);
    made_->text_bytes_ += text_capacity_;
    text_end_ = 0;
  }
  auto* at = made_->texts_.back().get() + text_end_;
  auto* bytes = at + (size - text.size());
  if (text.size() < table_snapshot::long_text_mark) {
    *at = static_cast<char>(text.size());
  } else {
    *at = static_cast<char>(table_snapshot::long_text_mark);
    store(at + 1, static_cast<uint32_t>(text.size()));
  }
  if (!text.empty())
    std::memcpy(bytes, text.data(), text.size());
  auto reference = (made_->texts_.size() - 1) << table_snapshot::text_block_bits | text_end_;
  text_end_ += size;
  return static_cast<uint32_t>(reference);
}

std::unique_ptr<table_snapshot> table_builder::build() {
  known_.clear();
  return std::move(made_);
}

} // namespace keyfold
