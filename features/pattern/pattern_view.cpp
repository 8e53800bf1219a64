#include "features/pattern/pattern_view.hpp"

#include "features/type_makers.hpp"

#include <algorithm>

namespace keyfold {

tl::expected<made_pattern, pattern_error> make_pattern(pattern_settings settings) {
  auto code = patterns::make_program(settings);
  if (!code)
    return tl::unexpected{std::move(code).error()};
  auto columns = code->columns;
  return made_pattern{std::make_shared<const view_of<patterns::pattern_view>>(std::move(settings),
                                                                              *std::move(code)),
                      std::move(columns)};
}

namespace patterns {

namespace {

void collect_taking(const pattern_element& x, std::vector<uint16_t>& out) {
  if (x.variable && x.negated == pattern_element::negation::none)
    out.push_back(static_cast<uint16_t>(*x.variable));
  for (const auto& part : x.parts)
    collect_taking(part, out);
}

} // namespace

/// Keeps what a match says, and hands it on.
class pattern_view::recorder final : public match_sink {
public:
  recorder(const pattern_view& view, pattern_state& state, fold_context& context)
      : view_(view), state_(state), context_(context) {}

  void on_match(std::span<const match_node* const> rows, event_time at) override {
    auto& scratch = *context_.scratch;
    auto before = scratch.now();
    const auto& code = view_.code_;
    auto terms = scratch.allocate_cells(code.terms.all().size());
    auto cells = scratch.allocate_cells(code.measures.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      const auto& x = code.measures[i];
      for (auto term : x.terms)
        terms[term] = code.terms.value(term, rows, scratch);
      cells[i] = x.value.evaluate(terms, scratch);
    }
    ++state_.match_count;
    state_.last_match = buffered_row::copy_of(at, cells);
    state_.changed = true;
    if (context_.emissions != nullptr)
      context_.emissions->emit(cells, at);
    if (context_.changes != nullptr) {
      view_.publish(state_, *context_.changes, scratch);
      state_.published = true;
    }
    scratch.rewind(before);
  }

private:
  const pattern_view& view_;
  pattern_state& state_;
  fold_context& context_;
};

pattern_view::pattern_view(pattern_settings settings, program code)
    : settings_(std::move(settings)), code_(std::move(code)) {
  collect_taking(settings_.pattern, taking_);
  std::sort(taking_.begin(), taking_.end());
  taking_.erase(std::unique(taking_.begin(), taking_.end()), taking_.end());
  name_values();
  about_.name = settings_.name;
  about_.kind = "pattern";
  about_.inputs = {settings_.stream};
  about_.fingerprint = fingerprint_of(settings_, code_);
}

void pattern_view::name_values() {
  about_.features = {{"match_count", scalar(type_kind::int64)},
                     {"last_match_time", scalar(type_kind::timestamp)}};
  about_.changes.values = {{"match_count", scalar(type_kind::int64)},
                           {"last_match_time", scalar(type_kind::timestamp)}};
  for (const auto& x : code_.measures) {
    measure_types_.push_back(x.value.type());
    about_.features.push_back({"last_match_" + x.name, x.value.type()});
    about_.changes.values.push_back({x.name, x.value.type()});
    about_.emissions.push_back({x.name, x.value.type()});
  }
  for (auto variable : taking_)
    about_.features.push_back(
        {"partial_matches_" + settings_.variables[variable].name, scalar(type_kind::int64)});
}

std::unique_ptr<pattern_state> pattern_view::make_state() const {
  return std::make_unique<pattern_state>(code_.kept_types.size());
}

/// The conditions whose first half the row fits, as bits.
uint64_t pattern_view::fitting(std::span<const cell> row, arena& scratch) const {
  uint64_t bits = 0;
  for (size_t i = 0; i < code_.conditions.size(); ++i) {
    const auto& x = code_.conditions[i].of_row;
    if (!x || x->holds(row, scratch))
      bits |= uint64_t{1} << i;
  }
  return bits;
}

void pattern_view::buffer(pattern_state& state, std::span<const cell> row, event_time at,
                          fold_context& context) const {
  if (settings_.where && !settings_.where->holds(row, *context.scratch))
    return;
  if (at <= context.watermark) {
    ++context.counts->late;
    ++context.counts->late_dropped;
    return;
  }
  auto bits = fitting(row, *context.scratch);
  ++context.counts->rows;
  if (bits == 0 && !code_.states.has_gaps)
    return;
  if (state.waiting.size() >= settings_.max_waiting_rows) {
    ++context.counts->bound_reached;
    return;
  }
  auto place = state.waiting.count_until(at);
  state.waiting.insert(place, at, bits);
  // A row that fits nothing only lies between others.
  for (size_t i = 0; bits != 0 && i < code_.kept_columns.size(); ++i)
    state.waiting.value(place, i).keep(row[code_.kept_columns[i]]);
}

void pattern_view::fold(state_type& own, uint32_t, const event_batch& batch,
                        std::span<const uint32_t> rows, fold_context& context) const {
  fold_each(batch, rows, context,
            [&](std::span<const cell> row, event_time at) { buffer(own, row, at, context); });
}

void pattern_view::advance(state_type& own, fold_context& context) const {
  recorder sink{*this, own, context};
  matcher run{code_, settings_, own, *context.counts, *context.scratch, sink};
  auto& scratch = *context.scratch;
  auto cells = scratch.allocate_cells(code_.kept_types.size());
  auto count = own.waiting.count_until(context.watermark);
  for (uint32_t i = 0; i < count; ++i) {
    auto before = scratch.now();
    own.waiting.cells(i, code_.kept_types, cells, scratch);
    run.take(own.waiting.at(i), own.waiting.mark(i), cells);
    scratch.rewind(before);
  }
  own.waiting.drop(count);
  run.expire(context.watermark);
  if (context.watermark == end_of_time)
    run.finish();
  expire(own, context);
  own.note_first();
}

event_time pattern_view::forgotten_at(const pattern_state& state) const noexcept {
  return settings_.time_to_live ? later(state.newest, *settings_.time_to_live) : end_of_time;
}

void pattern_view::expire(pattern_state& state, fold_context& context) const {
  auto known = state.match_count != 0 || !state.partial.empty() || !state.complete.empty();
  if (!settings_.time_to_live || !known || forgotten_at(state) > context.watermark
      || context.watermark == end_of_time)
    return;
  auto at = forgotten_at(state);
  ++context.counts->expired;
  state.partial.clear();
  state.complete.clear();
  state.last_match = {};
  state.changed = state.changed || state.match_count != 0;
  state.match_count = 0;
  if (context.changes != nullptr && state.published) {
    context.changes->erase({}, at);
    state.published = false;
    state.changed = false;
  }
}

void pattern_view::report(const state_type& own, fold_context& context) const {
  if (!own.waiting.empty())
    context.wake(own.waiting.at(0));
  if (settings_.within && !own.partial.empty())
    context.wake(deadline_of(settings_, own.first_started));
  // Behind the end of time nothing ends any more.
  if (settings_.time_to_live && context.watermark != end_of_time
      && (own.match_count != 0 || !own.partial.empty() || !own.complete.empty()))
    context.wake(forgotten_at(own));
}

void pattern_view::publish(const pattern_state& state, change_sink& sink, arena& memory) const {
  auto before = memory.now();
  auto cells = memory.allocate_cells(about_.changes.values.size());
  cells[0] = cell::integer(static_cast<int64_t>(state.match_count));
  cells[1] = cell::timestamp(state.last_match->at());
  auto measures = state.last_match->cells();
  std::copy(measures.begin(), measures.end(), cells.begin() + 2);
  sink.upsert({}, cells, state.last_match->at());
  memory.rewind(before);
}

void pattern_view::collect_changes(state_type& own, event_time, change_sink& sink) const {
  if (!own.changed)
    return;
  own.changed = false;
  arena memory{256};
  if (own.match_count != 0)
    publish(own, sink, memory);
  else if (own.published)
    sink.erase({}, forgotten_at(own));
  own.published = own.match_count != 0;
}

bool pattern_view::empty(const state_type& own) const noexcept {
  return own.waiting.empty() && own.partial.empty() && own.complete.empty() && own.match_count == 0
         && !own.changed;
}

size_t pattern_view::memory(const state_type& own) const noexcept {
  return sizeof own + own.waiting.memory() + own.nodes.bytes
         + own.partial.capacity() * sizeof(partial_match)
         + own.complete.capacity() * sizeof(complete_match)
         + (own.last_match ? own.last_match->memory() : 0);
}

/// Partial matches whose last row `variable` took.
uint64_t pattern_view::partial_in(const pattern_state& state, uint16_t variable,
                                  event_time as_of) const {
  uint64_t count = 0;
  for (const auto& x : state.partial) {
    if (as_of < deadline_of(settings_, x.started)
        && code_.states.positions[x.position].variable == variable)
      ++count;
  }
  return count;
}

feature_value pattern_view::feature_of(const pattern_state& state, uint32_t feature,
                                       event_time as_of) const {
  // The end of time stands for no time in particular.
  as_of = as_of == end_of_time ? state.newest : std::max(as_of, state.newest);
  if (state.rows == 0 || as_of >= forgotten_at(state))
    return {};
  auto present = [](const cell& x, event_time at) {
    return feature_value{x, x.is_null() ? feature_status::null_value : feature_status::present, at};
  };
  auto measures = code_.measures.size();
  if (feature >= 2 + measures) {
    auto count = partial_in(state, taking_[feature - 2 - measures], as_of);
    return present(cell::integer(static_cast<int64_t>(count)), state.newest);
  }
  if (feature == 0)
    return present(cell::integer(static_cast<int64_t>(state.match_count)), state.newest);
  if (!state.last_match)
    return {};
  auto at = state.last_match->at();
  return present(feature == 1 ? cell::timestamp(at) : state.last_match->cells()[feature - 2], at);
}

void pattern_view::read(const state_type& own, event_time as_of, std::span<const uint32_t> wanted,
                        std::span<feature_value> out, arena& memory) const {
  for (size_t i = 0; i < wanted.size(); ++i) {
    out[i] = feature_of(own, wanted[i], as_of);
    out[i].value = memory.copy(out[i].value);
  }
}

} // namespace patterns

} // namespace keyfold
