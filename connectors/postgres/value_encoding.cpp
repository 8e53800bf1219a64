#include "connectors/postgres/value_encoding.hpp"

#include "connectors/formats/row_writer.hpp"
#include "connectors/formats/text_value.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace keyfold::postgres {

namespace {

/// 2000-01-01, from which PostgreSQL counts.
constexpr auto epoch = event_time{std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};

void append16(uint16_t x, std::string& out) {
  const char bytes[] = {static_cast<char>(x >> 8), static_cast<char>(x)};
  out.append(bytes, sizeof bytes);
}

void append32(uint32_t x, std::string& out) {
  const char bytes[] = {static_cast<char>(x >> 24), static_cast<char>(x >> 16),
                        static_cast<char>(x >> 8), static_cast<char>(x)};
  out.append(bytes, sizeof bytes);
}

void append64(uint64_t x, std::string& out) {
  append32(static_cast<uint32_t>(x >> 32), out);
  append32(static_cast<uint32_t>(x), out);
}

void append_bytes(std::string_view x, std::string& out) {
  append32(static_cast<uint32_t>(x.size()), out);
  out += x;
}

/// Groups of four digits, from the point outwards.
void append_numeric(const cell& x, std::string& out) {
  std::array<uint16_t, 10> groups{};
  size_t count = 0;
  auto magnitude = static_cast<uint64_t>(x.unscaled());
  if (x.unscaled() < 0)
    magnitude = 0 - magnitude;
  auto scale = static_cast<int>(x.scale());
  auto unit = static_cast<uint64_t>(powers_of_ten[x.scale()]);
  auto whole = magnitude / unit;
  auto fraction = magnitude % unit;
  for (; whole != 0; whole /= 10'000)
    groups[count++] = static_cast<uint16_t>(whole % 10'000);
  std::reverse(groups.begin(), groups.begin() + static_cast<ptrdiff_t>(count));
  auto weight = static_cast<int>(count) - 1;
  while (scale > 0) {
    auto taken = std::min(4, scale);
    scale -= taken;
    auto below = static_cast<uint64_t>(powers_of_ten[static_cast<size_t>(scale)]);
    auto shift = static_cast<uint64_t>(powers_of_ten[static_cast<size_t>(4 - taken)]);
    groups[count++] = static_cast<uint16_t>(fraction / below * shift);
    fraction %= below;
  }
  append32(static_cast<uint32_t>(8 + 2 * count), out);
  append16(static_cast<uint16_t>(count), out);
  append16(static_cast<uint16_t>(weight), out);
  append16(x.unscaled() < 0 ? 0x4000 : 0, out);
  append16(x.scale(), out);
  for (size_t i = 0; i < count; ++i)
    append16(groups[i], out);
}

double number_of(const cell& x) noexcept {
  return x.kind() == cell_kind::integer ? static_cast<double>(x.as_integer()) : x.as_real();
}

/// The ends of time are PostgreSQL's infinities; what it cannot count, neither can a timestamp
/// here.
int64_t microseconds_of(event_time at) noexcept {
  if (at == end_of_time)
    return std::numeric_limits<int64_t>::max();
  if (at < beginning_of_time + epoch.time_since_epoch())
    return std::numeric_limits<int64_t>::min();
  return (at - epoch).count();
}

} // namespace

uint32_t element_oid(encoding as) noexcept {
  constexpr std::array oids{oid::boolean, oid::int8,  oid::float4,    oid::float8, oid::numeric,
                            oid::text,    oid::bytea, oid::timestamp, oid::text};
  return oids[static_cast<size_t>(as)];
}

std::string_view element_name(encoding as) noexcept {
  constexpr std::array<std::string_view, 9> names{"bool", "int8",  "float4",    "float8", "numeric",
                                                  "text", "bytea", "timestamp", "text"};
  return names[static_cast<size_t>(as)];
}

void append_element(const cell& x, encoding as, const data_type& type, std::string& out) {
  if (x.is_null()) {
    append32(UINT32_MAX, out);
    return;
  }
  switch (as) {
  case encoding::boolean:
    append32(1, out);
    out.push_back(x.as_boolean() ? 1 : 0);
    return;
  case encoding::int8:
    append32(8, out);
    append64(static_cast<uint64_t>(x.as_integer()), out);
    return;
  case encoding::float4:
    append32(4, out);
    append32(std::bit_cast<uint32_t>(static_cast<float>(number_of(x))), out);
    return;
  case encoding::float8:
    append32(8, out);
    append64(std::bit_cast<uint64_t>(number_of(x)), out);
    return;
  case encoding::numeric:
    return append_numeric(x.kind() == cell_kind::integer ? cell::decimal(x.as_integer(), 0) : x,
                          out);
  case encoding::text:
  case encoding::bytea:
    return append_bytes(x.as_text(), out);
  case encoding::timestamp:
    append32(8, out);
    append64(static_cast<uint64_t>(microseconds_of(x.as_timestamp())), out);
    return;
  case encoding::json: {
    std::string text;
    append_json_value(x, type, text);
    return append_bytes(text, out);
  }
  }
}

void append_array_header(uint32_t elements, bool nulls, encoding as, std::string& out) {
  append32(1, out); // dimensions
  append32(nulls ? 1 : 0, out);
  append32(element_oid(as), out);
  append32(elements, out);
  append32(1, out); // the first one's number
}

namespace {

bool read_bytea(std::string_view text, arena& memory, cell& out) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (!text.starts_with("\\x") || text.size() % 2 != 0)
    return false;
  text.remove_prefix(2);
  auto size = text.size() / 2;
  auto* to = memory.allocate_text(size);
  for (size_t i = 0; i < size; ++i) {
    auto high = digit(text[2 * i]);
    auto low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    to[i] = static_cast<char>(high * 16 + low);
  }
  out = cell::bytes({to, size});
  return true;
}

/// `2024-02-29 23:59:59.25`, and `+00` behind it with a zone; a date is its first moment.
bool read_time(std::string_view text, cell& out) {
  if (text.ends_with("+00"))
    text.remove_suffix(3);
  std::string full{text};
  full += text.size() == 10 ? " 00:00:00Z" : "Z";
  auto read = read_timestamp(full, timestamp_unit::rfc3339);
  if (!read)
    return false;
  out = cell::timestamp(*read);
  return true;
}

} // namespace

bool read_text(std::string_view text, const data_type& type, arena& memory, cell& out) {
  switch (type.kind) {
  case type_kind::boolean:
    if (text != "t" && text != "f")
      return false;
    out = cell::boolean(text == "t");
    return true;
  case type_kind::bytes:
    return read_bytea(text, memory, out);
  case type_kind::timestamp:
    return read_time(text, out);
  case type_kind::string:
    out = cell::string(memory.copy(text));
    return true;
  default:
    return read_text_value(text, type, stream_field{}, memory, out);
  }
}

} // namespace keyfold::postgres
