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
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
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

/// Runs the views of a plan as routers do, one row at a time, watermarks following them through
/// all stages, and keeps every row that one view publishes, or every event of one stream. Pure: no
/// actor, no source, no output.
class window_runner {
public:
  /// @param watched the view whose rows are kept, or the derived stream whose events are
  explicit window_runner(const plan& from, std::string watched = "v")
      : watched_(std::move(watched)) {
    for (const auto& x : from.streams) {
      auto& made = streams_.emplace_back();
      made.schema = x.schema;
      if (const auto* emitter = std::get_if<view_source>(&x.source)) {
        made.emitter = emitter->view;
        continue;
      }
      made.tracker.emplace(x.schema->time.max_delay, std::chrono::hours{1});
      made.tracker->add("0", {});
    }
    for (const auto& entity : from.entities)
      for (uint32_t i = 0; i < entity->views.size(); ++i)
        views_.push_back({entity, i, {}, beginning_of_time});
  }

  /// Puts a row into a stream; the only one, or the one named.
  /// @param moves_time the stream's watermark follows the row's time
  void put(const ordered& row, const std::string& stream = "", bool moves_time = true) {
    auto& to = stream.empty() ? streams_.at(0) : find(stream);
    event_batch_builder builder{to.schema, 1};
    auto cells = builder.begin_row();
    for (size_t i = 0; i < to.schema->fields.size(); ++i)
      if (!to.schema->fields[i].derived)
        cells[i] = cell_of(row.value(to.schema->fields[i].name, ordered{}), to.schema->fields[i],
                           builder.text());
    auto at = deliver(to, builder, std::nullopt);
    if (!at || !moves_time)
      return;
    to.tracker->observe("0", *at, {});
    to.watermark = to.tracker->watermark({});
    advance();
  }
  /// All rows of all streams up to this time have come.
  void advance_to(event_time watermark) {
    for (auto& x : streams_)
      if (x.tracker)
        x.watermark = std::max(x.watermark, watermark);
    advance();
  }
  void end() {
    for (auto& x : streams_)
      if (x.tracker)
        x.watermark = end_of_time;
    advance();
  }

  /// Objects of the key's columns and the published ones, in the order of publication.
  std::vector<ordered> published;
  fold_counts counts;

private:
  struct stream_state {
    std::shared_ptr<const stream_schema> schema;
    std::optional<watermark_tracker> tracker;
    std::string emitter; // of a derived stream: the view
    event_time watermark = beginning_of_time;
  };
  struct key_state {
    ordered columns = ordered::object();
    std::unique_ptr<view_state> state;
    event_time wake_at = end_of_time;
  };
  struct running_view {
    std::shared_ptr<const entity_definition> entity;
    uint32_t number;
    std::map<std::string, key_state> keys;
    event_time watermark;

    const view& definition() const { return *entity->views[number]; }
  };
  /// Where the rows go that a view publishes and emits for one key.
  struct results final : change_sink, emission_sink {
    results(window_runner& to, const view& of, const ordered& key)
        : owner(to), from(of), columns(key) {}

    void upsert(std::span<const cell>, std::span<const cell> values, event_time) override {
      if (from.name() != owner.watched_)
        return;
      auto row = columns;
      const auto& names = from.changes().values;
      for (size_t i = 0; i < names.size(); ++i)
        row[names[i].name] = json_of(values[i]);
      owner.published.push_back(std::move(row));
    }
    void erase(std::span<const cell>, event_time) override {}
    void emit(std::span<const cell> row, event_time at) override {
      for (auto& stream : owner.streams_) {
        if (stream.emitter != from.name())
          continue;
        event_batch_builder builder{stream.schema, 1};
        auto cells = builder.begin_row();
        for (size_t i = 0; i < cells.size(); ++i)
          for (size_t j = 0; j < row.size(); ++j)
            if (from.emissions()[j].name == stream.schema->fields[i].name)
              cells[i] = builder.text().copy(row[j]);
        emitted.emplace_back(&stream, std::move(builder), at);
      }
    }

    window_runner& owner;
    const view& from;
    const ordered& columns;
    std::vector<std::tuple<stream_state*, event_batch_builder, event_time>> emitted;
  };

