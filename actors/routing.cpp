#include "actors/routing.hpp"

#include "features/entity_key.hpp"
#include "features/murmur2.hpp"

#include <xxhash.h>

#include <algorithm>

namespace keyfold {

uint32_t router_of(std::string_view key, uint32_t router_count) noexcept {
  return partition_of(key, shard_count) * router_count / shard_count;
}

uint64_t directory_hash(std::string_view key) noexcept {
  return XXH3_64bits(key.data(), key.size());
}

namespace {

/// The text of one string field is the key itself, unless it must be escaped.
bool is_own_key(const cell& field) noexcept {
  if (field.kind() != cell_kind::string)
    return false;
  auto text = field.as_text();
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '|' || c == '\\'; });
}

class splitter {
public:
  splitter(const routing_table& table, const event_batch& events, std::vector<routed_batch>& shares)
      : table_(table), events_(events), shares_(shares) {}

  const routing_losses& losses() const noexcept { return losses_; }

  void route(uint32_t entity, uint32_t input) {
    for (auto& share : shares_) {
      share.inputs.push_back({entity, input, {}});
      share.inputs.back().rows.reserve(events_.size() / shares_.size() + 64);
    }
    const auto& columns = table_.entities[entity].layout->definition().inputs[input].key_columns;
    for (uint32_t row = 0; row < events_.size(); ++row)
      route_row(row, columns);
    for (auto& share : shares_) {
      share.credit += share.inputs.back().rows.size();
      if (share.inputs.back().rows.empty())
        share.inputs.pop_back();
    }
  }

private:
  void route_row(uint32_t row, const std::vector<uint32_t>& columns) {
    auto cells = events_.row(row);
    const auto& first = cells[columns.front()];
    auto in_batch = columns.size() == 1 && is_own_key(first);
    if (!in_batch && !compose(cells, columns)) {
      ++losses_.null_key;
      return;
    }
    auto text = in_batch ? first.as_text() : std::string_view{composed_};
    if (text.size() > table_.max_key_bytes) {
      ++losses_.long_key;
      return;
    }
    auto& share = shares_[router_of(text, table_.router_count)];
    if (!in_batch)
      text = share.keys.copy(text);
    share.inputs.back().rows.push_back(
        {directory_hash(text), text.data(), static_cast<uint32_t>(text.size()), row});
  }

  bool compose(std::span<const cell> cells, const std::vector<uint32_t>& columns) {
    fields_.clear();
    for (auto column : columns)
      fields_.push_back(cells[column]);
    composed_.clear();
    return append_entity_key(fields_, composed_);
  }

  const routing_table& table_;
  const event_batch& events_;
  std::vector<routed_batch>& shares_;
  std::vector<cell> fields_;
  std::string composed_;
  routing_losses losses_;
};

} // namespace

routing_losses split_batch(const routing_table& table, uint32_t stream,
                           const event_batch_ptr& events, std::vector<routed_batch>& shares) {
  for (auto& share : shares) {
    share.events = events;
    share.stream = stream;
    share.credit = 1;
  }
  splitter split{table, *events, shares};
  for (uint32_t entity = 0; entity < table.entities.size(); ++entity)
    for (uint32_t input = 0; input < table.entities[entity].input_streams.size(); ++input)
      if (table.entities[entity].input_streams[input] == stream)
        split.route(entity, input);
  return split.losses();
}

} // namespace keyfold
