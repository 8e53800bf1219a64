#include "connectors/kafka/assignment.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace keyfold::kafka {
namespace {

constexpr int broker_timeout_ms = 5000;
constexpr auto rejoin_delay = std::chrono::seconds{2};

int64_t logical_start(source_settings::start x) {
  return x == source_settings::start::latest ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
}

partition_list list_of(const std::vector<assigned_partition>& partitions) {
  partition_list out{rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()))};
  for (auto& x : partitions)
    rd_kafka_topic_partition_list_add(out.get(), x.topic.c_str(), x.number)->offset =
        x.next == assigned_partition::unknown ? x.start : x.next;
  return out;
}

} // namespace

assignment::assignment(const source_settings& settings, problem_board& problems, wake_signal& wake,
                       source_metrics& metrics)
    : settings_(settings), problems_(problems), wake_(wake), metrics_(metrics) {}

void assignment::restore(const source_positions& positions) {
  known_ = positions;
}

assigned_partition* assignment::find(std::string_view topic, int32_t number) noexcept {
  auto found = std::find_if(partitions_.begin(), partitions_.end(),
                            [&](auto& x) { return x.number == number && x.topic == topic; });
  return found == partitions_.end() ? nullptr : &*found;
}

void assignment::rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* list) {
  metrics_.rebalances.Increment();
  switch (what) {
  case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
    assign(client, list);
    break;
  case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
    revoke(client);
    break;
  default:
    spdlog::warn("kafka group of {}: the rebalance failed: {}", settings_.application,
                 rd_kafka_err2str(what));
    revoke(client);
  }
}

assigned_partition assignment::open(rd_kafka_t* client, const rd_kafka_topic_partition_t& x) {
  assigned_partition out;
  out.topic = x.topic;
  out.number = x.partition;
  out.name = fmt::format("{}-{}", x.topic, x.partition);
  out.queue.reset(rd_kafka_queue_get_partition(client, x.topic, x.partition));
  rd_kafka_queue_forward(out.queue.get(), nullptr); // not to the consumer's queue
  rd_kafka_queue_cb_event_enable(
      out.queue.get(), [](rd_kafka_t*, void* wake) { static_cast<wake_signal*>(wake)->notify(); },
      &wake_);
  out.start = logical_start(settings_.start_at);
  out.heard_at = std::chrono::steady_clock::now();
  if (auto found = known_.find(out.name); found != known_.end()) {
    out.next = found->second.next;
    out.max_time = found->second.max_time;
  }
  return out;
}

void assignment::assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list) {
  partitions_.clear();
  for (int i = 0; i < list->cnt; ++i)
    partitions_.push_back(open(client, list->elems[i]));
  auto ready = find_starts(client);
  if (ready && settings_.until_end)
    ready = find_ends(client);
  if (!ready) {
    problems_.set("assignment", ready.error().message);
    spdlog::warn("kafka group of {}: {}", settings_.application, ready.error().message);
    partitions_.clear();
    rd_kafka_assign(client, nullptr);
    rejoin_at_ = std::chrono::steady_clock::now() + rejoin_delay;
    return;
  }
  problems_.clear("assignment");
  problems_.clear("group");
  problems_.clear("connection");
  for (auto& x : partitions_) {
    problems_.clear("topic " + x.topic);
    revoked_.erase(x.name);
    x.moved = x.ended;
  }
  if (auto begun = restart(client); !begun)
    problems_.set("assignment", begun.error().message);
  spdlog::info("kafka group of {}: {} partitions assigned", settings_.application,
               partitions_.size());
}

result<void> assignment::restart(rd_kafka_t* client) {
  for (auto& x : partitions_) {
    x.held.clear();
    x.stalled = false;
  }
  auto list = list_of(partitions_);
  if (auto failed = rd_kafka_assign(client, list.get()))
    return fail(fmt::format("the partitions dealt out by the group cannot be read: {}",
                            rd_kafka_err2str(failed)));
  return {};
}

void assignment::revoke(rd_kafka_t* client) {
  for (auto& x : partitions_) {
    if (x.next != assigned_partition::unknown)
      known_[x.name] = {x.name, x.next, x.max_time, false};
    revoked_.insert(x.name);
    metrics_.forget(x.name);
    problems_.clear("partition " + x.name);
    problems_.clear("schema of " + x.name);
  }
  partitions_.clear();
  rd_kafka_assign(client, nullptr);
}

void assignment::clear() {
  partitions_.clear();
}

result<void> assignment::find_starts(rd_kafka_t* client) {
  if (settings_.start_at != source_settings::start::timestamp)
    return {};
  using std::chrono::milliseconds;
  auto at = std::chrono::floor<milliseconds>(settings_.start_time.time_since_epoch()).count();
  partition_list list{rd_kafka_topic_partition_list_new(1)};
  for (auto& x : partitions_)
    if (x.next == assigned_partition::unknown)
      rd_kafka_topic_partition_list_add(list.get(), x.topic.c_str(), x.number)->offset =
          std::max<int64_t>(at, 0);
  if (list->cnt == 0)
    return {};
  auto failed = rd_kafka_offsets_for_times(client, list.get(), broker_timeout_ms);
  for (int i = 0; i < list->cnt && !failed; ++i) {
    auto& entry = list->elems[i];
    failed = entry.err;
    if (auto* x = find(entry.topic, entry.partition))
      x->start = entry.offset;
  }
  if (failed)
    return fail(fmt::format("the offsets at the start time cannot be looked up: {}; asking again",
                            rd_kafka_err2str(failed)));
  return {};
}

result<void> assignment::find_ends(rd_kafka_t* client) {
  for (auto& x : partitions_) {
    int64_t low = 0;
    int64_t high = 0;
    if (auto failed = rd_kafka_query_watermark_offsets(client, x.topic.c_str(), x.number, &low,
                                                       &high, broker_timeout_ms))
      return fail(fmt::format("the end of {} cannot be looked up: {}; asking again", x.name,
                              rd_kafka_err2str(failed)));
    x.end = ends_.emplace(x.name, high).first->second;
    if (low == high && x.next == assigned_partition::unknown)
      x.next = high;
    // A partition that holds nothing more for us says so at once; one whose records are gone from
    // where we are must not end: the broker's refusal will tell.
    x.ended = x.next >= std::max(x.end, low) && x.next <= high;
  }
  return {};
}

void assignment::collect(source_poll& out) {
  for (auto& x : partitions_) {
    if (!x.moved)
      continue;
    x.moved = false;
    if (x.next != assigned_partition::unknown)
      out.progress.push_back({x.name, x.next, x.max_time, x.ended});
  }
  out.revoked.assign(revoked_.begin(), revoked_.end());
  revoked_.clear();
}

void assignment::collect_unread(bool connected, source_poll& out) const {
  for (auto& x : partitions_)
    if (!x.caught_up || x.stalled || !connected || rd_kafka_queue_length(x.queue.get()) > 0)
      out.unread.push_back(x.name);
}

size_t assignment::stalled() const {
  return static_cast<size_t>(std::count_if(partitions_.begin(), partitions_.end(),
                                           [](const auto& x) { return x.stalled; }));
}

bool assignment::must_rejoin(std::chrono::steady_clock::time_point now) {
  if (now < rejoin_at_)
    return false;
  rejoin_at_ = std::chrono::steady_clock::time_point::max();
  return true;
}

} // namespace keyfold::kafka