  stream_state& find(const std::string& name) {
    for (auto& x : streams_)
      if (x.schema->name == name)
        return x;
    throw std::logic_error{"no stream " + name};
  }

  static cell cell_of(const ordered& x, const stream_field& field, arena& memory) {
    if (x.is_null())
      return {};
    switch (field.type.kind) {
    case type_kind::timestamp:
      return cell::timestamp(event_time{std::chrono::milliseconds{x.get<int64_t>()}});
    case type_kind::boolean:
      return cell::boolean(x.get<bool>());
    case type_kind::string:
      return cell::string(memory.copy(x.get<std::string>()));
    case type_kind::float32:
    case type_kind::float64:
      return cell::real(x.get<double>());
    default:
      return cell::integer(x.get<int64_t>());
    }
  }

  /// Finishes the row and folds it into every view over the stream; its time, if it was taken.
  std::optional<event_time> deliver(const stream_state& stream, event_batch_builder& builder,
                                    std::optional<event_time> source_time) {
    auto outcome = builder.finish_row(source_time);
    REQUIRE(outcome);
    if (*outcome == event_batch_builder::outcome::filtered)
      return std::nullopt;
    auto at = builder.last_time();
    auto batch = builder.build();
    if (stream.schema->name == watched_)
      keep(*batch);
    for (auto& x : views_)
      for (const auto& input : x.entity->inputs)
        for (const auto& target : input.views)
          if (input.stream == stream.schema->name && target.view == x.number)
            fold(x, key_of(x, *batch, input.key_columns), target.input, *batch);
    return at;
  }

  void keep(const event_batch& batch) {
    auto& kept = published.emplace_back(ordered::object());
    const auto& fields = batch.schema().fields;
    for (size_t i = 0; i < fields.size(); ++i)
      kept[fields[i].name] = json_of(batch.row(0)[i]);
  }

  void fold(running_view& x, key_state& key, uint32_t input, const event_batch& batch) {
    results to{*this, x.definition(), key.columns};
    auto context = context_of(x, to);
    uint32_t row = 0;
    x.definition().fold(*key.state, input, batch, {&row, 1}, context);
    key.wake_at = std::min(key.wake_at, context.wake_at);
    pass_on(to);
  }

  void pass_on(results& from) {
    for (auto& [stream, builder, at] : from.emitted)
      deliver(*stream, builder, at);
  }

  key_state& key_of(running_view& x, const event_batch& batch,
                    const std::vector<uint32_t>& key_columns) {
    std::vector<cell> fields;
    for (auto column : key_columns)
      fields.push_back(batch.row(0)[column]);
    std::string text;
    append_entity_key(fields, text);
    auto& key = x.keys[text];
    if (key.state == nullptr) {
      key.state = x.definition().make_state();
      for (size_t i = 0; i < fields.size(); ++i)
        key.columns[x.entity->key[i].name] = json_of(fields[i]);
    }
    return key;
  }

  fold_context context_of(const running_view& x, results& to) {
    fold_context out;
    out.watermark = x.watermark;
    out.changes = &to;
    out.emissions = &to;
    out.counts = &counts;
    out.scratch = &scratch_;
    return out;
  }

  /// Passes the watermarks on, stage after stage: a view's events before its watermark.
  void advance() {
    for (auto again = true; again;) {
      again = false;
      for (auto& x : views_) {
        auto watermark = end_of_time;
        for (const auto& input : x.definition().inputs())
          watermark = std::min(watermark, find(input).watermark);
        if (watermark <= x.watermark)
          continue;
        x.watermark = watermark;
        again = true;
        for (auto& [text, key] : x.keys)
          wake(x, key);
        for (auto& stream : streams_)
          if (stream.emitter == x.definition().name())
            stream.watermark = watermark;
      }
    }
  }

  void wake(running_view& x, key_state& key) {
    if (key.wake_at > x.watermark || key.wake_at == end_of_time)
      return;
    scratch_.clear();
    results to{*this, x.definition(), key.columns};
    auto context = context_of(x, to);
    x.definition().advance(*key.state, context);
    key.wake_at = context.wake_at;
    pass_on(to);
  }

  std::string watched_;
  std::vector<stream_state> streams_;
  std::vector<running_view> views_;
  arena scratch_;
};

} // namespace keyfold::config
