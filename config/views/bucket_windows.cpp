#include "features/windows/bucket_windows.hpp"
#include "config/spelling.hpp"
#include "config/views/aggregates.hpp"
#include "config/views/windows.hpp"
#include "config/zones.hpp"

namespace keyfold::config {

namespace {

/// Turns the definition of a sliding or tumbling window into settings.
class bucket_windows_reader {
public:
  explicit bucket_windows_reader(const view_request& from) : from_(from), at_(from.definition) {}

  /// @param sliding whether the view has a step of its own
  std::shared_ptr<const view> make(bool sliding) {
    made_.kind = sliding ? "sliding_window" : "tumbling_window";
    made_.name = from_.name;
    made_.stream = from_.columns.schema().name;
    made_.where = read_where(from_, made_.where_text, complaints_);
    if (auto step = (sliding ? at_["step"] : at_["size"]).as_duration())
      made_.step = *step;
    else
      complaints_.keep(std::optional<int>{});
    zone();
    outputs();
    made_.empty_window_output = at_.flag_or("enable_empty_window_output", sliding);
    made_.skip_same_window_output =
        at_.flag_or("skip_same_window_output", sliding && made_.empty_window_output);
    made_.having = at_.text_or("having", "");
    for (auto& [number, as] : read_columns(from_, at_["carry"], complaints_))
      made_.carry.push_back({number, std::move(as)});
    made_.max_buckets_per_key = at_.whole_or("max_buckets_per_key", made_.max_buckets_per_key);
    if (!complaints_.sound() || !take_features(from_, 2 * made_.outputs.size()))
      return nullptr;
    return made_or_complain(from_, make_bucket_windows(std::move(made_)));
  }

private:
  void zone() {
    auto at = at_["time_zone"];
    made_.zone_name = at_.text_or("time_zone", "UTC");
    auto loaded = load_zone(made_.zone_name);
    if (loaded)
      made_.zone = std::move(*loaded);
    else
      complaints_.refuse(at, loaded.error().message);
  }

  /// Every aggregate over its own size, or over each of the view's.
  void outputs() {
    auto sizes = at_["sizes"].items();
    if (at_["size"])
      sizes.push_back(at_["size"]);
    std::vector<std::pair<node, std::string>> names;
    for (auto& x : read_aggregates(from_, true, complaints_)) {
      auto own = x.at["size"];
      if (!own && sizes.empty())
        complaints_.refuse(x.at, "this needs a `size`, or the view a `size` or `sizes`");
      if (own)
        output(x, own, x.definition.name, names);
      for (const auto& size : own ? std::vector<node>{} : sizes)
        output(x, size, at_["sizes"] ? x.definition.name + "_" + size.text() : x.definition.name,
               names);
    }
    std::vector<std::string> taken{"window_time"};
    for (const auto& x : at_["carry"].items())
      names.emplace_back(x, x.text());
    check_value_names(names, std::move(taken), complaints_);
  }

  void output(const declared_aggregate& x, const node& size_at, std::string name,
              std::vector<std::pair<node, std::string>>& names) {
    auto size = size_at.as_duration();
    complaints_.keep(size);
    if (!size)
      return;
    if (*size == duration{0} || (made_.step > duration{0} && *size % made_.step != duration{0}))
      complaints_.refuse(size_at, "a window's size is a multiple of the step");
    names.emplace_back(x.at, name);
    auto& out = made_.outputs.emplace_back();
    out.aggregate = x.definition;
    out.aggregate.name = std::move(name);
    out.size = *size;
  }

  const view_request& from_;
  const node& at_;
  bucket_windows_settings made_;
  view_complaints complaints_;
};

} // namespace

std::shared_ptr<const view> read_sliding_window(const view_request& x) {
  auto is_zero = [](const node& at) {
    auto length = at ? at.as_duration() : std::nullopt;
    return length && *length == duration{0};
  };
  auto no_step = is_zero(x.definition["step"]);
  auto no_size = is_zero(x.definition["size"]);
  if (no_step != no_size) {
    (no_step ? x.definition["step"] : x.definition["size"])
        .complain("`size` and `step` are both 0, for a running aggregate over everything, or "
                  "neither is");
    return nullptr;
  }
  return no_step ? read_aggregate(x) : bucket_windows_reader{x}.make(true);
}

std::shared_ptr<const view> read_tumbling_window(const view_request& x) {
  return bucket_windows_reader{x}.make(false);
}

} // namespace keyfold::config
