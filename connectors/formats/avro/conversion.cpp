#include "connectors/formats/avro/conversion.hpp"

#include "connectors/formats/text_value.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cmath>
#include <cstring>

namespace keyfold::avro {

namespace {

constexpr int64_t micros_per_second = 1'000'000;
constexpr int64_t seconds_per_day = 86'400;

/// A big-endian number in two's complement; nothing where it has none or needs more than 64 bits.
std::optional<int64_t> number_of(std::string_view bytes) noexcept {
  if (bytes.empty())
    return std::nullopt;
  auto fill = static_cast<char>(static_cast<signed char>(bytes.front()) < 0 ? -1 : 0);
  while (bytes.size() > sizeof(int64_t)) {
    if (bytes.front() != fill)
      return std::nullopt;
    bytes.remove_prefix(1);
    if (bytes.size() == sizeof(int64_t) && ((bytes.front() ^ fill) & 0x80) != 0)
      return std::nullopt;
  }
  auto x = static_cast<uint64_t>(int64_t{fill});
  for (auto byte : bytes)
    x = x << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(x);
}

/// `x` units of 10^-from as units of 10^-to, if that is a whole number of 18 digits.
std::optional<int64_t> exactly(int64_t x, int from, int to) noexcept {
  for (; from > to; --from) {
    if (x % 10 != 0)
      return std::nullopt;
    x /= 10;
  }
  for (; from < to; ++from)
    if (__builtin_mul_overflow(x, int64_t{10}, &x))
      return std::nullopt;
  auto limit = powers_of_ten[decimal_digits];
  return x > -limit && x < limit ? std::optional{x} : std::nullopt;
}

cell text_of(std::string_view text, arena& memory) {
  return cell::string(memory.copy(text));
}

bool write_time(int64_t micros, arena& memory, cell& out) {
  if (micros < 0 || micros >= seconds_per_day * micros_per_second)
    return false;
  auto seconds = micros / micros_per_second;
  auto text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (auto fraction = micros % micros_per_second; fraction % 1000 != 0)
    text += fmt::format(".{:06}", fraction);
  else if (fraction != 0)
    text += fmt::format(".{:03}", fraction / 1000);
  out = text_of(text, memory);
  return true;
}

std::string uuid_text(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        static_cast<uint8_t>(bytes[i]));
  return text;
}

bool is_moment(meaning x) noexcept {
  return x == meaning::timestamp_millis || x == meaning::timestamp_micros
         || x == meaning::timestamp_nanos;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  constexpr uint64_t high_bits = 0x8080808080808080;
  if (text.size() >= 8 && text.size() <= 16) {
    uint64_t first = 0;
    uint64_t last = 0;
    std::memcpy(&first, text.data(), 8);
    std::memcpy(&last, text.data() + text.size() - 8, 8);
    if (((first | last) & high_bits) == 0)
      return true;
  } else if (text.size() < 8) {
    uint8_t all = 0;
    for (auto c : text)
      all = static_cast<uint8_t>(all | static_cast<uint8_t>(c));
    if (all < 0x80)
      return true;
  }
  return simdjson::validate_utf8(text.data(), text.size());
}

bool conversion::set(step how, source takes) {
  how_ = how;
  takes_ = takes;
  return true;
}

result<conversion> conversion::make(const node& from, const data_type& to,
                                    const stream_field& field) {
  conversion made;
  made.to_ = to.kind;
  made.type_ = to;
  made.field_ = &field;
  made.logical_ = from.logical;
  made.scale_ = from.scale;
  made.unit_ = field.unit;
  if (made.choose(from, to))
    return made;
  auto sentence = fmt::format("the writer's type is {}, which cannot become {}", to_string(from),
                              to_string(to));
  if (to.kind == type_kind::timestamp && (from.what == kind::int64 || from.what == kind::int32))
    sentence += ": give the column the `unit` \"s\", \"ms\" or \"us\"";
  if (from.what == kind::record)
    sentence += ": name a field inside it by its `path`";
  return fail(std::move(sentence));
}

bool conversion::choose(const node& from, const data_type& to) {
  auto text = to.kind == type_kind::string;
  switch (from.what) {
  case kind::boolean:
    return (text || to.kind == type_kind::boolean)
           && set(text ? step::boolean_as_text : step::boolean, source::integer);
  case kind::int32:
  case kind::int64:
    return choose_for_integer(from, to);
  case kind::float32:
  case kind::float64:
    return (text || is_real(to.kind)) && set(text ? step::real_as_text : step::real, source::real);
  case kind::string:
    return choose_for_string(to);
  case kind::enumeration:
    return text && set(step::text, source::text);
  case kind::bytes:
  case kind::fixed:
    if (to.kind == type_kind::bytes)
      return set(step::bytes, source::text);
    if (from.logical == meaning::decimal)
      return choose_for_decimal(to);
    if (text && from.logical == meaning::uuid)
      return set(step::uuid_as_text, source::text);
    return text && from.what == kind::bytes && set(step::text, source::text);
  default:
    return false;
  }
}

bool conversion::choose_for_integer(const node& from, const data_type& to) {
  switch (to.kind) {
  case type_kind::int32:
    return set(step::small_integer, source::integer);
  case type_kind::int64:
    return set(step::integer, source::integer);
  case type_kind::float32:
  case type_kind::float64:
    return set(step::integer_as_real, source::integer);
  case type_kind::decimal:
    return set(step::integer_as_decimal, source::integer);
  case type_kind::string:
  case type_kind::timestamp:
    return choose_for_moment(from, to);
  default:
    return false;
  }
}

bool conversion::choose_for_moment(const node& from, const data_type& to) {
  auto text = to.kind == type_kind::string;
  if (from.logical == meaning::date)
    return set(text ? step::date_as_text : step::date, source::integer);
  if (is_moment(from.logical))
    return set(text ? step::moment_as_text : step::moment, source::integer);
  if (from.logical == meaning::time_millis || from.logical == meaning::time_micros)
    return text && set(step::time_as_text, source::integer);
  if (text)
    return set(step::integer_as_text, source::integer);
  return unit_ != timestamp_unit::rfc3339 && unit_ != timestamp_unit::pattern
         && set(step::moment, source::integer);
}

bool conversion::choose_for_decimal(const data_type& to) {
  switch (to.kind) {
  case type_kind::decimal:
    return set(step::decimal, source::text);
  case type_kind::float32:
  case type_kind::float64:
    return set(step::decimal_as_real, source::text);
  case type_kind::int32:
  case type_kind::int64:
    return set(step::decimal_as_integer, source::text);
  case type_kind::string:
    return set(step::decimal_as_text, source::text);
  default:
    return false;
  }
}

bool conversion::choose_for_string(const data_type& to) {
  switch (to.kind) {
  case type_kind::string:
    return set(step::text, source::text);
  case type_kind::bytes:
    return set(step::bytes, source::text);
  case type_kind::list:
  case type_kind::map:
  case type_kind::null:
    return false;
  default:
    return set(step::read_text, source::text);
  }
}

timestamp_unit conversion::unit_of_moments() const noexcept {
  if (logical_ == meaning::timestamp_millis)
    return timestamp_unit::milliseconds;
  if (logical_ == meaning::timestamp_micros || logical_ == meaning::timestamp_nanos)
    return timestamp_unit::microseconds;
  return unit_;
}

std::optional<uint8_t> conversion::plain_moment() const noexcept {
  if (how_ != step::moment || logical_ == meaning::timestamp_nanos)
    return std::nullopt;
  switch (unit_of_moments()) {
  case timestamp_unit::microseconds:
    return uint8_t{0};
  case timestamp_unit::milliseconds:
    return uint8_t{1};
  case timestamp_unit::seconds:
    return uint8_t{2};
  default:
    return std::nullopt;
  }
}

bool conversion::moment_from(int64_t count, event_time& out) const {
  auto unit = unit_of_moments();
  if (logical_ == meaning::timestamp_nanos) // to the microsecond before
    count = count / 1000 - (count % 1000 < 0 ? 1 : 0);
  if (logical_ == meaning::date) {
    unit = timestamp_unit::seconds;
    if (__builtin_mul_overflow(count, seconds_per_day, &count))
      return false;
  }
  auto at = timestamp_of_count(count, unit);
  if (at)
    out = *at;
  return at.has_value();
}

bool conversion::from_integer(int64_t x, arena& memory, cell& out) const {
  event_time at{};
  switch (how_) {
  case step::small_integer:
    if (!in_range(x, to_))
      return false;
    [[fallthrough]];
  case step::integer:
    out = cell::integer(x);
    return true;
  case step::integer_as_real:
    return make_real(static_cast<double>(x), to_, out);
  case step::integer_as_decimal: {
    auto unscaled = exactly(x, 0, type_.scale);
    if (!unscaled || std::abs(*unscaled) >= powers_of_ten[type_.precision])
      return false;
    out = cell::decimal(*unscaled, type_.scale);
    return true;
  }
  case step::boolean:
    out = cell::boolean(x != 0);
    return true;
  case step::boolean_as_text:
    out = text_of(x != 0 ? "true" : "false", memory);
    return true;
  case step::integer_as_text:
    out = text_of(fmt::format_int{x}.c_str(), memory);
    return true;
  case step::time_as_text:
    if (logical_ == meaning::time_millis && __builtin_mul_overflow(x, int64_t{1000}, &x))
      return false;
    return write_time(x, memory, out);
  default:
    if (!moment_from(x, at))
      return false;
  }
  if (how_ == step::moment || how_ == step::date) {
    out = cell::timestamp(at);
    return true;
  }
  constexpr size_t date_length = 10; // of 2024-02-29T…
  auto text = format_rfc3339(at);
  out = text_of(how_ == step::date_as_text ? text.substr(0, date_length) : text, memory);
  return true;
}

bool conversion::from_real(double x, arena& memory, cell& out) const {
  if (how_ == step::real)
    return make_real(x, to_, out);
  if (!std::isfinite(x))
    return false;
  out = text_of(fmt::format("{}", x), memory);
  return true;
}

bool conversion::from_decimal(std::string_view x, arena& memory, cell& out) const {
  auto unscaled = number_of(x);
  auto scale = how_ == step::decimal              ? type_.scale
               : how_ == step::decimal_as_integer ? uint8_t{0}
                                                  : std::min<uint8_t>(scale_, decimal_digits);
  if (unscaled)
    unscaled = exactly(*unscaled, scale_, scale);
  if (!unscaled)
    return false;
  std::string text;
  switch (how_) {
  case step::decimal:
    if (std::abs(*unscaled) >= powers_of_ten[type_.precision])
      return false;
    out = cell::decimal(*unscaled, scale);
    return true;
  case step::decimal_as_integer:
    out = cell::integer(*unscaled);
    return in_range(*unscaled, to_);
  case step::decimal_as_real:
    return make_real(decimal_to_double(*unscaled, scale), to_, out);
  default:
    append_decimal(cell::decimal(*unscaled, scale), text);
    out = text_of(text, memory);
    return true;
  }
}

bool conversion::from_text(std::string_view x, arena& memory, cell& out) const {
  switch (how_) {
  case step::text:
    if (!is_utf8(x))
      return false;
    out = text_of(x, memory);
    return true;
  case step::bytes:
    out = cell::bytes(memory.copy(x));
    return true;
  case step::read_text:
    return is_utf8(x) && read_text_value(x, type_, *field_, memory, out);
  case step::uuid_as_text:
    out = text_of(uuid_text(x), memory);
    return true;
  default:
    return from_decimal(x, memory, out);
  }
}

error conversion::refuse(std::string_view found) const {
  return wrong_value(*field_, found, false);
}

error conversion::refuse_text(std::string_view found) const {
  if (how_ == step::text || how_ == step::read_text)
    return is_utf8(found) ? wrong_value(*field_, found, true) : refuse("bytes that are not UTF-8");
  auto number = number_of(found);
  if (!number || scale_ > decimal_digits)
    return refuse(fmt::format("a decimal of {} bytes", found.size()));
  std::string text;
  append_decimal(cell::decimal(*number, scale_), text);
  return refuse(text);
}

} // namespace keyfold::avro
