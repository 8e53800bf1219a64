#pragma once

#include "features/expression.hpp"
#include "features/result.hpp"
#include "features/view_of.hpp"
#include "features/windows/carried_column.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// What the views over windows publish of a key: one row of named values, to outputs as an upsert
/// and into the derived stream as an event. Immutable.
class publication {
public:
  /// @param values the columns, in the order of the cells published
  /// @param carried what emitted events have besides, before them
  /// @param having over the columns of `values`: rows for which it does not hold are not published;
  /// may be empty
  static result<publication> make(std::vector<column> values, std::vector<column> carried,
                                  const std::string& having);

  /// What the view of `stream` says of itself; its features and its fingerprint are to be added.
  view_description description(std::string name, std::string kind, std::string stream) const {
    return {
        std::move(name), std::move(kind), {std::move(stream)}, {}, changes_, emissions_, {}, false};
  }
  const change_schema& changes() const noexcept { return changes_; }
  std::span<const column> emissions() const noexcept { return emissions_; }
  size_t width() const noexcept { return changes_.values.size(); }
  bool selective() const noexcept { return having_.has_value(); }

  /// Whether the row is to be published.
  bool holds(std::span<const cell> values, arena& scratch) const {
    return !having_ || having_->holds(values, scratch);
  }
  /// Hands a row to those who want every one.
  void publish(std::span<const cell> carried, std::span<const cell> values, event_time at,
               const fold_context& context) const;

private:
  change_schema changes_;
  std::vector<column> emissions_;
  std::optional<expression> having_;
};

/// Cells as bytes, to keep them for a while.
std::string pack(std::span<const cell> cells, event_time at);
/// The same in `to`, instead of what it held and in its memory.
void pack_into(std::string& to, std::span<const cell> cells, event_time at);
/// Whether the bytes are what `pack` makes of cells of these columns.
bool is_packed(const std::string& bytes, std::span<const column> columns);
/// What `pack` made; texts point into `bytes`.
std::pair<std::span<const cell>, event_time> unpack(const std::string& bytes, size_t width,
                                                    arena& memory);

/// Keeps the columns carried of the first row, packed.
void keep_carried(std::span<const carried_column> columns, std::span<const cell> row,
                  std::unique_ptr<std::string>& in);

} // namespace keyfold::windows
