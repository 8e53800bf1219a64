#pragma once

#include "config/view_kinds.hpp"
#include "features/aggregate/set.hpp"

#include <optional>
#include <string>
#include <vector>

namespace keyfold::config {

/// Complains at a node, and remembers that the view cannot be made.
class view_complaints {
public:
  template <class T>
  void keep(const std::optional<T>& x) {
    sound_ = sound_ && x.has_value();
  }
  void refuse(const node& at, std::string sentence) {
    at.complain(std::move(sentence));
    sound_ = false;
  }
  bool sound() const noexcept { return sound_; }

private:
  bool sound_ = true;
};

/// An aggregate of a definition, with its place.
struct declared_aggregate {
  node at;
  aggregate_definition definition;
};

/// The aggregates listed under `aggregates`, each checked against the columns of the view's stream.
/// @param zero_when_empty what a sum of no rows is where `empty_sum` does not say
std::vector<declared_aggregate> read_aggregates(const view_request& from, bool zero_when_empty,
                                                view_complaints& complaints);

/// The view's own `where`; its text is in `text`.
std::optional<expression> read_where(const view_request& from, std::string& text,
                                     view_complaints& complaints);

/// The columns that `at` lists, by their numbers.
std::vector<std::pair<uint32_t, column>> read_columns(const view_request& from, const node& at,
                                                      view_complaints& complaints);

/// A length more than 0; absent where `at` is.
std::optional<duration> read_length(const node& at, view_complaints& complaints);

/// Takes the features away from those that are left; complains where there are not as many.
bool take_features(const view_request& from, size_t count);

/// Complains of names that two values share, or that have been given to another column.
void check_value_names(const std::vector<std::pair<node, std::string>>& names,
                       std::vector<std::string> taken, view_complaints& complaints);

/// What a maker of views gave; complains of its error.
std::shared_ptr<const view> made_or_complain(const view_request& from,
                                             result<std::shared_ptr<const view>> made);

} // namespace keyfold::config
