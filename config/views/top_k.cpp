#include "config/views/top_k.hpp"

#include "config/names.hpp"
#include "config/views/view_parts.hpp"
#include "features/top_k.hpp"

namespace keyfold::config {

namespace {

using ranking::measure;

measure measure_of(const std::string& name) {
  return name == "sum"             ? measure::sum
         : name == "max"           ? measure::max
         : name == "decayed_count" ? measure::decayed_count
         : name == "distinct"      ? measure::distinct
                                   : measure::count;
}

/// How fast a decayed count fades: exactly one of two keys says so.
void read_rate(const node& at, view_parts& parts, ranking::table_rules& to) {
  auto time_constant = parts.length_of("time_constant");
  auto half_life = parts.length_of("half_life");
  auto decays = to.by == measure::decayed_count;
  if (decays && at["time_constant"] && at["half_life"])
    parts.refuse(at["half_life"], "give `time_constant` or `half_life`, not both");
  else if (decays && !at["time_constant"] && !at["half_life"])
    parts.refuse(at["by"], "a decayed count needs a `time_constant` or a `half_life`");
  for (const auto* key : {"time_constant", "half_life"})
    if (!decays && at[key])
      parts.refuse(at[key], "only a `decayed_count` fades; leave this out, or rank by that");
  to.rate = {half_life.value_or(time_constant.value_or(duration{1})), half_life.has_value()};
}

void read_measured(const view_request& x, view_parts& parts, top_k_settings& to) {
  const auto& at = x.definition;
  auto needs = to.rules.by == measure::sum || to.rules.by == measure::max
               || to.rules.by == measure::distinct;
  auto text = at["expression"];
  if (needs && !text)
    parts.refuse(at["by"] ? at["by"] : at, "this needs an `expression`, what is ranked by");
  if (!needs && text)
    parts.refuse(text, "a count has no expression; count some rows only with `where`");
  if (at["exact_bound"] && to.rules.by != measure::distinct)
    parts.refuse(at["exact_bound"], "`exact_bound` is for ranking by `distinct`");
  if (!needs || !text)
    return;
  to.measured = x.columns.compile(text);
  to.measured_text = text.text();
  if (!to.measured)
    parts.refuse_silently();
}

} // namespace

std::shared_ptr<const view> read_top_k(const view_request& x) {
  const auto& at = x.definition;
  view_parts parts{x};
  top_k_settings made;
  made.name = x.name;
  made.stream = x.columns.schema().name;
  made.feature = at.text_or("feature", x.name);
  if (at["feature"] && !check_column_name(made.feature, at["feature"]))
    parts.refuse_silently();
  auto candidates = parts.columns(x.columns, "candidates", true);
  made.candidate = candidates.named;
  made.candidate_columns = candidates.places;
  made.where = parts.condition(x.columns, "where", made.where_text);
  made.rules.by = measure_of(at.text_or("by", "count"));
  made.rules.k = at.whole_or("k", made.rules.k);
  made.rules.max_candidates = at.whole_or("max_candidates", made.rules.max_candidates);
  made.rules.exact_bound = at.whole_or("exact_bound", made.rules.exact_bound);
  made.rules.time_to_live = parts.length_of("ttl");
  read_rate(at, parts, made.rules);
  read_measured(x, parts, made);
  made.late =
      parts.drops_late() ? top_k_settings::late_rows::drop : top_k_settings::late_rows::fold;
  made.with_scores = at.flag_or("with_scores", false);
  made.max_pending_rows = at.whole_or("max_pending_rows", made.max_pending_rows);
  made.max_candidate_bytes = at.whole_or("max_candidate_bytes", made.max_candidate_bytes);
  return parts.sound() ? parts.finish(make_top_k(std::move(made))) : nullptr;
}

} // namespace keyfold::config
