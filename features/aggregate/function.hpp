#pragma once

#include "features/byte_codec.hpp"
#include "features/data_type.hpp"
#include "features/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// What became of a row in an aggregate.
enum class aggregate_outcome : uint8_t {
  taken,
  skipped, ///< not foldable: infinite, not a number, beyond what its powers can be
  bounded  ///< the aggregate's bound left something out
};

/// A compiled aggregate function over values of one type. Immutable, shared by keys and threads.
///
/// What it has seen is in a *slot*: `words()` 8-byte words that somebody else owns, may move, and
/// hands in. All zeros is the slot that has seen nothing; `clear` makes it that again and frees
/// what it owns. Whatever was added, in whatever order and however spread over slots merged later,
/// the value is the same, but for two exceptions that the definition language documents: rows of
/// the very same time where a function asks for the first or last of them, and sketches and tables
/// that have reached their bound.
class aggregate_function {
public:
  virtual ~aggregate_function() = default;

  /// Of `value`.
  virtual const data_type& type() const noexcept = 0;
  virtual size_t words() const noexcept = 0;
  /// Whether `remove` and `retract` can take back exactly what was added.
  virtual bool retractable() const noexcept { return false; }
  /// Whether rows whose value is null are handed in as well.
  virtual bool takes_null() const noexcept { return false; }
  /// Whether slots own memory.
  virtual bool owning() const noexcept { return false; }

  /// Adds the value of a row of event time `at`; rows of one time are added in their order.
  virtual aggregate_outcome add(uint64_t* slot, const cell& x, event_time at) const = 0;
  /// Takes back a row that was added. @pre `retractable()`
  virtual void remove(uint64_t* slot, const cell& x) const;
  /// Adds all that `from` has seen. False where a bound left something out.
  virtual bool merge(uint64_t* to, const uint64_t* from) const = 0;
  /// Takes back what was merged. @pre `retractable()`
  virtual void retract(uint64_t* to, const uint64_t* from) const;
  /// What the function says of the rows seen; what it points to is in `memory`.
  virtual cell value(const uint64_t* slot, arena& memory) const = 0;

  virtual void clear(uint64_t* slot) const noexcept = 0;
  virtual void encode(const uint64_t* slot, byte_writer& out) const = 0;
  /// Into a slot of zeros. False where the bytes are malformed; the slot can then be cleared.
  virtual bool decode(uint64_t* slot, byte_reader& in) const = 0;
  /// Bytes on the heap that the slot owns.
  virtual size_t memory(const uint64_t*) const noexcept { return 0; }
};

/// The functions there are. `variance` and `stddev` without a word more are the sample's.
enum class aggregate_kind : uint8_t {
  count,
  row_number,
  sum,
  avg,
  min,
  max,
  first_value,
  last_value,
  first_k,
  last_k,
  collect_list,
  value_counts,
  top_k,
  count_distinct,
  approx_count_distinct,
  var_samp,
  var_pop,
  stddev_samp,
  stddev_pop,
  skewness,
  kurtosis,
  percentile,
  histogram
};

/// The function that the definition language calls so; nothing where there is none.
std::optional<aggregate_kind> find_aggregate_kind(std::string_view name);
/// All names, for messages.
std::vector<std::string> aggregate_names();

/// What is to be aggregated, and how; plain data.
struct aggregate_spec {
  /// Bounds on what one slot may hold.
  static constexpr uint32_t most_values = 100'000;
  static constexpr size_t most_bounds = 1000;

  aggregate_kind kind = aggregate_kind::count;
  std::optional<data_type> argument; ///< none: the rows themselves, of `count` and `row_number`
  std::optional<uint32_t> limit;     ///< the most recent rows only
  uint32_t k = 10;                   ///< of `first_k`, `last_k`, `top_k`
  uint32_t max_values = 1000;   ///< of lists and tables: beyond, the oldest or the new are left out
  uint32_t exact_bound = 256;   ///< of `approx_count_distinct`
  double percentile = 0.5;      ///< from 0 to 1
  std::vector<double> bounds;   ///< of `histogram`, ascending
  bool zero_when_empty = false; ///< the sum of no rows is 0, not null
};

/// Checks that the function is for such arguments and compiles it. An error is a sentence without
/// the aggregate's name.
result<std::shared_ptr<const aggregate_function>> make_aggregate(const aggregate_spec& spec);

} // namespace keyfold
