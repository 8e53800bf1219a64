#include "config/views/attribution.hpp"

#include "config/spelling.hpp"
#include "config/views/view_parts.hpp"
#include "features/attribution.hpp"

namespace keyfold::config {

namespace {

using model = attribution_settings::model;

model model_of(const std::string& name) {
  return name == "last_click"       ? model::last_click
         : name == "linear"         ? model::linear
         : name == "time_decay"     ? model::time_decay
         : name == "position_based" ? model::position_based
                                    : model::first_click;
}

/// Turns a definition into settings.
class settings_reader {
public:
  explicit settings_reader(const view_request& from)
      : at_(from.definition), parts_(from), touches_(*from.inputs[0]),
        conversions_(*from.inputs[1]) {
    made_.name = from.name;
  }

  std::shared_ptr<const view> make() {
    role(made_.touches, touches_, "touch_columns", "touches_where");
    role(made_.conversions, conversions_, "conversion_columns", "conversions_where");
    match();
    made_.window = parts_.length_of("window").value_or(duration{1});
    credit();
    made_.published_key = at_["published_key"].texts();
    made_.late = parts_.drops_late() ? attribution_settings::late_rows::drop
                                     : attribution_settings::late_rows::fold;
    made_.max_touches = at_.whole_or("max_touches", made_.max_touches);
    made_.max_waiting_conversions =
        at_.whole_or("max_waiting_conversions", made_.max_waiting_conversions);
    return parts_.sound() ? parts_.finish(make_attribution(std::move(made_))) : nullptr;
  }

private:
  void role(attribution_settings::role& to, view_columns& from, std::string_view columns,
            std::string_view where) {
    to.stream = from.schema().name;
    auto chosen = parts_.columns(from, columns);
    to.columns = std::move(chosen.places);
    to.emitted = std::move(chosen.named);
    to.where = parts_.condition(from, where, to.where_text);
  }

  /// An array of columns that both have under one name, or an object of touch column to conversion
  /// column.
  void match() {
    auto at = at_["match"];
    for (const auto& column : at.items())
      match(column, touches_.find_scalar(column), conversions_.find_scalar(column));
    for (const auto& [touch, conversion] : at.members()) {
      auto found = touches_.schema().find(touch);
      if (!found)
        conversion.complain_of_key("the stream " + backquoted(touches_.schema().name)
                                   + " has no column " + backquoted(touch)
                                   + suggestion(touch, touches_.names(), "columns"));
      else
        touches_.use(*found);
      match(conversion, found, conversions_.find_scalar(conversion));
    }
  }

  void match(const node& at, std::optional<uint32_t> touch, std::optional<uint32_t> conversion) {
    if (!touch || !conversion) {
      parts_.refuse_silently();
      return;
    }
    const auto& type = touches_.field(*touch).type;
    const auto& other = conversions_.field(*conversion).type;
    if (!(type == other))
      parts_.refuse(at, "a touch's " + backquoted(to_string(type)) + " cannot match a conversion's "
                            + backquoted(to_string(other)) + "; give both the same type");
    made_.touches.match_columns.push_back(*touch);
    made_.conversions.match_columns.push_back(*conversion);
    made_.match.push_back({touches_.field(*touch).name, type});
  }

  void credit() {
    made_.credit = model_of(at_.text_or("model", "first_click"));
    auto half_life = parts_.length_of("half_life");
    if (made_.credit == model::time_decay && !at_["half_life"])
      parts_.refuse(at_["model"], "`time_decay` needs a `half_life`");
    if (made_.credit != model::time_decay && at_["half_life"])
      parts_.refuse(at_["half_life"], "`half_life` is for the model `time_decay`");
    made_.rate = {half_life.value_or(duration{1}), true};
    for (const auto* key : {"first_share", "last_share"})
      if (at_[key] && made_.credit != model::position_based)
        parts_.refuse(at_[key], backquoted(key) + " is for the model `position_based`");
    made_.first_share = at_.number_or("first_share", made_.first_share);
    made_.last_share = at_.number_or("last_share", made_.last_share);
  }

  const node& at_;
  view_parts parts_;
  view_columns& touches_;
  view_columns& conversions_;
  attribution_settings made_;
};

} // namespace

std::shared_ptr<const view> read_attribution(const view_request& x) {
  return settings_reader{x}.make();
}

} // namespace keyfold::config
