#include "actors/fold_part.hpp"

#include "features/entity_key.hpp"

namespace keyfold {

void change_recorder::upsert(std::span<const cell> group, std::span<const cell> values,
                             event_time at) {
  record(group, values, at, false);
}

void change_recorder::erase(std::span<const cell> group, event_time at) {
  record(group, {}, at, true);
}

void change_recorder::record(std::span<const cell> group, std::span<const cell> values,
                             event_time at, bool erased) {
  auto key = key_.fields();
  columns_.assign(key.begin(), key.end());
  columns_.insert(columns_.end(), group.begin(), group.end());
  for (const auto& route : routes_)
    change_log_writer{logs_[route.output]}.append({route.source, erased, at, columns_, values});
}

std::span<const cell> announced_key::fields() {
  if (parsed_)
    return fields_;
  parsed_ = true;
  memory_.clear();
  auto plain = types_.size() == 1 && types_.front().kind == type_kind::string
               && key_.find('\\') == std::string_view::npos;
  if (plain)
    fields_.assign(1, cell::string(key_));
  else if (auto fields = parse_entity_key(key_, types_, memory_))
    fields_ = std::move(*fields);
  return fields_;
}

fold_part::fold_part(const routing_table& table,
                     const std::vector<std::vector<event_time>>& watermarks)
    : logs(table.output_count), states(table.entities.size()), watermarks_(watermarks) {
  for (const auto& entity : table.entities) {
    const auto& definition = entity.layout->definition();
    counts.emplace_back(definition.views.size());
    auto& sinks = sinks_.emplace_back();
    std::vector<data_type> key_types;
    for (const auto& key_column : definition.key)
      key_types.push_back(key_column.type);
    sinks.key = std::make_unique<announced_key>(std::move(key_types));
    auto sink_of = [&](const std::vector<change_route>& routes) -> change_sink* {
      if (routes.empty())
        return nullptr;
      sinks.recorders.push_back(std::make_unique<change_recorder>(routes, *sinks.key, logs));
      return sinks.recorders.back().get();
    };
    for (size_t view = 0; view < definition.views.size(); ++view) {
      sinks.every.push_back(sink_of(entity.every_change[view]));
      sinks.last.push_back(sink_of(entity.last_change[view]));
      sinks.emissions.push_back(nullptr);
    }
  }
  for (const auto& stream : table.derived) {
    emitted.push_back(
        std::make_unique<emission_recorder>(stream, counts[stream.entity][stream.view]));
    sinks_[stream.entity].emissions[stream.view] = emitted.back().get();
  }
}

fold_environment fold_part::environment(uint32_t entity, std::string_view key) {
  auto& sinks = sinks_[entity];
  sinks.key->set(key);
  return {watermarks_[entity], sinks.every, sinks.emissions, counts[entity], &scratch_};
}

std::span<change_sink* const> fold_part::last_changes(uint32_t entity, std::string_view key) {
  auto& sinks = sinks_[entity];
  sinks.key->set(key);
  return sinks.last;
}

void fold_part::take(fold_part& other) {
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i].append(other.logs[i]);
    other.logs[i].clear();
  }
  for (size_t i = 0; i < states.size(); ++i) {
    states[i].append(other.states[i]);
    other.states[i].clear();
  }
  for (size_t entity = 0; entity < counts.size(); ++entity)
    for (size_t view = 0; view < counts[entity].size(); ++view) {
      counts[entity][view] += other.counts[entity][view];
      other.counts[entity][view] = {};
    }
  for (size_t i = 0; i < emitted.size(); ++i)
    emitted[i]->take(*other.emitted[i]);
}

size_t fold_part::log_bytes() const noexcept {
  size_t sum = 0;
  for (const auto& log : logs)
    sum += log.size();
  return sum;
}

size_t fold_part::emitted_rows() const noexcept {
  size_t sum = 0;
  for (const auto& stream : emitted)
    sum += stream->size();
  return sum;
}

} // namespace keyfold
