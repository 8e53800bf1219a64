#pragma once

#include "features/byte_codec.hpp"
#include "features/cell.hpp"
#include "features/table.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <unordered_map>

namespace keyfold::postgres {

/// The bytes that a key's cells are found by.
std::string key_bytes(std::span<const cell> key);

/// Rows by key, and keys that have none, each until a time; the one used least recently goes first.
/// Not thread-safe; the time is given.
class row_cache {
public:
  using time = std::chrono::steady_clock::time_point;

  explicit row_cache(table_bounds bounds) : bounds_(bounds) {}

  /// What is known of a key at `now`: null where nothing is.
  struct entry {
    std::string cells; ///< as `byte_writer` wrote them, one after another; empty: there is no row
    bool found = false;
    time until;
    std::list<const std::string*>::iterator use;
  };
  const entry* find(const std::string& key, time now);
  /// @param cells of the row's fields; nothing is kept of them. Empty with `found` false
  void put(const std::string& key, bool found, std::span<const cell> cells, time until);
  /// Lets go of what exceeds the bounds; returns how many.
  size_t trim();

  size_t size() const noexcept { return entries_.size(); }
  size_t bytes() const noexcept { return bytes_; }

private:
  /// About what an entry takes beside its texts.
  static constexpr size_t overhead = 160;
  static size_t size_of(const std::string& key, const entry& x) noexcept {
    return overhead + key.size() + x.cells.size();
  }

  table_bounds bounds_;
  std::unordered_map<std::string, entry> entries_;
  std::list<const std::string*> by_use_; ///< the least recently used first
  size_t bytes_ = 0;
};

} // namespace keyfold::postgres
