#include "config/views/view_parts.hpp"

#include "config/names.hpp"
#include "config/spelling.hpp"

namespace keyfold::config {

std::optional<duration> view_parts::length_of(std::string_view key) {
  auto at = at_[key];
  if (!at)
    return std::nullopt;
  auto length = at.as_duration();
  sound_ = sound_ && length;
  if (length && length->count() == 0)
    refuse(at, backquoted(key) + " must be longer than 0");
  return length;
}

std::optional<expression> view_parts::condition(view_columns& columns, std::string_view key,
                                                std::string& text) {
  auto at = at_[key];
  if (!at)
    return std::nullopt;
  text = at.text();
  auto compiled = columns.compile_condition(at);
  sound_ = sound_ && compiled;
  return compiled;
}

chosen_columns view_parts::columns(view_columns& from, std::string_view key, bool scalar) {
  chosen_columns out;
  auto add = [&](const std::string& name, const node& column) {
    auto found = scalar ? from.find_scalar(column) : from.find(column);
    sound_ = sound_ && found;
    if (!found)
      return;
    out.places.push_back(*found);
    out.named.push_back({name, from.field(*found).type});
  };
  auto at = at_[key];
  for (const auto& column : at.items())
    add(column.text(), column);
  for (const auto& [name, column] : at.members()) {
    sound_ = check_column_name(name, column) && sound_;
    add(name, column);
  }
  return out;
}

std::shared_ptr<const view> view_parts::finish(result<std::shared_ptr<const view>> made) {
  if (!sound_)
    return nullptr;
  if (!made) {
    at_.complain(made.error().message);
    return nullptr;
  }
  auto features = (*made)->features().size();
  if (features > from_.features_left) {
    at_.complain("with these " + std::to_string(features)
                 + " features the definition has more than " + std::to_string(max_features)
                 + "; keep fewer");
    return nullptr;
  }
  from_.features_left -= features;
  return *made;
}

} // namespace keyfold::config
