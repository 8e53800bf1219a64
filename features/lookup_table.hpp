#pragma once

#include "features/cell.hpp"
#include "features/column.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace keyfold {

/// Keys to be looked up at once, and where the answers go.
struct lookup_request {
  std::span<const cell> keys;       ///< as many cells a key as the table's key has; key after key
  std::span<const uint32_t> fields; ///< of the table's columns: those wanted
  std::span<cell> values;   ///< out: a cell per wanted field; key after key; null: not found
  std::span<uint8_t> found; ///< out: 1 or 0 per key
  arena& text;              ///< where the values' texts are kept
};

/// A dimension as the lookup join sees it: rows by key, wherever they are. May be asked by several
/// threads at once.
class lookup_table {
public:
  virtual ~lookup_table() = default;

  virtual const std::string& name() const noexcept = 0;
  virtual const std::vector<column>& columns() const noexcept = 0;
  /// The columns that are the key, in its order.
  virtual const std::vector<uint32_t>& key() const noexcept = 0;
  /// Whether `look_up` may wait for another system. Such a table is asked by the threads of sources
  /// only, never by those that run actors.
  virtual bool waits() const noexcept = 0;
  /// Answers the whole request. False when it cannot answer now (nothing is loaded yet, another
  /// system is away): the request is to be repeated later. Waits 100 ms at most, so that an epoch
  /// can end in between. A key with a null is not found.
  /// @pre the cells of a key are of the key columns' kinds
  virtual bool look_up(const lookup_request& x) = 0;
  /// Why `look_up` cannot answer: a sentence that names the remedy.
  virtual std::string problem() const = 0;
};

} // namespace keyfold
