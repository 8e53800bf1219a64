#include "features/byte_codec.hpp"

#include "features/decimal.hpp"

namespace keyfold {

namespace {

constexpr int deepest_nesting = 32;
constexpr size_t most_varint = 10;

/// @return the number of bytes written
size_t put_varint(uint64_t x, char* to) noexcept {
  size_t size = 0;
  for (; x >= 0x80; x >>= 7)
    to[size++] = static_cast<char>(static_cast<uint8_t>(x) | 0x80u);
  to[size++] = static_cast<char>(x);
  return size;
}

/// A kind and a number: appended at once, as every append looks for room.
void append_number(cell_kind kind, uint64_t x, std::string& out) {
  char buffer[1 + most_varint];
  buffer[0] = static_cast<char>(kind);
  out.append(buffer, 1 + put_varint(x, buffer + 1));
}

uint64_t zigzag(int64_t x) noexcept {
  return (static_cast<uint64_t>(x) << 1) ^ static_cast<uint64_t>(x >> 63);
}

} // namespace

void byte_writer::varint(uint64_t x) {
  if (x < 0x80) {
    out_->push_back(static_cast<char>(x));
    return;
  }
  char buffer[most_varint];
  out_->append(buffer, put_varint(x, buffer));
}

void byte_writer::u64(uint64_t x) {
  char buffer[8];
  for (auto& byte : buffer) {
    byte = static_cast<char>(static_cast<uint8_t>(x));
    x >>= 8;
  }
  out_->append(buffer, sizeof buffer);
}

void byte_writer::value(const cell& x) {
  switch (x.kind()) {
  case cell_kind::boolean:
    append_number(x.kind(), x.as_boolean() ? 1 : 0, *out_);
    return;
  case cell_kind::integer:
    append_number(x.kind(), zigzag(x.as_integer()), *out_);
    return;
  case cell_kind::string:
  case cell_kind::bytes:
    append_number(x.kind(), x.as_text().size(), *out_);
    out_->append(x.as_text());
    return;
  case cell_kind::list:
  case cell_kind::map:
    append_number(x.kind(), x.items().size(), *out_);
    for (const auto& item : x.items())
      value(item);
    return;
  default:
    break;
  }
  u8(static_cast<uint8_t>(x.kind()));
  if (x.kind() == cell_kind::real) {
    f64(x.as_real());
  } else if (x.kind() == cell_kind::timestamp) {
    time(x.as_timestamp());
  } else if (x.kind() == cell_kind::decimal) {
    u8(x.scale());
    signed_varint(x.unscaled());
  }
}

uint8_t byte_reader::u8() {
  if (next_ == end_) {
    fail();
    return 0;
  }
  return static_cast<uint8_t>(*next_++);
}

uint64_t byte_reader::varint() {
  // Most are sizes and counts: one byte.
  if (next_ != end_ && static_cast<uint8_t>(*next_) < 0x80)
    return static_cast<uint8_t>(*next_++);
  uint64_t x = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    auto byte = u8();
    if (!good_)
      return 0;
    // The tenth byte holds the 64th bit alone.
    if (shift == 63 && byte > 1)
      break;
    x |= static_cast<uint64_t>(byte & 0x7fu) << shift;
    if (byte < 0x80)
      return x;
  }
  fail();
  return 0;
}

uint64_t byte_reader::u64() {
  if (remaining() < 8) {
    fail();
    return 0;
  }
  uint64_t x = 0;
  for (unsigned i = 0; i < 8; ++i)
    x |= static_cast<uint64_t>(static_cast<uint8_t>(next_[i])) << (8 * i);
  next_ += 8;
  return x;
}

std::string_view byte_reader::text() {
  auto size = varint();
  if (size > remaining()) {
    fail();
    return {};
  }
  std::string_view x{next_, static_cast<size_t>(size)};
  next_ += size;
  return x;
}

cell byte_reader::value(arena& memory, int depth) {
  auto kind = u8();
  if (depth > deepest_nesting || kind > static_cast<uint8_t>(cell_kind::map)) {
    fail();
    return {};
  }
  switch (static_cast<cell_kind>(kind)) {
  case cell_kind::null:
    return {};
  case cell_kind::boolean:
    return cell::boolean(u8() != 0);
  case cell_kind::integer:
    return cell::integer(signed_varint());
  case cell_kind::real:
    return cell::real(f64());
  case cell_kind::decimal: {
    auto scale = u8();
    auto unscaled = signed_varint();
    constexpr auto bound = powers_of_ten[decimal_digits];
    if (scale > decimal_digits || unscaled <= -bound || unscaled >= bound)
      fail();
    return good_ ? cell::decimal(unscaled, scale) : cell{};
  }
  case cell_kind::string:
    return cell::string(text());
  case cell_kind::bytes:
    return cell::bytes(text());
  case cell_kind::timestamp:
    return cell::timestamp(time());
  case cell_kind::list:
  case cell_kind::map:
    break;
  }
  return container(static_cast<cell_kind>(kind), memory, depth);
}

cell byte_reader::container(cell_kind kind, arena& memory, int depth) {
  auto count = varint();
  // An item takes a byte or more, so that a false count cannot ask for much memory.
  if (count > remaining() || (kind == cell_kind::map && count % 2 != 0)) {
    fail();
    return {};
  }
  auto items = memory.allocate_cells(static_cast<size_t>(count));
  for (size_t i = 0; i < items.size() && good_; ++i) {
    items[i] = value(memory, depth + 1);
    if (kind == cell_kind::map && i % 2 == 0 && items[i].kind() != cell_kind::string)
      fail();
  }
  if (!good_)
    return {};
  return kind == cell_kind::list ? cell::list(items) : cell::map(items);
}

} // namespace keyfold
