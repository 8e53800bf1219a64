#pragma once

#include "features/aggregate/function.hpp"
#include "features/expression.hpp"
#include "features/view.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace keyfold {

/// An aggregate as defined: a function of an expression over the rows for which a condition holds.
struct aggregate_definition {
  std::string name;
  aggregate_spec spec;
  std::optional<expression> value; ///< none: the rows themselves
  std::string value_text;          ///< as written
  std::optional<expression> where; ///< FILTER: the rows that count
  std::string where_text;          ///< as written
};

/// The aggregates of a view over one stream, compiled: what to evaluate of a row, and their slots
/// side by side in one block of words. Equal aggregates share a slot. Immutable, shared by keys and
/// threads.
///
/// A block belongs to somebody else, who may move it; all zeros is the block that has seen nothing.
class aggregate_set {
public:
  /// Slots, and different arguments, that a set may have.
  static constexpr size_t most = 64;

  /// What the aggregates need to know of a row.
  struct row_values {
    std::span<cell> values; ///< of the arguments; null also where the condition fails
    uint64_t passed = 0;    ///< bit i: the row counts for argument i
  };

  /// An error names the aggregate.
  static result<aggregate_set> make(const std::vector<aggregate_definition>& definitions);

  /// The slot of the definition number `definition`.
  uint32_t slot_of(size_t definition) const noexcept { return slot_of_[definition]; }
  size_t slots() const noexcept { return slots_.size(); }
  const aggregate_function& function(uint32_t number) const noexcept {
    return *slots_[number].function;
  }
  /// Words of a block, and where a slot begins in it.
  size_t words() const noexcept { return words_; }
  size_t offset(uint32_t number) const noexcept { return slots_[number].offset; }
  /// Whether blocks own memory.
  bool owning() const noexcept { return owning_; }
  /// What `row_values::values` are, in their order.
  std::span<const data_type> argument_types() const noexcept { return argument_types_; }

  /// Values that are texts live in the row, the set or `scratch`; the span is in `scratch`. A text
  /// that is only counted is an empty one, so that who keeps rows need not keep it.
  row_values evaluate(std::span<const cell> row, arena& scratch) const;
  /// Adds a row to every slot, and counts what was skipped or out of bounds.
  void add(uint64_t* block, const row_values& row, event_time at, fold_counts& counts) const;
  /// Adds a row to one slot.
  aggregate_outcome add(uint32_t slot, uint64_t* words, const row_values& row, event_time at) const;
  /// The argument of a slot, a place in `row_values::values`.
  uint32_t argument_of(uint32_t number) const noexcept { return slots_[number].argument; }
  /// Takes a row back from one slot. @pre its function is retractable
  void remove(uint32_t slot, uint64_t* words, const row_values& row) const;
  /// Merges every slot; counts the slots that were full.
  void merge(uint64_t* to, const uint64_t* from, fold_counts& counts) const;
  void clear(uint64_t* block) const noexcept;
  void encode(const uint64_t* block, byte_writer& out) const;
  /// Into a block of zeros. False, with a block of zeros, where the bytes are malformed.
  bool decode(uint64_t* block, byte_reader& in) const;
  /// Bytes on the heap that the block owns.
  size_t memory(const uint64_t* block) const noexcept;
  /// Changes whenever an encoded block would be misread or mean something else.
  const std::string& fingerprint() const noexcept { return fingerprint_; }

private:
  struct argument {
    std::optional<expression> value;
    std::optional<expression> where;
    std::string text;
    bool only_counted = true; // what matters of a text is only that there is one
  };
  struct slot {
    std::shared_ptr<const aggregate_function> function;
    uint32_t argument;
    size_t offset;
    std::string text; // tells it from others
  };

  uint32_t need_argument(const aggregate_definition& x);
  bool counts_in(const slot& x, const row_values& row) const noexcept {
    return (row.passed >> x.argument & 1) != 0
           && (!row.values[x.argument].is_null() || x.function->takes_null());
  }

  std::vector<argument> arguments_;
  std::vector<data_type> argument_types_;
  std::vector<slot> slots_;
  std::vector<uint32_t> slot_of_;
  size_t words_ = 0;
  bool owning_ = false;
  std::string fingerprint_;
};

/// A block that lives in an arena for a while.
class temporary_slot {
public:
  temporary_slot(const aggregate_function& function, arena& memory);
  temporary_slot(const temporary_slot&) = delete;
  temporary_slot& operator=(const temporary_slot&) = delete;
  ~temporary_slot() { function_.clear(words_); }

  uint64_t* words() const noexcept { return words_; }

private:
  const aggregate_function& function_;
  uint64_t* words_;
};

/// Some slots of a set that live in an arena for a while.
class temporary_block {
public:
  /// @param slots and the set must outlive the block
  temporary_block(const aggregate_set& of, std::span<const uint32_t> slots, arena& memory);
  temporary_block(const temporary_block&) = delete;
  temporary_block& operator=(const temporary_block&) = delete;
  ~temporary_block();

  /// @pre the slot is one of them
  uint64_t* words(uint32_t slot) const noexcept { return words_ + set_.offset(slot); }

private:
  const aggregate_set& set_;
  std::span<const uint32_t> slots_;
  uint64_t* words_;
};

} // namespace keyfold
