#pragma once

#include "config/plan.hpp"
#include "features/decimal.hpp"
#include "features/entity_key.hpp"
#include "features/event_batch.hpp"
#include "features/watermark.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace keyfold::config {

using ordered = nlohmann::ordered_json;

/// A cell as JSON; times are epoch milliseconds.
inline ordered json_of(const cell& x) {
  switch (x.kind()) {
  case cell_kind::null:
    return nullptr;
  case cell_kind::boolean:
    return x.as_boolean();
  case cell_kind::integer:
    return x.as_integer();
  case cell_kind::real:
    return x.as_real();
  case cell_kind::decimal: {
    std::string text;
    append_decimal(x, text);
    return text;
  }
  case cell_kind::string:
  case cell_kind::bytes:
    return std::string{x.as_text()};
  case cell_kind::timestamp:
    return x.as_timestamp().time_since_epoch().count() / 1000;
  case cell_kind::list: {
    auto out = ordered::array();
    for (const auto& item : x.items())
      out.push_back(json_of(item));
    return out;
  }
  case cell_kind::map: {
    auto out = ordered::object();
    for (size_t i = 0; i < x.items().size(); i += 2)
      out[std::string{x.items()[i].as_text()}] = json_of(x.items()[i + 1]);
    return out;
  }
  }
  return nullptr;
}

/// Folds rows into the first view of a plan as a router does, one by one in their order, the
/// watermark following them, and keeps every row published.
class window_runner {
public:
  explicit window_runner(const plan& from)
      : schema_(from.streams.at(0).schema), entity_(from.entities.at(0)),
        view_(entity_->views.at(0)), watermark_(schema_->time.max_delay, std::chrono::hours{1}) {
    watermark_.add("0", {});
  }

  void put(const ordered& row) {
    event_batch_builder builder{schema_, 1};
    auto cells = builder.begin_row();
    for (size_t i = 0; i < schema_->fields.size(); ++i)
      if (!schema_->fields[i].derived)
        cells[i] = cell_of(row.value(schema_->fields[i].name, ordered{}), schema_->fields[i],
                           builder.text());
    auto outcome = builder.finish_row(std::nullopt);
    REQUIRE(outcome);
    if (*outcome == event_batch_builder::outcome::filtered)
      return;
    auto at = builder.last_time();
    auto batch = builder.build();
    auto& key = key_of(*batch);
    auto context = context_of(key);
    uint32_t number = 0;
    view_->fold(*key.state, 0, *batch, {&number, 1}, context);
    key.wake_at = std::min(key.wake_at, context.wake_at);
    watermark_.observe("0", at, {});
    advance(watermark_.watermark({}));
  }
  void end() { advance(end_of_time); }

  /// Objects of the key's columns and the published ones, in the order of publication.
  std::vector<ordered> published;
  fold_counts counts;

private:
  struct key_state final : change_sink {
    explicit key_state(window_runner& to) : owner(to) {}

    void upsert(std::span<const cell>, std::span<const cell> values, event_time) override {
      auto row = columns;
      const auto& names = owner.view_->changes().values;
      for (size_t i = 0; i < names.size(); ++i)
        row[names[i].name] = json_of(values[i]);
      owner.published.push_back(std::move(row));
    }
    void erase(std::span<const cell>, event_time) override {}

    window_runner& owner;
    ordered columns = ordered::object();
    std::unique_ptr<view_state> state;
    event_time wake_at = end_of_time;
  };

  static cell cell_of(const ordered& x, const stream_field& field, arena& memory) {
    if (x.is_null())
      return {};
    switch (field.type.kind) {
    case type_kind::timestamp:
      return cell::timestamp(event_time{std::chrono::milliseconds{x.get<int64_t>()}});
    case type_kind::string:
      return cell::string(memory.copy(x.get<std::string>()));
    case type_kind::decimal: {
      auto unscaled = parse_decimal(x.get<std::string>(), field.type.precision, field.type.scale);
      REQUIRE(unscaled);
      return cell::decimal(*unscaled, field.type.scale);
    }
    case type_kind::float32:
    case type_kind::float64:
      return cell::real(x.get<double>());
    default:
      return cell::integer(x.get<int64_t>());
    }
  }

  key_state& key_of(const event_batch& batch) {
    std::vector<cell> fields;
    for (auto column : entity_->inputs.at(0).key_columns)
      fields.push_back(batch.row(0)[column]);
    std::string text;
    append_entity_key(fields, text);
    auto& key = keys_[text];
    if (key == nullptr) {
      key = std::make_unique<key_state>(*this);
      key->state = view_->make_state();
      for (size_t i = 0; i < fields.size(); ++i)
        key->columns[entity_->key[i].name] = json_of(fields[i]);
    }
    return *key;
  }

  fold_context context_of(key_state& key) {
    scratch_.clear();
    fold_context out;
    out.watermark = reached_;
    out.changes = &key;
    out.counts = &counts;
    out.scratch = &scratch_;
    return out;
  }

  void advance(event_time to) {
    reached_ = to;
    for (auto& [text, key] : keys_)
      if (key->wake_at <= reached_ && key->wake_at != end_of_time) {
        auto context = context_of(*key);
        view_->advance(*key->state, context);
        key->wake_at = context.wake_at;
      }
  }

  std::shared_ptr<const stream_schema> schema_;
  std::shared_ptr<const entity_definition> entity_;
  std::shared_ptr<const view> view_;
  watermark_tracker watermark_;
  event_time reached_ = beginning_of_time;
  std::map<std::string, std::unique_ptr<key_state>> keys_;
  arena scratch_;
};

} // namespace keyfold::config
