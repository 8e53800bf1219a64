#include "replay.hpp"

#include "config/plan.hpp"
#include "features/decimal.hpp"
#include "features/entity_key.hpp"

#include <map>
#include <memory>

namespace keyfold::conformance {

namespace {

cell cell_of(const json& x, const stream_field& field, arena& memory) {
  if (x.is_null())
    return {};
  switch (field.type.kind) {
  case type_kind::timestamp:
    return cell::timestamp(event_time{std::chrono::milliseconds{x.get<int64_t>()}});
  case type_kind::boolean:
    return cell::boolean(x.get<bool>());
  case type_kind::float64:
    return cell::real(x.get<double>());
  case type_kind::int64:
    return cell::integer(x.get<int64_t>());
  default:
    return cell::string(memory.copy(x.is_string() ? x.get<std::string>() : x.dump()));
  }
}

json json_of(const cell& x) {
  switch (x.kind()) {
  case cell_kind::null:
    return nullptr;
  case cell_kind::boolean:
    return x.as_boolean();
  case cell_kind::integer:
    return x.as_integer();
  case cell_kind::real:
    return x.as_real();
  case cell_kind::decimal:
    return decimal_to_double(x.unscaled(), x.scale());
  case cell_kind::timestamp:
    return x.as_timestamp().time_since_epoch().count();
  default:
    return std::string{x.as_text()};
  }
}

class emission_recorder final : public emission_sink {
public:
  emission_recorder(const view& of, std::vector<json>& out) : view_(of), out_(out) {}
  void emit(std::span<const cell> row, event_time) override {
    json made = json::object();
    for (size_t i = 0; i < row.size(); ++i)
      made[view_.emissions()[i].name] = json_of(row[i]);
    out_.push_back(std::move(made));
  }

private:
  const view& view_;
  std::vector<json>& out_;
};

/// The keys of the only view of a definition.
class keys {
public:
  keys(const config::plan& plan, std::vector<json>& out)
      : entity_(*plan.entities.front()), view_(*entity_.views.front()),
        schema_(plan.streams.front().schema), sink_(view_, out) {}

  void fold(const json& record) {
    event_batch_builder builder{schema_, 1};
    auto cells = builder.begin_row();
    for (size_t i = 0; i < cells.size(); ++i) {
      const auto& field = schema_->fields[i];
      if (!field.derived && record.contains(field.name))
        cells[i] = cell_of(record[field.name], field, builder.text());
    }
    if (!builder.finish_row(std::nullopt))
      return;
    auto batch = builder.build();
    std::string key;
    for (auto column : entity_.inputs.front().key_columns)
      append_entity_key(batch->row(0).subspan(column, 1), key);
    auto& state = states_[key];
    if (!state)
      state = view_.make_state();
    const uint32_t row = 0;
    auto context = this->context();
    view_.fold(*state, 0, *batch, {&row, 1}, context);
  }

  void advance(event_time to) {
    watermark_ = std::max(watermark_, to);
    for (auto& [key, state] : states_) {
      auto context = this->context();
      view_.advance(*state, context);
    }
  }

private:
  fold_context context() {
    scratch_.clear();
    fold_context out;
    out.watermark = watermark_;
    out.emissions = &sink_;
    out.counts = &counts_;
    out.scratch = &scratch_;
    return out;
  }

  const entity_definition& entity_;
  const view& view_;
  std::shared_ptr<const stream_schema> schema_;
  emission_recorder sink_;
  std::map<std::string, std::unique_ptr<view_state>> states_;
  event_time watermark_ = beginning_of_time;
  fold_counts counts_;
  arena scratch_;
};

} // namespace

outcome replay(const run& x) {
  outcome out;
  auto plan = config::compile_plan(x.definition.dump(), x.name,
                                   [](const auto&) { return std::optional<std::string>{}; });
  if (!plan) {
    out.problems = plan.error().messages;
    return out;
  }
  out.compiled = true;
  keys all{*plan, out.emitted};
  for (const auto& next : x.steps) {
    if (const auto* row = std::get_if<record>(&next))
      all.fold(row->value);
    else
      all.advance(event_time{std::chrono::milliseconds{std::get<watermark>(next).milliseconds}});
  }
  all.advance(end_of_time);
  return out;
}

} // namespace keyfold::conformance
