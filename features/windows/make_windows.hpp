#pragma once

#include "features/aggregate/set.hpp"
#include "features/result.hpp"
#include "features/windows/carried_column.hpp"
#include "features/windows/publication.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace keyfold::windows {

/// What `make_windows` needs to know besides the settings.
struct window_columns {
  std::vector<const char*> times;               ///< the first columns of a row published
  std::vector<aggregate_definition> aggregates; ///< the next ones
  std::span<const carried_column> kept;         ///< the last ones
  std::span<const carried_column> carried;      ///< what emitted events have before those
};

/// Makes the view of a machine over windows. An error names the view and the place.
/// @param problem what is wrong with the settings, if anything is
template <class Machine, class Settings>
result<std::shared_ptr<const view>> make_windows(Settings settings,
                                                 const std::optional<std::string>& problem,
                                                 const window_columns& columns) {
  auto refused = [&](const std::string& why) {
    return fail(fmt::format("view `{}`: {}", settings.name, why));
  };
  if (problem)
    return refused(*problem);
  auto set = aggregate_set::make(columns.aggregates);
  if (!set)
    return refused(set.error().message);
  data_type timestamp;
  timestamp.kind = type_kind::timestamp;
  std::vector<column> values;
  for (const auto* name : columns.times)
    values.push_back({name, timestamp});
  for (size_t i = 0; i < columns.aggregates.size(); ++i)
    values.push_back({columns.aggregates[i].name, set->function(set->slot_of(i)).type()});
  for (const auto& x : columns.kept)
    values.push_back(x.as);
  std::vector<column> carried;
  for (const auto& x : columns.carried)
    carried.push_back(x.as);
  auto rows = publication::make(std::move(values), std::move(carried), settings.having);
  if (!rows)
    return refused(rows.error().message);
  return std::make_shared<const view_of<Machine>>(std::move(settings), std::move(*set),
                                                  std::move(*rows));
}

/// The aggregates of outputs that have one each.
template <class Output>
std::vector<aggregate_definition> aggregates_of(const std::vector<Output>& outputs) {
  std::vector<aggregate_definition> out;
  out.reserve(outputs.size());
  for (const auto& x : outputs)
    out.push_back(x.aggregate);
  return out;
}

} // namespace keyfold::windows
