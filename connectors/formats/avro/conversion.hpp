#pragma once

#include "connectors/formats/avro/schema.hpp"
#include "features/cell.hpp"
#include "features/stream_schema.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace keyfold::avro {

/// How the scalar values of one type of a writer become cells of a declared type. Immutable. The
/// rules of docs/connectors/avro.md.
class conversion {
public:
  /// What the three functions below take.
  enum class source : uint8_t { integer, real, text };

  /// @param field the column the values are for, which outlives this; `to` is its type or inside it
  /// @return an error says why values of `from` cannot be `to`, as the end of a sentence
  static result<conversion> make(const node& from, const data_type& to, const stream_field& field);

  source takes() const noexcept { return takes_; }
  /// Whether an integer is taken as it is.
  bool is_plain_integer() const noexcept { return how_ == step::integer; }
  /// Whether an integer is taken as it is, if it fits 32 bits.
  bool is_plain_small_integer() const noexcept {
    return how_ == step::integer || how_ == step::small_integer;
  }
  /// Where an integer is a moment of a timestamp: microseconds are 0, milliseconds 1, seconds 2.
  std::optional<uint8_t> plain_moment() const noexcept;
  /// Whether a double is taken as it is, if it is finite.
  bool is_plain_double() const noexcept { return how_ == step::real && to_ == type_kind::float64; }
  /// Whether text must be UTF-8, and is taken as it is.
  bool is_plain_text() const noexcept { return how_ == step::text; }

  // Each is false for a value that the declared type does not have.
  // @pre `takes` names the function
  bool from_integer(int64_t x, arena& memory, cell& out) const;
  bool from_real(double x, arena& memory, cell& out) const;
  /// @param x of a string, of bytes, of a fixed, or an enumeration's symbol
  bool from_text(std::string_view x, arena& memory, cell& out) const;

  /// A sentence on a number that was refused, as it is written.
  error refuse(std::string_view found) const;
  /// A sentence on what `from_text` refused.
  error refuse_text(std::string_view found) const;
  const stream_field& field() const noexcept { return *field_; }

private:
  enum class step : uint8_t {
    integer,
    small_integer,
    integer_as_real,
    integer_as_decimal,
    integer_as_text,
    boolean,
    boolean_as_text,
    moment,
    moment_as_text,
    date,
    date_as_text,
    time_as_text,
    real,
    real_as_text,
    text,
    bytes,
    read_text,
    uuid_as_text,
    decimal,
    decimal_as_real,
    decimal_as_integer,
    decimal_as_text
  };

  bool choose(const node& from, const data_type& to);
  bool choose_for_integer(const node& from, const data_type& to);
  bool choose_for_moment(const node& from, const data_type& to);
  bool choose_for_decimal(const data_type& to);
  bool choose_for_string(const data_type& to);
  bool set(step how, source takes);
  bool from_decimal(std::string_view x, arena& memory, cell& out) const;
  bool moment_from(int64_t count, event_time& out) const;
  timestamp_unit unit_of_moments() const noexcept;

  step how_ = step::integer;
  source takes_ = source::integer;
  type_kind to_ = type_kind::null;
  meaning logical_ = meaning::none;
  timestamp_unit unit_ = timestamp_unit::rfc3339;
  uint8_t scale_ = 0; ///< of the writer's decimals
  data_type type_;
  const stream_field* field_ = nullptr;
};

/// Whether `text` is UTF-8. Quick for short ASCII.
bool is_utf8(std::string_view text) noexcept;

} // namespace keyfold::avro
