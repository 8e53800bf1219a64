#include "features/table.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace keyfold {

namespace {

/// Bytes of a value in its row. Texts are 4 bytes that say where they are, lists and maps a
/// pointer.
uint8_t width_of(type_kind kind) noexcept {
  switch (kind) {
  case type_kind::null:
    return 0;
  case type_kind::boolean:
    return 1;
  case type_kind::int32:
  case type_kind::float32:
  case type_kind::string:
  case type_kind::bytes:
    return 4;
  default:
    return 8;
  }
}

template <class T>
T load(const char* from) noexcept {
  T x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

uint64_t mixed(uint64_t seed, uint64_t x) noexcept {
  return XXH3_64bits_withSeed(&x, sizeof x, seed);
}

uint64_t hash_of_cell(uint64_t seed, const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::string:
  case cell_kind::bytes:
    return XXH3_64bits_withSeed(x.as_text().data(), x.as_text().size(), seed);
  case cell_kind::real: {
    auto value = x.as_real() == 0 ? 0.0 : x.as_real(); // 0 equals -0
    return mixed(seed, load<uint64_t>(reinterpret_cast<const char*>(&value)));
  }
  default:
    return mixed(seed, static_cast<uint64_t>(x.as_integer()));
  }
}

} // namespace

table_snapshot::table_snapshot(std::vector<column> columns, std::vector<uint32_t> key)
    : columns_(std::move(columns)), key_(std::move(key)) {
  row_width_ = static_cast<uint32_t>((columns_.size() + 7) / 8); // the nulls come first
  for (const auto& x : columns_) {
    auto width = width_of(x.type.kind);
    places_.push_back({row_width_, cell_kind_of(x.type.kind), width, x.type.scale});
    row_width_ += width;
  }
}

std::string_view table_snapshot::text_at(uint32_t reference) const noexcept {
  const auto* at = texts_[reference >> text_block_bits].get()
                   + (reference & ((uint32_t{1} << text_block_bits) - 1));
  auto size = static_cast<uint8_t>(*at++);
  return size != long_text_mark ? std::string_view{at, size}
                                : std::string_view{at + sizeof(uint32_t), load<uint32_t>(at)};
}

cell table_snapshot::value(uint32_t row, uint32_t column) const noexcept {
  const auto* bytes = row_bytes(row);
  if ((static_cast<uint8_t>(bytes[column / 8]) >> (column % 8) & 1) != 0)
    return {};
  const auto& place = places_[column];
  const auto* at = bytes + place.offset;
  auto whole = [&] { return place.width == 4 ? int64_t{load<int32_t>(at)} : load<int64_t>(at); };
  switch (place.kind) {
  case cell_kind::null:
    return {};
  case cell_kind::boolean:
    return cell::boolean(*at != 0);
  case cell_kind::integer:
    return cell::integer(whole());
  case cell_kind::real:
    return cell::real(place.width == 4 ? double{load<float>(at)} : load<double>(at));
  case cell_kind::decimal:
    return cell::decimal(load<int64_t>(at), place.scale);
  case cell_kind::timestamp:
    return cell::timestamp(event_time{duration{load<int64_t>(at)}});
  case cell_kind::string:
    return cell::string(text_at(load<uint32_t>(at)));
  case cell_kind::bytes:
    return cell::bytes(text_at(load<uint32_t>(at)));
  case cell_kind::list:
  case cell_kind::map:
    return *load<const cell*>(at);
  }
  return {};
}

uint64_t table_snapshot::hash_of(std::span<const cell> key) const noexcept {
  uint64_t hash = 0;
  for (const auto& x : key)
    hash = hash_of_cell(hash, x);
  return hash;
}

uint64_t table_snapshot::hash_of_row(uint32_t row) const noexcept {
  uint64_t hash = 0;
  for (auto column : key_)
    hash = hash_of_cell(hash, value(row, column));
  return hash;
}

bool table_snapshot::has_key(uint32_t row, std::span<const cell> key) const noexcept {
  for (size_t i = 0; i < key_.size(); ++i)
    if (!identical(value(row, key_[i]), key[i]))
      return false;
  return true;
}

std::optional<uint32_t> table_snapshot::find(std::span<const cell> key) const noexcept {
  if (slots_.empty() || key.size() != key_.size()
      || std::any_of(key.begin(), key.end(), [](const auto& x) { return x.is_null(); }))
    return std::nullopt;
  auto mask = slots_.size() - 1;
  for (auto slot = hash_of(key) & mask; slots_[slot] != 0; slot = (slot + 1) & mask)
    if (has_key(slots_[slot] - 1, key))
      return slots_[slot] - 1;
  return std::nullopt;
}

size_t table_snapshot::memory() const noexcept {
  return sizeof *this + blocks_.size() * (size_t{block_rows} * row_width_ + sizeof(char*))
         + text_bytes_ + nested_.capacity() + slots_.capacity() * sizeof(uint32_t);
}

} // namespace keyfold
