#pragma once

#include "features/cell.hpp"
#include "features/lookup_table.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keyfold {

/// What a view derives once from a snapshot, before that is published: a ranking, say.
class table_index {
public:
  virtual ~table_index() = default;
};

/// Rows of a table as loaded at one moment; immutable, shared by threads.
///
/// Rows are packed one after the other: a byte for eight columns' nulls, 1, 4 or 8 bytes a value, 4
/// for a text that is kept elsewhere, once where it repeats. With 5 to 11 bytes a row for finding
/// keys, a row of an `int32` key and a text of n bytes takes about n + 20 bytes.
class table_snapshot {
public:
  /// Longest text in a column, in bytes.
  static constexpr size_t max_text_bytes = (size_t{1} << 18) - 8;
  /// How rows and texts are laid out: rows of a block, bits of a place in a block of texts, and
  /// what stands in place of a text's size that does not fit into a byte and follows in four.
  static constexpr uint32_t block_rows = 1024;
  static constexpr uint32_t text_block_bits = 18;
  static constexpr uint8_t long_text_mark = 255;

  table_snapshot(const table_snapshot&) = delete;
  table_snapshot& operator=(const table_snapshot&) = delete;

  const std::vector<column>& columns() const noexcept { return columns_; }
  /// The columns that are the key, in its order.
  const std::vector<uint32_t>& key() const noexcept { return key_; }
  uint32_t rows() const noexcept { return rows_; }
  /// @pre `row < rows()`. Texts, lists and maps live as long as the snapshot.
  cell value(uint32_t row, uint32_t column) const noexcept;
  /// The row of a key: a cell per key column, in the key's order. Nothing for a key with a null, or
  /// with a cell of another kind than its column's.
  std::optional<uint32_t> find(std::span<const cell> key) const noexcept;
  /// What a view derived, as numbered by `table::add_index`.
  const table_index& index(uint32_t number) const noexcept { return *indexes_[number]; }
  /// Counts what has been published to the table, from 1; 0 before.
  uint64_t version() const noexcept { return version_; }
  /// Bytes held, without those of the indexes.
  size_t memory() const noexcept;

private:
  friend class table_builder;
  friend class table;

  /// Where a column's value is in a row.
  struct column_place {
    uint32_t offset;
    cell_kind kind;
    uint8_t width;
    uint8_t scale;
  };

  table_snapshot(std::vector<column> columns, std::vector<uint32_t> key);
  const char* row_bytes(uint32_t row) const noexcept {
    return blocks_[row / block_rows].get() + size_t{row % block_rows} * row_width_;
  }
  char* row_bytes(uint32_t row) noexcept {
    return blocks_[row / block_rows].get() + size_t{row % block_rows} * row_width_;
  }
  std::string_view text_at(uint32_t reference) const noexcept;
  uint64_t hash_of(std::span<const cell> key) const noexcept;
  uint64_t hash_of_row(uint32_t row) const noexcept;
  bool has_key(uint32_t row, std::span<const cell> key) const noexcept;

  std::vector<column> columns_;
  std::vector<uint32_t> key_;
  std::vector<column_place> places_;
  uint32_t row_width_ = 0;
  uint32_t rows_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> texts_; // blocks of up to 256 KiB: size and bytes of each
  size_t text_bytes_ = 0;                      // of all blocks
  arena nested_;                               // lists and maps
  std::vector<uint32_t> slots_;                // rows + 1 by hash of the key, linear probing
  std::vector<std::unique_ptr<const table_index>> indexes_;
  uint64_t version_ = 0;
};

/// How large a table may become.
struct table_bounds {
  uint32_t max_rows = 1'000'000;
  uint64_t max_bytes = uint64_t{256} << 20;
};

/// Collects the rows of a snapshot. Not thread-safe.
class table_builder {
public:
  enum class outcome : uint8_t {
    added,
    replaced,      ///< there was a row of that key: this one has taken its place
    null_key,      ///< left out: a column of the key is null
    long_text,     ///< left out: a text has more than `table_snapshot::max_text_bytes`
    too_many_rows, ///< left out: the bound is reached
    too_many_bytes ///< left out: likewise
  };

  /// @pre the columns of the key are neither lists nor maps, and there is at least one
  table_builder(std::vector<column> columns, std::vector<uint32_t> key, table_bounds bounds);
  ~table_builder();

  /// @param row a cell per column, of its type or null; copied
  outcome add(std::span<const cell> row);
  uint32_t rows() const noexcept { return made_->rows_; }
  /// Bytes held.
  size_t memory() const noexcept { return made_->memory(); }
  /// Hands the rows over; the builder must not be used afterwards.
  std::unique_ptr<table_snapshot> build();

private:
  /// Texts of a column met before, so that those which repeat are kept once.
  struct known_texts {
    std::unordered_map<std::string_view, uint32_t> references;
    uint64_t asked = 0;
    uint64_t met = 0;
    bool useless = false;
  };

  bool fits(std::span<const cell> row, bool new_row) const noexcept;
  void write(uint32_t row, std::span<const cell> cells);
  uint32_t keep_text(known_texts& known, std::string_view text);
  uint32_t append_text(std::string_view text);
  void grow_slots();

  std::unique_ptr<table_snapshot> made_;
  table_bounds bounds_;
  std::vector<cell> key_cells_;
  std::vector<known_texts> known_; // per column
  size_t text_end_ = 0;            // in the last block of texts
  size_t text_capacity_ = 0;       // of that
};

/// A table in memory: the named slot that readers hold. Thread-safe, but for `add_index`.
class table final : public lookup_table {
public:
  using index_maker =
      std::function<std::unique_ptr<const table_index>(const table_snapshot& snapshot)>;

  /// @pre as of `table_builder`
  table(std::string name, std::vector<column> columns, std::vector<uint32_t> key);

  const std::string& name() const noexcept override { return name_; }
  const std::vector<column>& columns() const noexcept override { return columns_; }
  const std::vector<uint32_t>& key() const noexcept override { return key_; }
  bool waits() const noexcept override { return false; }
  /// False before the first load.
  bool look_up(const lookup_request& x) override;
  std::string problem() const override;

  /// Has `build` make an index of every snapshot, which finds it under the number returned. While
  /// the plan is compiled, before the first `publish`.
  uint32_t add_index(index_maker build);
  /// Null before the first load.
  std::shared_ptr<const table_snapshot> current() const noexcept;
  /// Makes the indexes, then puts the snapshot in the place of the present one.
  /// @pre its columns and key are the table's; one thread at a time
  void publish(std::unique_ptr<table_snapshot> next);

private:
  std::string name_;
  std::vector<column> columns_;
  std::vector<uint32_t> key_;
  std::vector<index_maker> makers_;
  uint64_t published_ = 0;
  std::shared_ptr<const table_snapshot> current_; // by atomic_load and atomic_store
};

} // namespace keyfold
