#pragma once

#include "connectors/postgres/table_layout.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace keyfold::postgres {

/// Changes on their way into a table, column by column, as elements of arrays. With a key, of
/// changes with one key the last one counts. Pure; not thread-safe.
class row_batch {
public:
  explicit row_batch(std::vector<bound_column> columns);

  /// False where the cells are not of the columns' types: the change was written by another
  /// definition. @pre the change fits the `change_columns` that the columns are of
  /// @param number of the change in its epoch, to find it again
  bool add(const change& x, uint64_t number);
  void clear();

  /// Changes that will be sent.
  size_t size() const noexcept { return places_.size() - replaced_; }
  /// Bytes held of them, and of those they took the place of.
  size_t bytes() const noexcept { return bytes_; }
  /// Changes that another one has taken the place of.
  size_t replaced() const noexcept { return replaced_; }

  /// What was added, in order: those that were replaced, too, which count as nothing.
  size_t length() const noexcept { return places_.size(); }
  uint64_t number(size_t i) const noexcept { return places_[i].number; }
  /// Of those that will be sent: deletes.
  size_t erased() const noexcept;

  /// The parameters of a statement for the changes [first, last): arrays in the binary format, one
  /// per column for upserts, one per column of the key for deletes. Empty where there is nothing.
  std::vector<std::string> upserts(size_t first, size_t last) const;
  std::vector<std::string> deletes(size_t first, size_t last) const;

private:
  /// Elements of an array, and where each ends.
  struct elements {
    std::string bytes;
    std::vector<size_t> ends;
  };
  struct place {
    uint64_t number;
    uint32_t row; ///< in `written_` or `erased_`
    bool erased;
    bool replaced;
  };

  std::vector<std::string> arrays(const std::vector<elements>& from, bool erased, size_t first,
                                  size_t last) const;
  void note_key(std::vector<elements>& of, uint32_t row);

  std::vector<bound_column> columns_;
  size_t key_columns_ = 0;
  std::vector<elements> written_; ///< per column
  std::vector<elements> erased_;  ///< per column of the key
  std::vector<place> places_;
  std::unordered_map<std::string, size_t> by_key_; ///< bytes of the key → place
  std::string key_;
  size_t bytes_ = 0;
  size_t replaced_ = 0;
};

} // namespace keyfold::postgres
