#pragma once

#include "connectors/postgres/pgoutput.hpp"
#include "features/cell.hpp"
#include "features/lookup_table.hpp"
#include "features/result.hpp"
#include "features/table.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace keyfold::postgres {

/// The rows of a table in memory, changed one by one. Thread-safe.
class table_copy final : public lookup_table {
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
    std::string row; ///< its cells as `byte_writer` writes them
  };
  /// Does all of them at once: readers see none or all. Returns how many rows were left out since
  /// the bound on rows or memory is reached.
  size_t apply(std::vector<step>&& steps);
  /// Puts other rows in place of all; those it is told from then on change these.
  void replace(std::vector<step>&& rows);
  /// The bytes of a row's cells; nothing where there is no such row.
  std::optional<std::string> row(const std::string& key) const;

  size_t rows() const;
  size_t bytes() const;

  /// Writes all rows with the position that they are of to a file, durably, in place of what it
  /// held. @param of what the rows are: another definition must not read them
  result<void> save(const std::string& path, uint64_t of, pgoutput::lsn position) const;
  /// Reads such a file; nothing where there is none, or one that is damaged or of something else.
  std::optional<pgoutput::lsn> load(const std::string& path, uint64_t of);

private:
  size_t size_of(const std::string& key, const std::string& row) const noexcept {
    return 96 + key.size() + row.size();
  }
  bool put(std::string key, std::string row);

  std::string name_;
  std::vector<column> columns_;
  std::vector<uint32_t> key_;
  table_bounds bounds_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, std::string> rows_;
  size_t bytes_ = 0;
  bool loaded_ = false;
};

} // namespace keyfold::postgres
