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
  columns_.assign(key_.begin(), key_.end());
  columns_.insert(columns_.end(), group.begin(), group.end());
  for (const auto& route : routes_)
    change_log_writer{logs_[route.output]}.append({route.source, erased, at, columns_, values});
}

fold_part::fold_part(const routing_table& table,
                     const std::vector<std::vector<event_time>>& watermarks)
    : logs(table.output_count), states(table.entities.size()), table_(table),
      watermarks_(watermarks) {
  for (const auto& entity : table.entities) {
    const auto& definition = entity.layout->definition();
    counts.emplace_back(definition.views.size());
    auto& sinks = sinks_.emplace_back();
    for (const auto& key_column : definition.key)
      sinks.key_types.push_back(key_column.type);
    auto sink_of = [&](const std::vector<change_route>& routes) -> change_sink* {
      if (routes.empty())
        return nullptr;
      sinks.records = true;
      sinks.recorders.push_back(std::make_unique<change_recorder>(routes, logs));
      return sinks.recorders.back().get();
    };
    for (size_t view = 0; view < definition.views.size(); ++view) {
      sinks.every.push_back(sink_of(entity.every_change[view]));
      sinks.last.push_back(sink_of(entity.last_change[view]));
      sinks.emissions.push_back(nullptr);
    }
  }
}

void fold_part::announce_key(entity_sinks& sinks, std::string_view key) {
  if (!sinks.records)
    return;
  key_memory_.clear();
  auto plain = sinks.key_types.size() == 1 && sinks.key_types.front().kind == type_kind::string
               && key.find('\\') == std::string_view::npos;
  if (plain) {
    key_fields_.assign(1, cell::string(key));
  } else if (auto fields = parse_entity_key(key, sinks.key_types, key_memory_)) {
    key_fields_ = std::move(*fields);
  }
  for (auto& recorder : sinks.recorders)
    recorder->of_key(key_fields_);
}

fold_environment fold_part::environment(uint32_t entity, std::string_view key) {
  auto& sinks = sinks_[entity];
  announce_key(sinks, key);
  return {watermarks_[entity], sinks.every, sinks.emissions, counts[entity], &scratch_};
}

std::span<change_sink* const> fold_part::last_changes(uint32_t entity, std::string_view key) {
  auto& sinks = sinks_[entity];
  announce_key(sinks, key);
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
}

size_t fold_part::log_bytes() const noexcept {
  size_t sum = 0;
  for (const auto& log : logs)
    sum += log.size();
  return sum;
}

} // namespace keyfold
