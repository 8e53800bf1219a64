#pragma once

#include "connectors/postgres/pgoutput.hpp"
#include "features/cell.hpp"
#include "features/lookup_table.hpp"
#include "features/result.hpp"
#include "features/table.hpp"
#include "messages/table_source.hpp"

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keyfold::postgres {

/// The rows of a table in memory, changed one by one, and what of them the ledger is yet to hear.
/// Thread-safe.
class table_copy final : public lookup_table, public kept_table {
public:
  table_copy(std::string name, std::vector<column> columns, std::vector<uint32_t> key,
             table_bounds bounds)
      : name_(std::move(name)), columns_(std::move(columns)), key_(std::move(key)),
        bounds_(bounds) {}

  const std::string& name() const noexcept override { return name_; }
  const std::vector<column>& columns() const noexcept override { return columns_; }
  const std::vector<uint32_t>& key() const noexcept override { return key_; }
  bool waits() const noexcept override { return false; }
  bool look_up(const lookup_request& x) override;
  std::string problem() const override;

  /// What is done to the rows, in order.
  struct step {
    enum class kind : uint8_t { put, erase, clear } is = kind::put;
    std::string key; ///< as `key_bytes` makes it
    std::string row; ///< its cells as `byte_writer` writes them: never empty
  };
  /// Does all of them at once: readers see none or all. Returns how many rows were left out since
  /// the bound on rows or memory is reached, also with what they were before: what the ledger gets
  /// from then on is none that `resume` takes.
  /// @param before they are changes before it
  size_t apply(std::vector<step>&& steps, pgoutput::lsn before);
  /// Puts other rows in place of all; those it is told from then on change these. Until the ledger
  /// holds all of them, and none of those before, it has no position.
  /// @param at what the rows are of, and how far
  void replace(std::vector<step>&& rows, table_position at);
  /// All before it is in the rows.
  void reached(pgoutput::lsn position);
  /// Goes on with the rows of the ledger if they are `of`; else nothing, and `replace` must come.
  std::optional<pgoutput::lsn> resume(const std::string& of);
  /// The rows hold no change from it on. Those before it, and after the position, some may hold.
  pgoutput::lsn ahead() const;
  /// The bytes of a row's cells; nothing where there is no such row.
  std::optional<std::string> row(const std::string& key) const;

  size_t rows() const;
  size_t bytes() const;
  /// About what a row takes.
  static size_t size_of(std::string_view key, std::string_view row) noexcept {
    return 120 + key.size() + row.size();
  }

  void restore(std::optional<table_position> position) override;
  void restore_row(std::string_view key, std::string_view row) override;
  table_share take(size_t max_bytes, bool last, const row_sink& to) override;
  void committed() override;
  /// How far the ledger holds the rows durably; 0: not at all.
  pgoutput::lsn durable() const;
  /// The keys of deleted rows that the ledger has not heard of take more than the bound on rows or
  /// memory: no more changes should come until it has.
  bool crowded() const;

private:
  struct held {
    std::string row;    ///< empty: deleted, kept until the ledger has heard of it
    bool dirty = false; ///< the ledger is to hear of it
  };
  using row_map = std::unordered_map<std::string, held>;
  using entry = row_map::value_type;

  bool put(std::string&& key, std::string&& row);
  void erase(entry& x);
  void mark(entry& x);
  void drop_deleted(const std::vector<entry*>& which);
  bool moves(int64_t to, bool last) const;

  std::string name_;
  std::vector<column> columns_;
  std::vector<uint32_t> key_;
  table_bounds bounds_;

  /// Held by those who change rows, and by what the ledger hears of them. Taken before `mutex_`.
  mutable std::mutex changing_;
  std::deque<entry*> dirty_;              ///< in the order in which they became so
  uint64_t marked_ = 0;                   ///< so many have been put into `dirty_`
  uint64_t given_ = 0;                    ///< so many were taken from it
  bool rows_given_ = false;               ///< since the position in the ledger went on
  size_t deleted_ = 0;                    ///< rows kept until the ledger has heard of it
  size_t deleted_bytes_ = 0;              ///< of their keys
  bool left_out_ = false;                 ///< a row of the ledger, for want of room
  std::optional<table_position> now_;     ///< of the rows in memory
  std::optional<table_position> taken_;   ///< of what was last taken
  std::optional<table_position> durable_; ///< and is in the ledger
  /// Once so many are given, the ledger has all before the position.
  struct goal {
    uint64_t given = 0;
    int64_t position = 0;
  };
  std::optional<goal> goal_;

  /// Held, beside `changing_`, while what readers see changes.
  mutable std::shared_mutex mutex_;
  row_map rows_;
  size_t bytes_ = 0; ///< of those that are not deleted
  bool loaded_ = false;
};

} // namespace keyfold::postgres
