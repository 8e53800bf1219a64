#include "actors/derived_flow.hpp"

#include "actors/router.hpp"

#include <algorithm>

namespace keyfold {

derived_flow::derived_flow(std::shared_ptr<const routing_table> table,
                           std::shared_ptr<flow_gate> gate)
    : table_(std::move(table)), gate_(std::move(gate)),
      heard_(table_->derived.size(),
             std::vector<event_time>(table_->router_count, beginning_of_time)) {
  for (const auto& x : table_->derived)
    joins_.emplace_back(x.schema);
}

void derived_flow::connect(uint32_t own, std::vector<caf::weak_actor_ptr> routers,
                           std::vector<stream_counters> counters) {
  own_ = own;
  routers_ = std::move(routers);
  counters_ = std::move(counters);
}

void derived_flow::send_rows(fold_part& from) {
  for (uint32_t derived = 0; derived < from.emitted.size(); ++derived) {
    auto& emitted = *from.emitted[derived];
    for (auto& rows : emitted.take()) {
      auto& join = joins_[derived];
      if (join.needed())
        rows = join.join(rows).value(); // tables in memory, loaded before the start, always answer
      if (rows == nullptr)
        continue;
      publish(derived, *rows, from.logs);
      send_rows(derived, rows);
    }
    if (joins_[derived].needed())
      counters_[derived].add(joins_[derived]);
    if (auto filtered = emitted.take_filtered())
      counters_[derived].filtered->Increment(static_cast<double>(filtered));
  }
}

void derived_flow::send_rows(uint32_t derived, const event_batch_ptr& rows) {
  std::vector<routed_batch> shares(routers_.size());
  counters_[derived].rows->Increment(static_cast<double>(rows->size()));
  counters_[derived].add(split_batch(*table_, table_->derived[derived].stream, rows, shares));
  for (uint32_t to = 0; to < shares.size(); ++to)
    if (!shares[to].inputs.empty())
      send(to, std::move(shares[to]));
}

void derived_flow::publish(uint32_t derived, const event_batch& rows,
                           std::vector<std::string>& logs) {
  for (const auto& route : table_->derived[derived].outputs)
    for (size_t i = 0; i < rows.size(); ++i) {
      auto row = rows.row(i);
      key_.clear();
      for (auto column : route.key)
        key_.push_back(row[column]);
      change_log_writer{logs[route.output]}.append({route.source, false, rows.time(i), key_, row});
    }
}

void derived_flow::send_time(uint32_t derived, event_time watermark, event_time newest) {
  for (uint32_t to = 0; to < routers_.size(); ++to) {
    routed_batch moment;
    moment.stream = table_->derived[derived].stream;
    moment.watermark = watermark;
    moment.newest = newest;
    moment.credit = 1;
    send(to, std::move(moment));
  }
}

void derived_flow::send(uint32_t to, routed_batch batch) {
  auto receiver = routers_[to].lock();
  if (!receiver)
    return; // the engine is gone
  batch.sender = own_;
  gate_->admit(batch.credit);
  static_cast<router*>(receiver->get())->send_batch(std::move(batch));
}

event_time derived_flow::hear(uint32_t derived, const routed_batch& batch) {
  auto& parts = heard_[derived];
  parts[batch.sender] = std::max(parts[batch.sender], batch.watermark);
  auto slowest = *std::min_element(parts.begin(), parts.end());
  if (own_ == 0) {
    stream_counters::show(*counters_[derived].watermark, slowest);
    if (batch.newest != beginning_of_time)
      stream_counters::show(*counters_[derived].newest, batch.newest);
  }
  return slowest;
}

} // namespace keyfold
