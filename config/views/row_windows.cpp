#include "features/windows/row_windows.hpp"
#include "config/views/aggregates.hpp"
#include "config/views/windows.hpp"

namespace keyfold::config {

namespace {

/// What `over_window` and `aggregate` share.
row_windows_settings read_rows(const view_request& from, bool zero_when_empty,
                               view_complaints& complaints) {
  const auto& at = from.definition;
  row_windows_settings made;
  made.name = from.name;
  made.stream = from.columns.schema().name;
  made.where = read_where(from, made.where_text, complaints);
  std::vector<std::pair<node, std::string>> names;
  for (auto& x : read_aggregates(from, zero_when_empty, complaints)) {
    names.emplace_back(x.at, x.definition.name);
    made.outputs.push_back({std::move(x.definition), std::nullopt, std::nullopt});
    auto own = [&](std::string_view key) { return x.at[key] ? x.at[key] : at[key]; };
    auto size = own("size");
    made.outputs.back().size = size ? size.as_duration() : std::nullopt;
    if (size)
      complaints.keep(made.outputs.back().size);
    if (own("rows"))
      made.outputs.back().rows = (x.at["rows"] ? x.at : at).whole_or<uint32_t>("rows", 1);
  }
  for (auto& [number, as] : read_columns(from, at["keep"], complaints))
    made.keep.push_back({number, std::move(as)});
  for (const auto& x : at["keep"].items())
    names.emplace_back(x, x.text());
  check_value_names(names, {"row_time"}, complaints);
  made.having = at.text_or("having", "");
  made.time_to_live = read_length(at["ttl"], complaints);
  made.max_rows_per_key = at.whole_or("max_rows_per_key", made.max_rows_per_key);
  return made;
}

std::shared_ptr<const view> finish(const view_request& from, row_windows_settings made,
                                   const view_complaints& complaints) {
  if (!complaints.sound() || !take_features(from, 2 * made.outputs.size()))
    return nullptr;
  return made_or_complain(from, make_row_windows(std::move(made)));
}

} // namespace

std::shared_ptr<const view> read_over_window(const view_request& x) {
  view_complaints complaints;
  auto made = read_rows(x, false, complaints);
  made.kind = "over_window";
  made.skip_same = x.definition.flag_or("skip_same_output", false);
  return finish(x, std::move(made), complaints);
}

std::shared_ptr<const view> read_aggregate(const view_request& x) {
  view_complaints complaints;
  auto sliding = x.definition.text_or("type", "") == "sliding_window";
  auto made = read_rows(x, sliding, complaints);
  made.kind = sliding ? "sliding_window" : "aggregate";
  made.peers = false;
  for (auto& output : made.outputs)
    output.size.reset();
  made.skip_same =
      x.definition.flag_or(sliding ? "skip_same_window_output" : "skip_same_output", true);
  made.fold_late = x.definition.text_or("late", "drop") == "fold";
  return finish(x, std::move(made), complaints);
}

} // namespace keyfold::config
